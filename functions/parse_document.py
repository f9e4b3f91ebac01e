"""Read one document into chunks."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows import parsing


def handler(event: Item, context: object) -> Item:
    return parsing.parse_document(event)
