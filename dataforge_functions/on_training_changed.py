"""A training job has changed, by way of EventBridge: SageMaker says so, or it has stored a new line of progress."""

from __future__ import annotations

import logging

from aws_lambda_powertools.utilities.data_classes.event_bridge_event import EventBridgeEvent

from dataforge.platform.ports import Item
from dataforge.workflows.training import following
from dataforge_functions.handling import lambda_handler

logger = logging.getLogger(__name__)


@lambda_handler
def handler(event: Item, context: object) -> Item:
    """Of `SageMaker Training Job State Change`, and of `Object Created` for a progress.jsonl."""
    detail = EventBridgeEvent(event).detail
    if "TrainingJobName" in detail:
        name = str(detail["TrainingJobName"])
        woken = following.changed(name)
        logger.info("training job %s changed: %s", name, "its run goes on" if woken else "nobody waits")
        return {"woken": woken}
    return {"published": following.progressed(str(detail["object"]["key"]))}
