"""An execution failed, timed out or was aborted: its event of Step Functions, by way of EventBridge."""

from __future__ import annotations

import json
import logging
import time

from aws_lambda_powertools.utilities.data_classes.event_bridge_event import EventBridgeEvent

from dataforge import log
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.workflows import kinds, lifecycle
from dataforge_functions.handling import lambda_handler

PAUSES = (0.5, 1.0, 2.0, 4.0)
"""Seconds. Step Functions may describe an execution as running for a moment after it has told its end."""

logger = logging.getLogger(__name__)


@lambda_handler
def handler(event: Item, context: object) -> Item:
    detail = EventBridgeEvent(event).detail
    state, name = json.loads(detail["input"]), str(detail["name"])
    kind = kinds.of(str(state["kind"]))
    with log.about(state):
        ended = not kind.close or _has_ended(kind.machine, name)  # a deletion has no run that could be recovered
        logger.info("execution %s %s", name, f"ended as {detail['status']}" if ended else "was started again")
        lifecycle.machine_broke(state)
    return {"ended": ended}


def _has_ended(machine: str, name: str) -> bool:
    for pause in (*PAUSES, 0.0):
        found = current().workflows.describe(machine, name)
        if found is None or found.status != "RUNNING":
            return True
        time.sleep(pause)
    return False
