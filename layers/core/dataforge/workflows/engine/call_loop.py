"""Ask until every slot of a call has an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dataforge.log import redact
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question, Slot
from dataforge.store.replies import Reply

if TYPE_CHECKING:
    from dataforge.teachers.ports import Teacher
    from dataforge.workflows.engine.context import BatchContext

MAX_READINGS = 4
"""Replies without a single new record before a call gives up: the first, its correction, two fresh tries."""

MAX_REPLY_TOKENS = 32_768
"""Tokens of one reply, where the model's own limit is not known."""


class Fetch(Protocol):
    """Where calls get their replies from."""

    async def __call__(
        self,
        batch: BatchContext,
        question: Question,
        first_slot: int,
        attempt: int,
        /,
        *,
        teacher: Teacher | None = None,
    ) -> Reply:
        """A stored reply. first_slot: of the call. teacher: another one than the batch's own. Raises Stopped."""
        ...


class Stopped(Exception):
    """A call ends without a reply."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def answer_of(reply: Reply) -> Answer:
    return Answer(reply.text, reply.model, reply.finish_reason, reply.input_tokens, reply.output_tokens, reply.cost_usd)  # type: ignore[arg-type]


def failed(slot: Slot, reason: str, detail: str) -> Item:
    return {"slot": slot.index, "chunk_id": slot.chunk_id, "failed": reason, "detail": redact(detail)}
