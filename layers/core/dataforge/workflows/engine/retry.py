"""One question to a teacher, until there is an answer or none is to be had: its price held, let in at the gate, sent,
and sent again while the teacher is busy or out of reach.

A call gives its place at the gate to the next one when its reply is stored, not before: a process that is killed has
paid for no more replies in vain than may be in flight.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from dataforge.errors import TeacherBusy, TeacherError, TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Question
from dataforge.store.replies import Reply
from dataforge.teachers.ports import Teacher
from dataforge.workflows.engine.call_loop import Stopped
from dataforge.workflows.engine.rate_limiter import RateLimiter

if TYPE_CHECKING:
    from dataforge.workflows.engine.context import BatchContext

T = TypeVar("T")
StoreReply: TypeAlias = Callable[[Answer], Awaitable[Reply]]
"""Stores an answer."""

MAX_TRIES = 8
"""How often one call is sent while the teacher is busy or out of reach."""
FIRST_WAIT = 0.25
"""Seconds, where the teacher does not say how long: a lost connection is mostly there again at once."""
LONGEST_WAIT = 60.0
CHECK_EVERY = 0.5
"""Seconds between two looks at whether there is still anything to wait for."""


class OutOfTime(Exception):
    """A call is left to the next invocation."""


async def ask(batch: BatchContext, question: Question, teacher: Teacher, keep: StoreReply) -> Reply:
    """Raises Stopped when the run is cancelled, out of budget, refused for good, or nobody is in reach."""
    problem: TeacherError | None = None
    answered, untold = batch.answered, 0
    for attempt in range(MAX_TRIES):
        try:
            reply = await _send(batch, question, teacher, keep)
            batch.answered += 1
            return reply
        except TeacherRefused as refused:
            batch.end("teacher_refused", refused.message)
            raise Stopped("teacher_refused", refused.message) from None
        except TeacherError as busy:
            problem = busy
            if attempt < MAX_TRIES - 1:
                await _wait(batch, pause(busy, untold))
            untold += _told(busy) is None
    reason = "teacher_busy" if isinstance(problem, TeacherBusy) else "teacher_unreachable"
    detail = problem.message if problem else ""
    if batch.answered == answered:  # nobody got a word all this time: the next would wait too
        batch.end(reason, detail)
    raise Stopped(reason, detail)


async def _send(batch: BatchContext, question: Question, teacher: Teacher, keep: StoreReply) -> Reply:
    """One request, its price held and admitted at the gate. Raises TeacherError, Stopped, OutOfTime."""
    if batch.stop is not None:
        raise Stopped(batch.stop, batch.stop_detail)
    gate = batch.gates[teacher.name]
    held = await batch.purse.hold(question)
    if held is None:
        batch.end("budget_reached", f"max_cost_usd {batch.run.config['max_cost_usd']} is used up")
        raise Stopped(str(batch.stop), batch.stop_detail)
    cost: float | None = 0.0

    async def kept(answer: Answer) -> Reply:
        nonlocal cost
        cost = answer.cost_usd
        return await keep(answer)

    try:
        era = None if batch.is_over() else await gate.enter(question)
        if era is None:
            if batch.stop is None:
                raise OutOfTime
            raise Stopped(batch.stop, batch.stop_detail)
        return await _metered(teacher, gate, era, question, kept)
    finally:
        batch.purse.settle(held, cost)


async def ask_outside_batch(teacher: Teacher, gate: RateLimiter, question: Question) -> Answer:
    """Outside of a batch: sent when the gate says so, and again while the teacher is busy. Raises TeacherError."""
    for attempt in range(MAX_TRIES):
        era = await gate.enter(question)
        if era is None:
            break
        try:
            return await _metered(teacher, gate, era, question, _as_it_is)
        except TeacherBusy as busy:
            if attempt == MAX_TRIES - 1:
                raise
            await asyncio.sleep(pause(busy, attempt))
    raise TeacherUnreachable(f"{teacher.name} was not asked")


async def _metered(
    teacher: Teacher, gate: RateLimiter, era: int, question: Question, keep: Callable[[Answer], Awaitable[T]]
) -> T:
    """The gate hears how the request went, whatever came of it."""
    try:
        answer = await teacher.ask(question)
        kept = await keep(answer)
    except TeacherBusy as busy:
        gate.turned_away(era, busy.rates, limited=busy.limited)
        raise
    except BaseException:
        gate.lost()
        raise
    gate.answered(era, answer)
    return kept


async def _as_it_is(answer: Answer) -> Answer:
    return answer


def pause(problem: TeacherError, untold: int) -> float:
    """Seconds before the next try: as told, else twice as long after each of `untold` tries that told nothing; never
    the same for all."""
    told = _told(problem)
    if told is None:
        return min(LONGEST_WAIT, FIRST_WAIT * 2.0**untold) * random.uniform(0.5, 1.0)
    return min(LONGEST_WAIT, told) + random.uniform(0, 0.25)


def _told(problem: TeacherError) -> float | None:
    return problem.retry_after if isinstance(problem, TeacherBusy) else None


async def _wait(batch: BatchContext, seconds: float) -> None:
    """Sleep, but not through a cancel."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and batch.stop is None:
        await asyncio.sleep(min(left, CHECK_EVERY))
