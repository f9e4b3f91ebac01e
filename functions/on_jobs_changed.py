"""A batch job of Bedrock is over: its "Batch Inference Job State Change", by way of EventBridge."""

from __future__ import annotations

import logging

from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import polling

logger = logging.getLogger(__name__)


def handler(event: Item, context: object) -> Item:
    name = str(event["detail"]["batchJobName"])  # type: ignore[index,call-overload]  # Bedrock's own shape
    woken = polling.jobs_changed(name)
    logger.info("batch job %s changed: %s", name, "its run goes on" if woken else "nobody waits")
    return {"woken": woken}
