"""Promise slots (or list documents) and write the array of batches."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows import planning


def handler(event: Item, context: object) -> Item:
    return planning.plan_run(event)
