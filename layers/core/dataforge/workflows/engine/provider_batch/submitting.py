"""The questions that wait, as jobs of the provider, each made once, however often this state runs.

What a run asks first is asked in real time: see `probing`. A job belongs to one model, so each teacher of a run gets
its own. Few questions (fewer than a job takes, or than are worth one), those that MOST_WAVES waves of jobs or the time
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
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.engine import cost_budget, reply_lineage, run_models
from dataforge.workflows.engine.call_loop import Stopped
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import (
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
MAX_WAVES_OF_PASSES = 16
"""The same where a call asks several questions in turn."""
LATEST = 5 * 86_400
"""Seconds of a run after which no job is begun: one takes a day, and the machine of a run ends after seven."""
MAX_EMPTY_WAVES = 2
"""Waves without a single reply, after which nothing more is sent."""
FIRST_PAUSE = 15


@dataclass(frozen=True, slots=True)
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
    e, turn = state_input.read(raw), job_state.poll_state(raw)
    run = lifecycle.run_of(e)
    wave = Wave(run, e, turn.wave)
    waiting = job_state.waiting_batches(run, e)
    if not waiting or turn.wave > _most_waves(run) + 2:
        run_events.record_progress(run, f"r{e.round}bjobs", Progress())
        return job_state.state_output(
            e, PollState(), "assess", batches_key=run_files.key_of(run, f"round-{e.round}/batches.json")
        )
    if wave.jobs() is None:
        mode = _other_way(run, turn) or _plan(wave, turn, waiting)
        if mode is not None:
            return _in_mode(wave, turn, waiting, mode)
    jobs = cast("list[Job]", wave.jobs())
    asyncio.run(_send(wave, jobs))
    run_status.advance(run, "generating", "waiting")
    pause = min(FIRST_PAUSE, settings.get().batch_poll)
    return job_state.state_output(e, replace(turn, seconds=pause, done=-1), "wait", batches_key=str(raw["batches_key"]))


def _most_waves(run: Run) -> int:
    return MAX_WAVES if run.kind == "generate" else MAX_WAVES_OF_PASSES


def _other_way(run: Run, turn: PollState) -> str | None:
    """The mode in which the waiting batches go on, where it is no job."""
    late = clock.seconds_since(run.created_at) > LATEST
    if run.cancel_requested or turn.wave >= _most_waves(run) or late:
        return "realtime"
    return "stopped" if any(waves >= MAX_EMPTY_WAVES for waves in turn.vain.values()) else None


def _in_mode(wave: Wave, turn: PollState, waiting: Sequence[Item], mode: str) -> Item:
    run, e = wave.run, wave.e
    key = run_files.write_json(run, f"{wave.stem}-{mode}.json", [{**item, "mode": mode} for item in waiting])
    run_events.record_progress(run, f"r{e.round}bjobs", Progress())
    if mode == "realtime" and not run.cancel_requested:
        run_log.write(run.run_id, "generating", "The rest is asked in real time, at full price")
    return job_state.state_output(e, replace(turn, wave=turn.wave + 1), "generate", batches_key=key)


def _plan(wave: Wave, turn: PollState, waiting: Sequence[Item]) -> str | None:
    """Write down the jobs of this wave. Or the mode to go on in: there are too few questions for a job, or the first
    one, in real time, got no answer.

    Questions that are too few for their teacher wait for others of the kind while there is a job of another one.
    """
    run = wave.run
    batches = [int(str(item["batch"])) for item in waiting]
    counted = Counter(a.role for a in _parked(wave, batches))
    try:
        dealt = {
            role: _jobs_for(wave, turn, waiting, role)
            for role in sorted(counted)
            if (least := _least(wave, turn, role)) is not None and counted[role] >= least
        }
    except Stopped as stopped:
        return _after_a_vain_probe(wave, stopped)
    if not any(dealt.values()):
        if run.config.get("max_cost_usd") is not None:  # what was held for the job is free for single questions
            cost_budget.settle_job(run.run_id, wave.name(0), {})
        return "realtime"
    _write(wave, batches, dealt)
    return None


def _least(wave: Wave, turn: PollState, role: str) -> int | None:
    """Questions that are worth a job; None: the teacher takes none."""
    limits = run_models.teacher_of(wave.run, role).can.batch
    is_first = wave.e.round == 0 and turn.wave == 0
    return None if limits is None else max(limits.least, 1 if is_first else settings.get().batch_least)


def _jobs_for(wave: Wave, turn: PollState, waiting: Sequence[Item], role: str) -> list[list[_Sized]]:
    """The questions to a teacher, by job; empty: too few are left. Raises Stopped."""
    run = wave.run
    answered = preflight(wave, waiting, role)
    jobs, price = JobClients(run).of(role), run_models.model_of(run, role).price
    sized = [
        _sized(jobs, price, a)
        for a in _parked(wave, [int(str(item["batch"])) for item in waiting])
        if a.role == role and a.key not in answered
    ]
    affordable = _affordable(wave, sized)
    limits, least = run_models.teacher_of(run, role).can.batch, _least(wave, turn, role)
    if limits is None or least is None or len(affordable) < least:
        return []
    return split_into_jobs(affordable, replace(limits, most=turn.most.get(role) or limits.most))


def _after_a_vain_probe(wave: Wave, stopped: Stopped) -> str:
    """Raises TeacherUnreachable where trying again helps: nobody asked for the full price."""
    if stopped.reason in ("teacher_busy", "teacher_unreachable"):
        raise TeacherUnreachable(stopped.detail) from stopped
    job_state.stop(wave.run, wave.e, stopped.reason, detail=stopped.detail)
    return "stopped"


def _parked(wave: Wave, batches: Sequence[int]) -> Iterator[PendingRequest]:
    for batch in batches:
        yield from job_state.read_pending(wave.run, wave.e.round, batch)


def _sized(jobs: BatchJobs, price: Price | None, asked: PendingRequest) -> _Sized:
    most = cost_budget.max_cost(asked.question, price.batched) if price else 0.0
    size = len(jobs.line(asked.key, asked.question))
    return _Sized(asked.key, asked.batch, asked.slots, most, size, asked.step, asked.steps)


def _affordable(wave: Wave, sized: list[_Sized]) -> list[_Sized]:
    limit = wave.run.config.get("max_cost_usd")
    if not isinstance(limit, int | float):
        return sized
    return sized[: cost_budget.hold_for_job(wave.run.run_id, wave.name(0), float(limit), [s.most for s in sized])]


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


def _write(wave: Wave, batches: Sequence[int], dealt: Mapping[str, Sequence[Sequence[_Sized]]]) -> None:
    """The files of every job, in one pass over the questions for each teacher; then the plan, which makes them
    valid."""
    planned: list[Job] = []
    offices = JobClients(wave.run)
    for role, groups in dealt.items():
        chosen = {s.key for g in groups for s in g}
        questions = (a for a in _parked(wave, batches) if a.key in chosen)
        for group in groups:
            file = _write_file(wave, offices.of(role), len(planned), islice(questions, len(group)))
            planned.append(
                Job(
                    wave.name(len(planned)),
                    file,
                    len(group),
                    sum(s.slots for s in group),
                    role,
                    before=sum(s.slots * s.step / s.steps for s in group),
                    worth=sum(s.slots / s.steps for s in group),
                )
            )
    wave.plan(planned)


def _write_file(wave: Wave, office: BatchJobs, number: int, questions: Iterator[PendingRequest]) -> str:
    """The key of a job's requests; beside them, what they belong to."""
    index: dict[str, tuple[str, int]] = {}

    def lines() -> Iterator[bytes]:
        for a in questions:
            index[a.key] = (reply_lineage.prompt_hash(a.question), a.batch)
            yield office.line(a.key, a.question)

    file = run_files.key_of(wave.run, wave.file(number, "jsonl"))
    current().files.write_stream(file, lines(), content_type="application/jsonl")
    wave.write_index(number, index)
    return file


async def _send(wave: Wave, jobs: Sequence[Job]) -> None:
    what = "pairs" if wave.run.kind == "generate" else "records"
    async with JobClients(wave.run) as offices:
        for number, job in enumerate(jobs):
            sent = wave.sent(number)
            if sent is not None and sent.fate != "sending":
                continue
            wave.note(number, Submission("sending", role=job.role))
            try:
                found = await offices.of(job.role).submit(job.name, job.file, again=sent is not None)
            except TeacherRefused as refused:
                wave.note(number, Submission("failed", detail=refused.message, role=job.role))
                _say(wave, f"The provider refused a batch job of {job.questions} questions: {refused.message}", "error")
                continue
            wave.note(number, Submission("sent", found, role=job.role))
            to = f" to the {job.role}" if job.role else ""
            _say(wave, f"Sent {job.questions} questions{to} for {job.slots} {what} as batch job {found}")


def _say(wave: Wave, message: str, level: str = "info") -> None:
    run_log.write(wave.run.run_id, "generating", message, level=level)
