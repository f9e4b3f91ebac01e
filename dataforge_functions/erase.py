"""Sweep away what was deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.platform.ports import Item
from dataforge.workflows import erasing
from dataforge_functions.handling import lambda_handler

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@lambda_handler
def handler(event: Item, context: LambdaContext) -> Item:
    return erasing.erase(event, seconds=context.get_remaining_time_in_millis() / 1000)
