"""The training API (contract D): datasets in, a training, models out that answer."""

from __future__ import annotations

from fastapi import APIRouter

from dataforge_functions.api.each_request import FILE, JSON_BODY
from dataforge_functions.api.training import datasets, exports, live, models, playground, training

BODY_LIMITS = {"/api/upload_dataset/": JSON_BODY, "/api/upload_dataset": FILE}
"""The first prefix that fits a path counts: only the upload itself has a file for its body."""

router = APIRouter()
for part in (training, models, datasets, playground, exports):
    router.include_router(part.router, prefix="/api")
router.include_router(live.router)
