"""Note why a Map child died."""

from __future__ import annotations

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows import run_states


def handler(event: Item, context: object) -> Item:
    with log.about(event):
        return run_states.record_failure(event)
