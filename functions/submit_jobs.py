"""Send the questions that wait as batch jobs of the provider."""

from __future__ import annotations

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows.engine.provider_batch import submitting


def handler(event: Item, context: object) -> Item:
    with log.about(event):
        return submitting.submit_jobs(event)
