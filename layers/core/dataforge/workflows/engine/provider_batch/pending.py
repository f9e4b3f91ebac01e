"""A batch of a run at batch price: its stored replies are read; a question that has none waits in a file, and nothing
is asked except of teachers that take no jobs."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dataforge.errors import BatchUnfinished
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Question, Slot
from dataforge.store import replies
from dataforge.store.replies import Reply
from dataforge.teachers.ports import Teacher
from dataforge.workflows import run_files
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine.context import BatchContext, OpenBatch, OutOfTime
from dataforge.workflows.engine.outcomes import Outcome
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import PendingRequest
from dataforge.workflows.state_input import StateInput


class Pending(OutOfTime):
    """A call waits for a reply of a job."""


@dataclass(slots=True)
class _Collector:
    """The `context.Fetch` of batch mode: notes the questions that have no reply yet."""

    number: int
    """Of the batch."""
    batch: OpenBatch
    requests: list[PendingRequest] = field(default_factory=list)
    slots: int = 0
    """Of the calls that wait: each for one question."""
    sizes: dict[int, int] = field(init=False)
    """Slots of every call, by the first of them."""

    def __post_init__(self) -> None:
        self.sizes = {call[0].index: len(call) for call in self.batch.calls}

    async def call(self, slots: Sequence[Slot]) -> list[Outcome[Any]]:
        return await self.batch.call(slots, self.fetch)

    async def fetch(
        self,
        context: BatchContext,
        question: Question,
        first_slot: int,
        attempt: int,
        /,
        *,
        teacher: Teacher | None = None,
    ) -> Reply:
        """The stored reply. Raises Pending where there is none yet, Stopped where there will be none."""
        key = replies.key_of(first_slot, attempt)
        role = self.batch.job_roles.get((teacher or context.teacher).name)
        is_over = context.stop is not None or question.kind in context.ended
        if role is None or key in context.stored or key in context.refused or is_over:
            return await engine_batch.fetch_reply(context, question, first_slot, attempt, teacher=teacher)
        passes, size = self.batch.passes, self.sizes[first_slot]
        self.slots += size
        request = PendingRequest(
            key=key,
            question=question,
            slots=len(question.slots) or size,
            batch=self.number,
            role=role,
            step=bisect_right(passes, attempt) - 1,
            steps=len(passes),
        )
        self.requests.append(request)
        raise Pending

    @property
    def concurrency(self) -> int:
        """Stored replies are read one after the other."""
        return self.batch.concurrency if set(self.batch.teachers) - set(self.batch.job_roles) else 1


def generate_batch(e: StateInput, *, seconds: float | None = None) -> Item:
    """Safe to repeat. The part file once every slot has an outcome; until then the file of what is still to ask.

    Raises BatchUnfinished as `run_states.generate_batch`, where there are teachers that take no jobs.
    """
    batch = engine_batch.open_batch(e)
    context, collector = batch.context, _Collector(e.batch, batch)
    if context.stop is not None:  # cancelled: slots without a reply fail, stored replies count
        return engine_batch.run_to_end(batch, e, concurrency=1, seconds=seconds)
    engine_batch.set_deadline(context, seconds)
    asyncio.run(engine_batch.ask_all(context, collector.call, batch.calls, collector.concurrency))
    context.budget.give_back()
    done = len(context.outcomes) + collector.slots
    if done < context.slots:
        raise BatchUnfinished(f"{done} of {context.slots} slots are done or wait; the rest takes another attempt")
    if collector.requests:
        job_state.write_pending(context.run, e, sorted(collector.requests, key=lambda r: r.key))
        return {"batch": e.batch, "waiting": len(collector.requests)}
    made = engine_batch.finish(batch, e)
    current().files.delete(run_files.key_of(context.run, job_state.pending_file(e.round, e.batch)))
    return made
