"""Keep the token that wakes a training before its pause is over."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.training import following
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return following.wait_for_training(event)
