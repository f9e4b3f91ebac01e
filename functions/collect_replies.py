"""Store what the batch jobs brought."""

from __future__ import annotations

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import collecting


def handler(event: Item, context: object) -> Item:
    with log.about(event):
        return collecting.collect_replies(event)
