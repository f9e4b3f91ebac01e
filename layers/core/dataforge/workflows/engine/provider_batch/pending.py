"""A batch of a run at batch price: its stored replies are read; what has none waits in a file, and nothing is asked but
teachers that take no jobs."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from dataforge.errors import BatchUnfinished
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Question, Slot
from dataforge.store import replies
from dataforge.store.replies import Reply
from dataforge.teachers.ports import Teacher
from dataforge.workflows import run_files, state_input
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine.context import BatchContext
from dataforge.workflows.engine.provider_batch import job_state, opening
from dataforge.workflows.engine.provider_batch.job_state import PendingRequest
from dataforge.workflows.engine.provider_batch.opening import Opened
from dataforge.workflows.engine.retry import OutOfTime


class Pending(OutOfTime):
    """A call waits for a reply of a job."""


@dataclass(slots=True)
class _PendingBatch:
    """Where the questions of a batch are parked."""

    batch: int
    opened: Opened
    asked: list[PendingRequest] = field(default_factory=list)
    slots: int = 0
    """Of the calls that wait: each for one question."""
    sizes: dict[int, int] = field(init=False)
    """Slots of every call, by the first of them."""

    def __post_init__(self) -> None:
        self.sizes = {call[0].index: len(call) for call in self.opened.calls}

    async def call(self, slots: Sequence[Slot]) -> list[Item]:
        return await self.opened.call(slots, self.fetch)

    async def fetch(
        self,
        batch: BatchContext,
        question: Question,
        first_slot: int,
        attempt: int,
        /,
        *,
        teacher: Teacher | None = None,
    ) -> Reply:
        """The stored reply. Raises Parked where there is none, Stopped where there will be none."""
        key = replies.key_of(first_slot, attempt)
        role = self.opened.roles.get((teacher or batch.teacher).name)
        if role is not None and key not in batch.stored and batch.stop is None:
            passes = self.opened.passes
            step, size = bisect_right(passes, attempt) - 1, self.sizes[first_slot]
            self.slots += size
            self.asked.append(
                PendingRequest(
                    key, question, len(question.slots) or size, self.batch, role=role, step=step, steps=len(passes)
                )
            )
            raise Pending
        return await engine_batch.reply_to(batch, question, first_slot, attempt, teacher=teacher)

    @property
    def concurrency(self) -> int:
        """Stored replies are read one after the other."""
        return self.opened.concurrency if set(self.opened.teachers) - set(self.opened.roles) else 1


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """Safe to repeat. The part file once every slot has an outcome; until then the file of what is still to ask.

    Raises BatchUnfinished as `asking.generate_batch`, where there are teachers that take no jobs.
    """
    e = state_input.read(raw)
    opened = opening.opened(e)
    work, lot = opened.work, _PendingBatch(e.batch, opened)
    if work.stop is not None:  # cancelled: what is missing fails, what is there stays
        return _in_real_time(opened, e, seconds)
    engine_batch.set_deadline(work, seconds)
    asyncio.run(engine_batch.ask_all(work, lot.call, opened.calls, lot.concurrency))
    work.purse.give_back()
    done = len(work.outcomes) + lot.slots
    if done < work.slots:
        raise BatchUnfinished(f"{done} of {work.slots} slots are done or wait; the rest takes another attempt")
    if lot.asked:
        job_state.write_pending(work.run, e, sorted(lot.asked, key=lambda a: a.key))
        return {"batch": e.batch, "waiting": len(lot.asked)}
    made = engine_batch.finish(work, e, opened.calls)
    opened.close()
    current().files.delete(run_files.key_of(work.run, job_state.pending_file(e.round, e.batch)))
    return made


def stopped_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """What is on file, and for the rest the reason why nothing more is asked."""
    e = state_input.read(raw)
    opened = opening.opened(e)
    opened.work.end(*job_state.why_stopped(opened.work.run, e))
    return _in_real_time(opened, e, seconds)


def _in_real_time(opened: Opened, e: state_input.StateInput, seconds: float | None) -> Item:
    """As a batch that has been stopped."""

    async def call(slots: Sequence[Slot]) -> list[Item]:
        return await opened.call(slots, engine_batch.reply_to)

    made = engine_batch.run_to_end(opened.work, e, call, opened.calls, concurrency=1, seconds=seconds)
    opened.close()
    return made
