"""Settle the counts, write the report, end the run."""

from __future__ import annotations

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows import run_states


def handler(event: Item, context: object) -> Item:
    with log.about(event):
        return run_states.close_run(event)
