"""The Data Forge API: documents in, reviewed pairs out (contract A)."""

from __future__ import annotations

from fastapi import APIRouter

from functions.api.data_forge import documents, following, generations, pairs, projects

router = APIRouter()
for part in (projects, documents, generations, following, pairs):
    router.include_router(part.router)
