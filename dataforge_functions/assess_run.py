"""Check, deduplicate, score and count a round."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows import run_states
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return run_states.assess_run(event)
