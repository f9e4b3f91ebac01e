"""Keep the token that wakes a run before its pause is over."""

from __future__ import annotations

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import polling


def handler(event: Item, context: object) -> Item:
    with log.about(event["state"]):  # type: ignore[arg-type]
        return polling.wait_for_jobs(event)
