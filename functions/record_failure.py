"""Note why a Map child died."""

from __future__ import annotations

from dataforge.platform.ports import Item
from dataforge.workflows import closing


def handler(event: Item, context: object) -> Item:
    return closing.record_failure(event)
