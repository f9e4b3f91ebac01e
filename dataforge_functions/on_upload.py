"""Check an uploaded file: S3's "Object Created" event, by way of EventBridge."""

from __future__ import annotations

import logging

from aws_lambda_powertools.utilities.data_classes.event_bridge_event import EventBridgeEvent

from dataforge.platform.ports import Item
from dataforge.workflows.documents import verification
from dataforge_functions.handling import lambda_handler

logger = logging.getLogger(__name__)


@lambda_handler
def handler(event: Item, context: object) -> Item:
    # Not `S3EventBridgeNotificationEvent`: its `key` undoes an URL encoding that such events do not have ("a+b.pdf").
    key = str(EventBridgeEvent(event).detail["object"]["key"])
    outcome = verification.arrived(key)
    logger.info("uploaded file %s: %s", key, outcome)
    return {"outcome": outcome}
