"""Read one document into chunks."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.documents import parsing
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return parsing.parse_document(event)
