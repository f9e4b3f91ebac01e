"""One question, or one call from end to end, in real time before the first job: a wrong key, an unknown model or a
refused parameter shows at once, not after hours, and what each model takes is known before a job is written."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from dataforge.platform.ports import Item
from dataforge.records import Question, Slot
from dataforge.store.replies import Reply
from dataforge.teachers import batch_jobs
from dataforge.teachers.ports import Teacher
from dataforge.workflows import run_files, state_input
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine import run_models
from dataforge.workflows.engine.call_loop import Stopped
from dataforge.workflows.engine.context import BatchContext
from dataforge.workflows.engine.provider_batch import job_state, opening
from dataforge.workflows.engine.provider_batch.job_state import PendingRequest, Wave
from dataforge.workflows.engine.provider_batch.opening import Opened

_PASSING = ("teacher_busy", "teacher_unreachable")


@dataclass(slots=True)
class _Preflight:
    """Of what is asked in real time, and of what came of it."""

    keys: set[str] = field(default_factory=set)
    """That have replies now."""
    met: dict[str, Teacher] = field(default_factory=dict)
    """Teachers that answered, by their names."""
    why: list[Stopped] = field(default_factory=list)

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
        try:
            reply = await engine_batch.reply_to(batch, question, first_slot, attempt, teacher=teacher)
        except Stopped as stopped:
            self.why.append(stopped)
            raise
        asked = teacher or batch.teacher
        self.met[asked.name] = asked
        self.keys.add(reply.slot)
        return reply


def preflight(wave: Wave, waiting: Sequence[Item], role: str) -> set[str]:
    """Ask in real time, unless the run did so before. The keys of the batch in question that have replies, also from
    an attempt of this state that was cut off. Raises Stopped.

    Where several teachers have a part in a call, the first call is made whole: a critic with a wrong key must not show
    when the writer is paid for.
    """
    run = wave.run
    item, asked = _first(wave, waiting, role)
    opened = opening.opened(state_input.read(item))
    stored = set(opened.work.stored)
    if run_files.read_json(run, job_state.parameters_file(role)) is not None:
        return stored
    unasked = next((a for a in asked if a.role == role and a.key not in stored), None)
    if unasked is None:
        return stored
    witness = _Preflight()
    _ask(opened, witness, unasked)
    _raise_failure(opened, witness)
    for name in sorted(witness.met, key=lambda n: opened.roles.get(n, ""), reverse=True):  # who writes comes last
        if name in opened.roles:
            _write_parameters(wave, opened.roles[name], witness.met[name])
    return stored | witness.keys


def _first(wave: Wave, waiting: Sequence[Item], role: str) -> tuple[Item, list[PendingRequest]]:
    """The first batch with a question for the role, and what it has parked."""
    for item in waiting:
        asked = list(job_state.read_pending(wave.run, wave.e.round, int(str(item["batch"]))))
        if any(a.role == role for a in asked):
            return item, asked
    raise LookupError(f"no question for the {role or 'writer'} waits")


def _ask(opened: Opened, witness: _Preflight, asked: PendingRequest) -> None:
    slot, _, attempt = asked.key.partition("#")
    whole = len(opened.passes) > 1 and asked.step == 0

    async def ask(slots: Sequence[Slot]) -> list[Item]:
        if whole:
            return await opened.call(slots, witness.fetch)
        with suppress(Stopped):  # the witness knows
            await witness.fetch(opened.work, asked.question, int(slot), int(attempt), teacher=_teacher(opened, asked))
        return []

    calls = [c for c in opened.calls if c[0].index == int(slot)]
    asyncio.run(engine_batch.ask_all(opened.work, ask, calls, 1))
    opened.work.purse.give_back()


def _teacher(opened: Opened, asked: PendingRequest) -> Teacher:
    others = (t for t, _ in opened.work.others if opened.roles.get(t.name) == asked.role)
    return next(others, opened.work.teacher) if asked.role else opened.work.teacher


def _raise_failure(opened: Opened, witness: _Preflight) -> None:
    """Raises Stopped. A critic that is busy for a while is no reason to wait before the writer is asked."""
    for stopped in witness.why:
        if stopped.reason not in _PASSING or opened.work.teacher.name not in witness.met:
            raise stopped


def _write_parameters(wave: Wave, role: str, teacher: Teacher) -> None:
    office = batch_jobs(run_models.model_of(wave.run, role), teacher, {})
    run_files.write_json(wave.run, job_state.parameters_file(role), office.learnt())
