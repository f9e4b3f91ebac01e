"""See how the batch jobs are doing."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import polling
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return polling.check_jobs(event)
