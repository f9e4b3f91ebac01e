"""See how the batch jobs are doing."""

from __future__ import annotations

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import polling


def handler(event: Item, context: object) -> Item:
    with log.about(event):
        return polling.check_jobs(event)
