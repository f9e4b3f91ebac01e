"""Write the data and the configuration of a training."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.training import preparing
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return preparing.prepare_data(event)
