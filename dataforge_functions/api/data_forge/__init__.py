"""The Data Forge API: documents in, reviewed pairs out (contract A)."""

from __future__ import annotations

from fastapi import APIRouter

from dataforge_functions.api.data_forge import documents, event_stream, generations, pairs, projects

router = APIRouter()
for part in (projects, documents, generations, event_stream, pairs):
    router.include_router(part.router)
