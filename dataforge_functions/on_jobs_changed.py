"""A batch job of Bedrock is over: its "Batch Inference Job State Change", by way of EventBridge."""

from __future__ import annotations

import logging

from aws_lambda_powertools.utilities.data_classes.event_bridge_event import EventBridgeEvent

from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import polling
from dataforge_functions.handling import lambda_handler

logger = logging.getLogger(__name__)


@lambda_handler
def handler(event: Item, context: object) -> Item:
    name = str(EventBridgeEvent(event).detail["batchJobName"])
    woken = polling.jobs_changed(name)
    logger.info("batch job %s changed: %s", name, "its run goes on" if woken else "nobody waits")
    return {"woken": woken}
