"""A batch of a run at batch price: its stored replies are read; what has none waits in a file, and nothing is asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Question
from dataforge.store import runs
from dataforge.store.runs import Reply
from dataforge.workflows import asking
from dataforge.workflows import runs as flow
from dataforge.workflows.asking import Work
from dataforge.workflows.batching import book
from dataforge.workflows.batching.book import Asked
from dataforge.workflows.sending import OutOfTime


class Parked(OutOfTime):
    """A call waits for a reply of a job."""


@dataclass(slots=True)
class _Lot:
    """Where the questions of a batch are parked."""

    batch: int
    asked: list[Asked] = field(default_factory=list)

    async def fetch(self, batch: Work, question: Question, first_slot: int, attempt: int) -> Reply:
        """The stored reply. Raises Parked where there is none, Stopped where there will be none."""
        key = runs.reply_key(first_slot, attempt)
        if key not in batch.stored and batch.stop is None:
            self.asked.append(Asked(key, question, len(question.slots), self.batch))
            raise Parked
        return await asking.reply_to(batch, question, first_slot, attempt)


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """Safe to repeat. The part file once every slot has an outcome; until then the file of what is still to ask."""
    e = flow.event(raw)
    batch, calls, _ = asking.opened(e)
    lot = _Lot(e.batch)
    call = partial(asking.call_of, batch, fetch=lot.fetch)
    if batch.stop is not None:  # cancelled: what is missing fails, what is there stays
        return asking.work(batch, e, call, calls, concurrency=1, seconds=seconds)
    asyncio.run(asking.ask_all(batch, call, calls, 1))
    batch.purse.give_back()
    if lot.asked:
        book.park(batch.run, e, lot.asked)
        return {"batch": e.batch, "waiting": len(lot.asked)}
    done = asking.finish(batch, e, calls)
    current().files.delete(flow.key_of(batch.run, book.pending_file(e.round, e.batch)))
    return done


def stopped_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """What is on file, and for the rest the reason why nothing more is asked."""
    e = flow.event(raw)
    batch, calls, _ = asking.opened(e)
    batch.end(*book.why_stopped(batch.run, e))
    call = partial(asking.call_of, batch, fetch=asking.reply_to)
    return asking.work(batch, e, call, calls, concurrency=1, seconds=seconds)
