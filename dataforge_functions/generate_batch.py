"""Ask the teacher for one batch of slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge.platform.ports import Item
from dataforge.workflows import run_states
from dataforge_functions.handling import lambda_handler

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@lambda_handler
def handler(event: Item, context: LambdaContext) -> Item:
    return run_states.generate_batch(event, seconds=context.get_remaining_time_in_millis() / 1000)
