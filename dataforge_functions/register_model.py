"""Make a model of what a training has left."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.training import registering
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return registering.register_model(event)
