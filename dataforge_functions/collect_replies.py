"""Store what the batch jobs brought."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import collecting
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return collecting.collect_replies(event)
