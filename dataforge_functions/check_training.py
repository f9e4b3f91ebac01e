"""Look how a training is doing, and say what follows."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.training import following
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return following.check_training(event)
