"""Compare a fresh model with the one it was made of."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.training import evaluating
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return evaluating.evaluate_model(event)
