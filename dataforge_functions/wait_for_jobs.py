"""Keep the token that wakes a run before its pause is over."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import polling
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return polling.wait_for_jobs(event)
