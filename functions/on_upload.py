"""Check an uploaded file: S3's "Object Created" event, by way of EventBridge."""

from __future__ import annotations

import logging

from dataforge.platform.ports import Item
from dataforge.workflows.documents import verification

logger = logging.getLogger(__name__)


def handler(event: Item, context: object) -> Item:
    key = str(event["detail"]["object"]["key"])  # type: ignore[index,call-overload]  # S3's own shape
    outcome = verification.arrived(key)
    logger.info("uploaded file %s: %s", key, outcome)
    return {"outcome": outcome}
