"""Send the questions that wait as batch jobs of the provider."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import submitting
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: Item, context: object) -> Item:
    return submitting.submit_jobs(event)
