"""The training API (contract D): datasets in, a training, models out."""

from __future__ import annotations

from fastapi import APIRouter

from dataforge_functions.api.training import live, models, training

router = APIRouter()
for part in (training, models):
    router.include_router(part.router, prefix="/api")
router.include_router(live.router)
