"""The synthetic API (contract B): datasets from a description."""

from __future__ import annotations

from fastapi import APIRouter

from dataforge_functions.api.synthetic import files, jobs, prices

router = APIRouter(prefix="/v1/synthetic")
for part in (jobs, files, prices):
    router.include_router(part.router)
