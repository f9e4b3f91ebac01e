"""One question, or one call from end to end, in real time before the first job: a wrong key, an unknown model or a
refused parameter shows at once, not after hours, and the parameters that each model takes are known before a job is
written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from dataforge.platform.ports import Item
from dataforge.records import Question, Slot
from dataforge.store import replies
from dataforge.store.replies import Reply
from dataforge.teachers import batch_jobs
from dataforge.teachers.ports import Teacher
from dataforge.workflows import run_files, state_input
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine import config
from dataforge.workflows.engine.context import BatchContext, OpenBatch, Stopped
from dataforge.workflows.engine.outcomes import Outcome
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import PendingRequest, Wave
from dataforge.workflows.engine.retry import MAX_REFUSED_PROMPTS, PROMPT_REFUSED

_TEMPORARY = ("teacher_busy", "teacher_unreachable")


@dataclass(slots=True)
class _Observed:
    """What is asked in real time, and what came of it."""

    keys: set[str] = field(default_factory=set)
    """Keys that have replies now."""
    answered: dict[str, Teacher] = field(default_factory=dict)
    """Teachers that answered, by name."""
    failures: list[Stopped] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """Questions that were refused for what they ask, by key, and why."""

    @property
    def is_enough(self) -> bool:
        """A refused prompt alone says nothing of the teacher."""
        return bool(self.answered) or any(stopped.reason != PROMPT_REFUSED for stopped in self.failures)

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
        try:
            reply = await engine_batch.fetch_reply(context, question, first_slot, attempt, teacher=teacher)
        except Stopped as stopped:
            if question.kind not in config.DISPENSABLE:
                self.failures.append(stopped)
            if stopped.reason == PROMPT_REFUSED:
                self.refused[replies.key_of(first_slot, attempt)] = stopped.detail
            raise
        asked = teacher or context.teacher
        self.answered[asked.name] = asked
        self.keys.add(reply.slot)
        return reply


def preflight(wave: Wave, waiting: Sequence[Item], role: str) -> set[str]:
    """Ask in real time, unless the run did so before. The keys of the batch in question that have replies, or were
    refused, also in an attempt of this state that was cut off. Raises Stopped.

    Where several teachers have a part in a call, the first call is made whole: a critic with a wrong key must not show
    when the writer is paid for.
    """
    run = wave.run
    item, requests = _first(wave, waiting, role)
    batch = engine_batch.open_batch(state_input.read(item))
    stored = batch.context.stored.keys() | batch.context.refused.keys()
    if run_files.read_json(run, job_state.parameters_file(role)) is not None:
        return stored
    unasked = [r for r in requests if r.role == role and r.key not in stored][:MAX_REFUSED_PROMPTS]
    if not unasked:
        return stored
    observed = _Observed()
    _ask(batch, observed, unasked)
    job_state.end_kinds(run, wave.e.round, batch.context.ended)
    _raise_failure(batch, observed)
    if observed.answered and observed.refused:  # no job asks them again
        job_state.add_refused(run, wave.e.round, observed.refused)
        observed.keys |= observed.refused.keys()
    roles = batch.job_roles
    for name in sorted(observed.answered, key=lambda n: roles.get(n, ""), reverse=True):  # the writer comes last
        if name in roles:
            _write_parameters(wave, roles[name], observed.answered[name])
    return stored | observed.keys


def _first(wave: Wave, waiting: Sequence[Item], role: str) -> tuple[Item, list[PendingRequest]]:
    """The first batch with a question for the role, and its pending requests."""
    for item in waiting:
        requests = list(job_state.read_pending(wave.run, wave.e.round, int(str(item["batch"]))))
        if any(r.role == role for r in requests):
            return item, requests
    raise LookupError(f"no question for the {role or 'writer'} waits")


def _ask(batch: OpenBatch, observed: _Observed, requests: Sequence[PendingRequest]) -> None:
    """The first of them; the next one only where the prompt of the one before is refused."""
    by_call = {int(request.key.partition("#")[0]): request for request in requests}
    one_by_one = asyncio.Lock()

    async def ask(slots: Sequence[Slot]) -> list[Outcome[Any]]:
        async with one_by_one:
            if observed.is_enough:
                return []
            request = by_call[slots[0].index]
            if len(batch.passes) > 1 and request.step == 0:
                return await batch.call(slots, observed.fetch)
            # Files hold how many records a question asks for, not their slots; `Reply.asked` needs the number.
            question = replace(request.question, slots=tuple(slots)[: request.slots])
            attempt, teacher = int(request.key.partition("#")[2]), _teacher(batch, request)
            with suppress(Stopped):  # it is among the failures that were observed
                await observed.fetch(batch.context, question, slots[0].index, attempt, teacher=teacher)
            return []

    calls = [c for c in batch.calls if c[0].index in by_call]
    asyncio.run(engine_batch.ask_all(batch.context, ask, calls, 1))
    batch.context.budget.give_back()


def _teacher(batch: OpenBatch, request: PendingRequest) -> Teacher:
    context = batch.context
    others = (t for t, _ in context.other_teachers if batch.job_roles.get(t.name) == request.role)
    return next(others, context.teacher) if request.role else context.teacher


def _raise_failure(batch: OpenBatch, observed: _Observed) -> None:
    """Raises Stopped. A critic that is busy for a while is no reason to wait before the writer is asked; one prompt
    that is refused says nothing of the others."""
    for stopped in observed.failures:
        if stopped.reason == PROMPT_REFUSED:
            continue
        if stopped.reason not in _TEMPORARY or batch.context.teacher.name not in observed.answered:
            raise stopped


def _write_parameters(wave: Wave, role: str, teacher: Teacher) -> None:
    client = batch_jobs(config.model_of(wave.run, role), teacher, {})
    run_files.write_json(wave.run, job_state.parameters_file(role), client.learnt())
