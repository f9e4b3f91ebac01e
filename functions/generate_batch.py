"""Ask the teacher for one batch of slots."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows import asking


def handler(event: Item, context: object) -> Item:
    return asking.generate_batch(event)
