"""Sweep away what was deleted."""

from __future__ import annotations

from typing import Any

from dataforge.platform.ports import Item
from dataforge.workflows import erasing


def handler(event: Item, context: Any) -> Item:
    return erasing.erase(event, seconds=context.get_remaining_time_in_millis() / 1000)
