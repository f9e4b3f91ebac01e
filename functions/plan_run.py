"""Promise slots (or list documents) and write the array of batches."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows import kinds
from functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return kinds.plan_run(event)
