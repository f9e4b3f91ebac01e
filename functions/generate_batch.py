"""Ask the teacher for one batch of slots."""

from __future__ import annotations

from typing import Any

from dataforge import log
from dataforge.platform.ports import Item
from dataforge.workflows import run_states


def handler(event: Item, context: Any) -> Item:
    with log.about(event):
        return run_states.generate_batch(event, seconds=context.get_remaining_time_in_millis() / 1000)
