"""The questions that wait, as jobs of the provider, each made once, however often this state runs.

What a run asks first is asked in real time: see `preflight`. A job belongs to one model, so each teacher of a run gets
its own. Few questions (fewer than a job takes, or than are worth one), those that MAX_WAVES waves of jobs or the time
have left, and those of a cancelled run go the way of a run in real time, so no slot is lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

from dataforge import clock, settings
from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import run_events, run_log, run_status
from dataforge.store.progress import Progress
from dataforge.store.runs import Run
from dataforge.teachers import BatchJobs
from dataforge.teachers.ports import JobLimits
from dataforge.teachers.prices import Price
from dataforge.workflows import kinds, lifecycle, run_files, state_input
from dataforge.workflows.engine import batch, config, cost_budget, reply_lineage
from dataforge.workflows.engine.batches import batches_file
from dataforge.workflows.engine.context import Stopped
from dataforge.workflows.engine.monthly_budget import allowance_of
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import (
    MAX_EMPTY_WAVES,
    Job,
    JobClients,
    PendingRequest,
    PollState,
    Submission,
    Wave,
)
from dataforge.workflows.engine.provider_batch.preflight import preflight

MAX_WAVES = 8
"""Waves of jobs in one round of asking."""
MAX_WAVES_IN_TURN = 16
"""The same where a call asks several questions in turn."""
LATEST = 5 * 86_400
"""Seconds of a run after which no job is begun: one takes a day, and the machine of a run ends after seven."""
FIRST_PAUSE = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sized:
    """A question that waits. most: dollars that it costs at most. size: bytes of its request."""

    key: str
    batch: int
    slots: int
    most: float
    size: int
    step: int = 0
    steps: int = 1


def submit_jobs(raw: Item) -> Item:
    """Raises TeacherBusy and TeacherUnreachable: run it again, it goes on where it stopped."""
    e, poll = state_input.read(raw), job_state.poll_state(raw)
    run = lifecycle.run_of(e)
    wave = Wave(run, e, poll.wave)
    waiting = job_state.waiting_batches(run, e)
    if not waiting or poll.wave > _most_waves(run) + 2:
        run_events.record_progress(run, f"r{e.round}bjobs", Progress())
        return job_state.state_output(
            e, PollState(), "assess", batches_key=run_files.key_of(run, batches_file(e.round))
        )
    if wave.jobs() is None:
        mode = _other_way(run, poll) or _plan(wave, poll, waiting)
        if mode is not None:
            return _in_mode(wave, poll, waiting, mode)
    jobs = cast("list[Job]", wave.jobs())
    asyncio.run(_send(wave, jobs))
    run_status.advance(run, "generating", "waiting")
    pause = min(FIRST_PAUSE, settings.get().batch_poll)
    return job_state.state_output(e, replace(poll, seconds=pause, done=-1), "wait", batches_key=str(raw["batches_key"]))


def _most_waves(run: Run) -> int:
    in_turn = kinds.of(run.kind).questions_in_turn or config.of(run).role_models
    return MAX_WAVES_IN_TURN if in_turn else MAX_WAVES


def _other_way(run: Run, poll: PollState) -> str | None:
    """The mode in which the waiting batches go on, where it is no job."""
    late = clock.seconds_since(run.created_at) > LATEST
    if run.cancel_requested or poll.wave >= _most_waves(run) or late:
        return "realtime"
    vain = {role for role, waves in poll.empty_waves.items() if waves >= MAX_EMPTY_WAVES}
    return "stopped" if vain - set(config.DISPENSABLE.values()) else None


def _in_mode(wave: Wave, poll: PollState, waiting: Sequence[Item], mode: str) -> Item:
    run, e = wave.run, wave.e
    key = run_files.write_json(run, f"{wave.stem}-{mode}.json", [{**item, "mode": mode} for item in waiting])
    run_events.record_progress(run, f"r{e.round}bjobs", Progress())
    if mode == "realtime" and not run.cancel_requested:
        run_log.write(run.run_id, "generating", "The rest is asked in real time, at full price")
    return job_state.state_output(e, replace(poll, wave=poll.wave + 1), "generate", batches_key=key)


def _plan(wave: Wave, poll: PollState, waiting: Sequence[Item]) -> str | None:
    """Write down the jobs of this wave. Or the mode to go on in: there are too few questions for a job, or the first
    one, in real time, got no answer.

    Questions that are too few for their teacher wait for others of the kind while there is a job of another one.
    """
    run = wave.run
    batches = [int(str(item["batch"])) for item in waiting]
    counted = Counter(a.role for a in _pending(wave, batches))
    try:
        jobs_by_role = {
            role: _jobs_for(wave, poll, waiting, role)
            for role in sorted(counted)
            if (least := _least(wave, poll, role)) is not None and counted[role] >= least
        }
    except Stopped as stopped:
        return _after_failed_preflight(wave, stopped)
    if not any(jobs_by_role.values()):
        if cost_budget.is_limited(run):  # what was held for the job is free for single questions
            cost_budget.settle_jobs(run.run_id, wave.budget_parts(), {})
        return "realtime"
    _write(wave, batches, jobs_by_role)
    return None


def _least(wave: Wave, poll: PollState, role: str) -> int | None:
    """Questions that are worth a job; None: the teacher takes none."""
    limits = config.teacher_of(wave.run, role).can.batch
    is_first = wave.e.round == 0 and poll.wave == 0
    return None if limits is None else max(limits.least, 1 if is_first else settings.get().batch_least)


def _jobs_for(wave: Wave, poll: PollState, waiting: Sequence[Item], role: str) -> list[list[_Sized]]:
    """The questions to a teacher, by job; empty: too few are left. Raises Stopped."""
    run = wave.run
    answered = preflight(wave, waiting, role)
    jobs, price = JobClients(run).of(role), config.model_of(run, role).price
    sized = [
        _sized(jobs, price, a)
        for a in _pending(wave, [int(str(item["batch"])) for item in waiting])
        if a.role == role and a.key not in answered
    ]
    affordable = _affordable(wave, sized, role)
    limits, least = config.teacher_of(run, role).can.batch, _least(wave, poll, role)
    if limits is None or least is None or len(affordable) < least:
        return []
    return split_into_jobs(affordable, replace(limits, most=poll.max_requests.get(role) or limits.most))


def _after_failed_preflight(wave: Wave, stopped: Stopped) -> str:
    """Raises TeacherUnreachable where trying again helps: nobody asked for the full price."""
    if stopped.reason in ("teacher_busy", "teacher_unreachable"):
        raise TeacherUnreachable(stopped.detail) from stopped
    batch.stop_round(wave.run, wave.e.round, stopped.reason, detail=stopped.detail)
    return "stopped"


def _pending(wave: Wave, batches: Sequence[int]) -> Iterator[PendingRequest]:
    for number in batches:
        yield from job_state.read_pending(wave.run, wave.e.round, number)


def _sized(jobs: BatchJobs, price: Price | None, asked: PendingRequest) -> _Sized:
    most = cost_budget.max_cost(asked.question, price.batched) if price else 0.0
    size = len(jobs.line(asked.key, asked.question))
    return _Sized(
        key=asked.key,
        batch=asked.batch,
        slots=asked.slots,
        most=most,
        size=size,
        step=asked.step,
        steps=asked.steps,
    )


def _affordable(wave: Wave, sized: list[_Sized], role: str) -> list[_Sized]:
    limit, allowance = config.of(wave.run).max_cost_usd, allowance_of(wave.run)
    if limit is None and allowance is None:
        return sized
    bounds = [s.most for s in sized]
    part = wave.budget_part(role)
    return sized[: cost_budget.hold_for_job(wave.run.run_id, part, limit, bounds, allowance=allowance)]


def split_into_jobs(sized: Sequence[_Sized], limits: JobLimits) -> list[list[_Sized]]:
    """Jobs of about equal size, each within the limits; what would make a job too small waits for the next wave."""
    total = sum(s.size for s in sized)
    number = max(-(-len(sized) // limits.most), -(-total // int(0.95 * limits.bytes)), 1)
    each = -(-len(sized) // number)
    groups: list[list[_Sized]] = [[]]
    held = 0
    for one in sized:
        if groups[-1] and (len(groups[-1]) >= each or held + one.size > limits.bytes):
            groups.append([])
            held = 0
        groups[-1].append(one)
        held += one.size
    return [g for g in groups if len(g) >= limits.least]


def _write(wave: Wave, batches: Sequence[int], jobs_by_role: Mapping[str, Sequence[Sequence[_Sized]]]) -> None:
    """The files of every job, in one pass over the questions for each teacher; then the plan, which makes them
    valid."""
    planned: list[Job] = []
    clients = JobClients(wave.run)
    for role, groups in jobs_by_role.items():
        chosen = {s.key for g in groups for s in g}
        questions = (a for a in _pending(wave, batches) if a.key in chosen)
        for group in groups:
            file = _write_file(wave, clients.of(role), len(planned), islice(questions, len(group)))
            planned.append(
                Job(
                    name=wave.name(len(planned)),
                    file=file,
                    questions=len(group),
                    slots=sum(s.slots for s in group),
                    role=role,
                    before=sum(s.slots * s.step / s.steps for s in group),
                    worth=sum(s.slots / s.steps for s in group),
                )
            )
    wave.plan(planned)


def _write_file(wave: Wave, client: BatchJobs, number: int, questions: Iterator[PendingRequest]) -> str:
    """The key of a job's requests; beside them, what they belong to."""
    index: dict[str, tuple[str, int, int]] = {}

    def lines() -> Iterator[bytes]:
        for a in questions:
            index[a.key] = (reply_lineage.prompt_hash(a.question), a.batch, a.slots)
            yield client.line(a.key, a.question)

    file = run_files.key_of(wave.run, wave.file(number, "jsonl"))
    current().files.write_stream(file, lines(), content_type="application/jsonl")
    wave.write_index(number, index)
    return file


async def _send(wave: Wave, jobs: Sequence[Job]) -> None:
    noun = kinds.of(wave.run.kind).noun
    async with JobClients(wave.run) as clients:
        for number, job in enumerate(jobs):
            sent = wave.sent(number)
            if sent is not None and sent.status != "sending":
                continue
            wave.note(number, Submission(status="sending", role=job.role))
            try:
                found = await clients.of(job.role).submit(job.name, job.file, again=sent is not None)
            except TeacherRefused as refused:
                wave.note(number, Submission(status="failed", detail=refused.message, role=job.role))
                _say(wave, f"The provider refused a batch job of {job.questions} questions: {refused.message}", "error")
                continue
            wave.note(number, Submission(status="sent", id=found, role=job.role))
            to = f" to the {job.role}" if job.role else ""
            _say(wave, f"Sent {job.questions} questions{to} for {job.slots} {noun} as batch job {found}")


def _say(wave: Wave, message: str, level: str = "info") -> None:
    run_log.write(wave.run.run_id, "generating", message, level=level)
