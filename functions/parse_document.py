"""Read one document into chunks."""

from __future__ import annotations

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows.documents import parsing


def handler(event: Item, context: object) -> Item:
    with log.about(event):
        return parsing.parse_document(event)
