"""What the calls of a batch share, and a batch that is opened for work."""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from dataforge.records import Question, Slot
from dataforge.store import replies as reply_store
from dataforge.store import runs
from dataforge.store.progress import Progress
from dataforge.store.replies import Reply
from dataforge.store.runs import Run
from dataforge.teachers import Model, build
from dataforge.teachers.ports import Teacher
from dataforge.workflows.engine import config, cost_budget
from dataforge.workflows.engine.cost_budget import CostBudget
from dataforge.workflows.engine.outcomes import Failed, Outcome
from dataforge.workflows.engine.rate_limiter import RateLimiter
from dataforge.workflows.engine.store_gate import StoreGate
from dataforge.workflows.state_input import StateInput

logger = logging.getLogger(__name__)

MAX_REPLY_TOKENS = 32_768
"""Tokens of one reply, where the model's own limit is not known."""

Call: TypeAlias = Callable[[Sequence[Slot]], Awaitable[list[Outcome[Any]]]]
"""Asks for some slots together; the outcome of each."""


DEFECTS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError)
"""What our own code raises where it does not expect a reply to be as it is. Errors of storage and of the network are of
other types: they concern every call, and the batch is tried again."""
INTERNAL = "internal_error"
"""The reason of slots whose call met a defect."""
MAX_DEFECTS = 10
"""Calls that may meet one while nothing is made, after which nobody pays for another."""


class Stopped(Exception):
    """A call ends without a reply. reason: of its slots' failure."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


class OutOfTime(Exception):
    """A call is left to the next invocation."""


@dataclass(slots=True)
class Traffic:
    """Requests of one kind to one teacher."""

    in_flight: int = 0
    answered: int = 0
    refused: int = 0
    """For their prompt only."""


@dataclass(slots=True, kw_only=True)
class BatchContext:
    """What the calls of a batch share, whatever they ask for."""

    run: Run
    name: str
    """`r<round>b<batch>`: the name of its progress and of its part of the budget."""
    teacher: Teacher
    """The writer."""
    stored: dict[str, Reply]
    """Replies of earlier attempts of the batch, by key."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Questions that a provider refused inside a batch job, by key, and why."""
    slots: int
    budget: CostBudget
    gate: StoreGate
    other_teachers: tuple[tuple[Teacher, Model], ...] = ()
    """Further teachers that its calls ask, each under the rate limits of its own model."""
    rate_limiters: dict[str, RateLimiter] = field(default_factory=dict)
    """By the teacher's name; made anew for each pass over the calls."""
    outcomes: list[Outcome[Any]] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    """All replies that this attempt has used, stored ones included."""
    answered: int = 0
    """Replies that teachers gave to this attempt of the batch."""
    left_out: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """What requests did without, because the model does not take it, by teacher."""
    traffic: defaultdict[tuple[str, str], Traffic] = field(default_factory=lambda: defaultdict(Traffic))
    """What teachers made of the requests of this attempt of the batch, by teacher and kind of question."""
    before: dict[str, Progress] = field(default_factory=dict)
    """How far an earlier attempt of the batch was, by the name of the part of the run's progress, once it is read."""
    defects: int = 0
    """Calls that met one."""
    stop: str | None = None
    """Why no further call is sent: cancelled, out of budget, the teacher refused for good or cannot be reached."""
    stop_detail: str = ""
    ended: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Kinds of question of `config.DISPENSABLE` that are not asked any more, and why: reason and detail."""
    loading_since: int | None = None
    """When this batch first met a model that was being loaded, in seconds since 1970; see `loading`."""
    deadline: float = math.inf
    """time.monotonic() after which nothing more is begun."""
    deferred: deque[Callable[[], None]] = field(default_factory=deque)
    """Work that waits until no reply has come for a moment: requests must not wait for it."""

    def note_defect(self, problem: Exception) -> Stopped:
        """A call met one: it is logged, and ends the call; it ends the batch where it seems to meet every call."""
        logger.error("a call of %s met a defect", self.run.run_id, exc_info=problem)
        self.defects += 1
        detail = f"an error of this service ({type(problem).__name__}: {problem})"[:500]
        if self.defects >= MAX_DEFECTS and all(isinstance(o, Failed) for o in self.outcomes):
            self.end(INTERNAL, detail)
        return Stopped(INTERNAL, detail)

    def is_late(self) -> bool:
        return self.stop is None and time.monotonic() > self.deadline

    def is_over(self) -> bool:
        return self.stop is not None or self.is_late()

    def end(self, reason: str, detail: str) -> None:
        """Send nothing more; the first reason stays."""
        if self.stop is None:
            self.stop, self.stop_detail = reason, detail

    def end_for(self, question: Question, reason: str, detail: str) -> None:
        """As `end`; but only for questions of this kind, where the run can do without them."""
        if question.kind in config.DISPENSABLE:
            self.ended.setdefault(question.kind, (reason, detail))
        else:
            self.end(reason, detail)


class Fetch(Protocol):
    """Where calls get their replies from."""

    async def __call__(
        self,
        context: BatchContext,
        question: Question,
        first_slot: int,
        attempt: int,
        /,
        *,
        teacher: Teacher | None = None,
    ) -> Reply:
        """A stored reply. first_slot: of the call. teacher: another one than the writer. Raises Stopped, OutOfTime."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBatch:
    """A batch with everything that its calls need, whoever gets their replies."""

    context: BatchContext
    calls: Sequence[Sequence[Slot]]
    concurrency: int
    """Calls that may be in flight in real time."""
    call: Callable[[Sequence[Slot], Fetch], Awaitable[list[Outcome[Any]]]]
    """The outcome of each slot of a call."""
    close: Callable[[], None] = lambda: None
    """Called once its part file is written."""
    job_roles: Mapping[str, str]
    """Teachers whose questions may go out as batch jobs: name to role (empty: the writer)."""
    passes: Sequence[int] = (0,)
    """The first attempt number of each question that a call may ask in turn."""

    @property
    def teachers(self) -> list[str]:
        """The names of all."""
        return [self.context.teacher.name, *(t.name for t, _ in self.context.other_teachers)]


def open_context(run: Run, e: StateInput, calls: Sequence[Sequence[Slot]]) -> BatchContext:
    """The context of a batch with these calls: its teachers, its stored replies, its budget."""
    indices = [slot.index for call in calls for slot in call]
    wanted = config.of(run)
    stored = reply_store.between(run.run_id, min(indices), max(indices))
    over = run.cancel_requested or run.status in runs.FINISHED
    name = f"r{e.round}b{e.batch:04d}"
    models = {role: config.model_of(run, role) for role in wanted.role_models}
    refused, ended = _noted_of_jobs(run, e) if wanted.in_batch_mode else ({}, {})
    return BatchContext(
        run=run,
        name=name,
        teacher=config.teacher_of(run),
        stored=stored,
        refused=refused,
        ended=ended,
        slots=len(indices),
        gate=StoreGate(run),
        budget=cost_budget.of_run(run, name, spent=sum(r.cost_usd or 0.0 for r in stored.values())),
        other_teachers=tuple((build(model), model) for model in models.values()),
        stop="cancelled" if over else None,
        stop_detail="stopped by the caller" if over else "",
    )


def _noted_of_jobs(run: Run, e: StateInput) -> tuple[Mapping[str, str], dict[str, tuple[str, str]]]:
    """What is not asked: single questions that were refused inside a job, and kinds of them that have ended."""
    from dataforge.workflows.engine.provider_batch import job_state  # only where batch jobs are used

    return job_state.refused(run, e.round), job_state.ended(run, e.round)
