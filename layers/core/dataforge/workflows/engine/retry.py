"""One question to a teacher, until there is an answer or none can be had: its price is reserved, the rate limiter
admits it, it is sent, and sent again while the teacher is busy or cannot be reached.

A call gives its place in flight to the next one when its reply is stored, not before: a process that is killed has
paid for no more replies in vain than may be in flight.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from dataforge.errors import TeacherBusy, TeacherError, TeacherRefused, TeacherUnreachable, may_be_billed
from dataforge.records import Answer, Question
from dataforge.store.replies import Reply
from dataforge.teachers.ports import Teacher
from dataforge.workflows.engine import loading
from dataforge.workflows.engine.config import DISPENSABLE
from dataforge.workflows.engine.context import DEFECTS, BatchContext, OutOfTime, Stopped, Traffic
from dataforge.workflows.engine.cost_budget import CostBudget
from dataforge.workflows.engine.rate_limiter import RateLimiter

T = TypeVar("T")
StoreReply: TypeAlias = Callable[[Answer], Awaitable[Reply]]

MAX_TRIES = 8
"""How often one call is sent while the teacher is busy or cannot be reached."""
FIRST_WAIT = 0.25
"""Seconds, where the teacher does not say how long: a lost connection is mostly there again at once."""
LONGEST_WAIT = 60.0
CHECK_EVERY = 0.5
"""Seconds between two looks at whether there is still anything to wait for."""
MAX_REFUSED_PROMPTS = 3
"""Prompts that a teacher may refuse before it has answered any, besides as many as are in flight to it; then it is
taken to refuse all of them."""
BUSY, UNREACHABLE, REFUSED, PROMPT_REFUSED = "teacher_busy", "teacher_unreachable", "teacher_refused", "prompt_refused"
"""Reasons of failed slots."""


async def ask(context: BatchContext, question: Question, teacher: Teacher, store: StoreReply) -> Reply:
    """Raises Stopped: the run is cancelled or out of budget, this prompt or every prompt is refused, the teacher stays
    busy or out of reach. Raises OutOfTime."""
    problem: TeacherError | None = None
    answered, without_hint, tries = _answers(context, teacher, question), 0, 0
    while tries < MAX_TRIES:
        try:
            reply = await _send(context, question, teacher, store)
            context.answered += 1
            _traffic(context, teacher, question).answered += 1
            return reply
        except TeacherRefused as refused:
            raise _refused(context, question, _traffic(context, teacher, question), refused) from None
        except TeacherError as busy:
            problem = busy
            tries += not await _is_worth_waiting_for(context, busy)
            if tries < MAX_TRIES:
                await _wait(context, pause(busy, without_hint))
            without_hint += _hint(busy) is None
    reason = BUSY if isinstance(problem, TeacherBusy) else UNREACHABLE
    detail = problem.message if problem else ""
    if _answers(context, teacher, question) == answered:  # none came all this time: the next call would wait too
        context.end_for(question, reason, detail)
    raise Stopped(reason, detail)


async def _is_worth_waiting_for(context: BatchContext, problem: TeacherError) -> bool:
    """A model that is being loaded costs no try, for a bounded time."""
    if not (isinstance(problem, TeacherBusy) and problem.loading):
        return False
    return await asyncio.to_thread(loading.may_wait, context)


def _answers(context: BatchContext, teacher: Teacher, question: Question) -> int:
    """Those that say whether waiting helps. What a run can do without is given up when it alone gets none."""
    if question.kind in DISPENSABLE:
        return _traffic(context, teacher, question).answered
    return context.answered


def _refused(context: BatchContext, question: Question, seen: Traffic, refused: TeacherRefused) -> Stopped:
    """A refused prompt fails its slots only; a teacher that refuses everything ends the batch.

    A refusal comes at once and an answer takes seconds, so what is in flight must not make the first few refusals look
    like all: as many more are needed. Answers of the writer say nothing of the critic."""
    if refused.this_prompt_only:
        seen.refused += 1
        if seen.answered or seen.refused < MAX_REFUSED_PROMPTS + seen.in_flight:
            return Stopped(PROMPT_REFUSED, refused.message)
    context.end_for(question, REFUSED, refused.message)
    return Stopped(REFUSED, refused.message)


def _traffic(context: BatchContext, teacher: Teacher, question: Question) -> Traffic:
    return context.traffic[teacher.name, question.kind]


async def _send(context: BatchContext, question: Question, teacher: Teacher, store: StoreReply) -> Reply:
    """One request, its price reserved and admitted by the rate limiter, while replies can be stored. Raises
    TeacherError, Stopped, OutOfTime, Closed."""
    if context.stop is not None:
        raise Stopped(context.stop, context.stop_detail)
    if question.kind in context.ended:
        raise Stopped(*context.ended[question.kind])
    limiter, gate = context.rate_limiters[teacher.name], context.gate
    await gate.passed(context.is_over)
    held = await gate.write(lambda: context.budget.hold(question))
    if held is None:
        context.end(*context.budget.reached)
        raise Stopped(str(context.stop), context.stop_detail)

    with _paid(context.budget, held) as bill:

        async def store_and_note(answer: Answer) -> Reply:
            bill.cost = answer.cost_usd
            if answer.left_out:
                context.left_out[teacher.name].update(answer.left_out)
            return await store(answer)

        era = None if context.is_over() else await gate.write(lambda: limiter.enter(question))
        if era is not None and not await gate.passed(context.is_over):  # it closed while this call waited
            limiter.lost(era)
            era = None
        if era is None:
            if context.stop is None:
                raise OutOfTime
            raise Stopped(context.stop, context.stop_detail)
        traffic = _traffic(context, teacher, question)
        traffic.in_flight += 1
        try:
            return await _metered(teacher, limiter, era, question, store_and_note)
        finally:
            traffic.in_flight -= 1


@dataclass(slots=True)
class _Bill:
    cost: float | None = 0.0
    """Dollars of the answer; None: not known."""


@contextmanager
def _paid(budget: CostBudget, held: float) -> Iterator[_Bill]:
    """What was held for a request is exchanged for what it cost, whatever comes of it."""
    bill = _Bill()
    try:
        yield bill
    except (TeacherError, asyncio.CancelledError, *DEFECTS) as lost:
        if may_be_billed(lost) and not bill.cost:
            bill.cost = None  # the provider may charge for it: it counts at the most it can have cost
        raise
    finally:
        budget.settle(held, bill.cost)


async def ask_outside_batch(teacher: Teacher, limiter: RateLimiter, budget: CostBudget, question: Question) -> Answer:
    """Its price is held, it is sent when the rate limiter admits it, and again while the teacher is busy.

    Raises TeacherError, Stopped (the budget is used up), Busy.
    """
    for attempt in range(MAX_TRIES):
        held = await budget.hold(question)
        if held is None:
            raise Stopped(*budget.reached)
        try:
            with _paid(budget, held) as bill:
                era = await limiter.enter(question)
                if era is None:
                    break
                answer = await _metered(teacher, limiter, era, question, _unchanged)
                bill.cost = answer.cost_usd
                return answer
        except TeacherBusy as busy:
            if attempt == MAX_TRIES - 1:
                raise
            await asyncio.sleep(pause(busy, attempt))
    raise TeacherUnreachable(f"{teacher.name} was not asked")


async def _metered(
    teacher: Teacher, limiter: RateLimiter, era: int, question: Question, store: Callable[[Answer], Awaitable[T]]
) -> T:
    """The rate limiter is told how the request went, whatever came of it."""
    try:
        answer = await teacher.ask(question)
        kept = await store(answer)
    except TeacherBusy as busy:
        limiter.turned_away(era, busy.rates, limited=busy.limited)
        raise
    except TeacherUnreachable as away:
        limiter.lost(era, timed_out=away.timed_out)
        raise
    except BaseException:
        limiter.lost(era)
        raise
    limiter.answered(era, answer)
    return kept


async def _unchanged(answer: Answer) -> Answer:
    return answer


def pause(problem: TeacherError, without_hint: int) -> float:
    """Seconds before the next try: as the teacher said, else twice as long after each of `without_hint` tries that
    said nothing; always with some randomness, so that calls do not come back together."""
    hint = _hint(problem)
    if hint is None:
        return min(LONGEST_WAIT, FIRST_WAIT * 2.0**without_hint) * random.uniform(0.5, 1.0)
    return min(LONGEST_WAIT, hint) + random.uniform(0, 0.25)


def _hint(problem: TeacherError) -> float | None:
    """How long the teacher asked to wait, in seconds."""
    return problem.retry_after if isinstance(problem, TeacherBusy) else None


async def _wait(context: BatchContext, seconds: float) -> None:
    """Sleep, but not through a cancel."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and context.stop is None:
        await asyncio.sleep(min(left, CHECK_EVERY))
