"""The questions that wait, as jobs of the provider, each made once, however often this state runs.

One question of a run is asked in real time first: a wrong key, an unknown model or a refused parameter shows at once,
not after hours, and what its model takes is known before a job is written. Few questions (fewer than a job takes, or
than are worth one), those that MOST_WAVES waves of jobs have left, and those of a cancelled run go the way of a run in
real time, so no slot is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

from dataforge import settings
from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Slot
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.teachers import Jobs, batch_jobs
from dataforge.teachers.ports import JobLimits
from dataforge.workflows import asking, budget, lineage
from dataforge.workflows import runs as flow
from dataforge.workflows.batching import book
from dataforge.workflows.batching.book import Asked, Job, Sent, Turn, Wave
from dataforge.workflows.calling import Stopped

MOST_WAVES = 8
"""Waves of jobs in one round of asking."""
MOST_VAIN = 2
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


def submit_jobs(raw: Item) -> Item:
    """Raises TeacherBusy and TeacherUnreachable: run it again, it goes on where it stopped."""
    e, turn = flow.event(raw), book.turn(raw)
    run = flow.run_of(e)
    wave = Wave(run, e, turn.wave)
    waiting = book.waiting(run, e)
    if not waiting or turn.wave > MOST_WAVES + 2:
        return book.state(e, Turn(), "assess", batches_key=flow.key_of(run, f"round-{e.round}/batches.json"))
    if wave.jobs() is None:
        mode = _other_way(run, turn) or _plan(wave, turn, waiting)
        if mode is not None:
            return _in_mode(wave, turn, waiting, mode)
    jobs = cast("list[Job]", wave.jobs())
    asyncio.run(_send(wave, jobs))
    runs.advance(run, "generating", "waiting")
    pause = min(FIRST_PAUSE, settings.get().batch_poll)
    return book.state(e, replace(turn, seconds=pause, done=-1), "wait", batches_key=str(raw["batches_key"]))


def _other_way(run: Run, turn: Turn) -> str | None:
    """The mode in which the waiting batches go on, where it is no job."""
    if run.cancel_requested or turn.wave >= MOST_WAVES:
        return "realtime"
    return "stopped" if turn.vain >= MOST_VAIN else None


def _in_mode(wave: Wave, turn: Turn, waiting: Sequence[Item], mode: str) -> Item:
    run, e = wave.run, wave.e
    key = flow.write_json(run, f"{wave.stem}-{mode}.json", [{**item, "mode": mode} for item in waiting])
    if mode == "realtime" and not run.cancel_requested:
        runs.say(run.run_id, "generating", "The rest is asked in real time, at full price")
    return book.state(e, replace(turn, wave=turn.wave + 1), "generate", batches_key=key)


def _plan(wave: Wave, turn: Turn, waiting: Sequence[Item]) -> str | None:
    """Write down the jobs of this wave. Or the mode to go on in: there are too few questions for a job, or the first
    one, in real time, got no answer."""
    run, e = wave.run, wave.e
    batches = [int(str(item["batch"])) for item in waiting]
    limits = flow.teacher_of(run).can.batch
    if limits is None:
        return "realtime"
    is_first = e.round == 0 and turn.wave == 0
    least = max(limits.least, 1 if is_first else settings.get().batch_least)
    if sum(1 for _ in _parked(wave, batches)) < least:
        return "realtime"
    try:
        answered = _probe(wave, waiting[0])
    except Stopped as stopped:
        return _after_a_vain_probe(wave, stopped)
    jobs = book.office(run)
    sized = [_sized(run, jobs, a) for a in _parked(wave, batches) if a.key not in answered]
    affordable = _affordable(wave, sized)
    groups = divided(affordable, replace(limits, most=turn.most or limits.most)) if len(affordable) >= least else []
    if not groups:
        if run.config.get("max_cost_usd") is not None:  # what was held for the job is free for single questions
            budget.settle_job(run.run_id, wave.name(0), {})
        return "realtime"
    _write(wave, jobs, _parked(wave, batches), groups)
    return None


def _after_a_vain_probe(wave: Wave, stopped: Stopped) -> str:
    """Raises TeacherUnreachable where trying again helps: nobody asked for the full price."""
    if stopped.reason in ("teacher_busy", "teacher_unreachable"):
        raise TeacherUnreachable(stopped.detail) from stopped
    book.stop(wave.run, wave.e, stopped.reason, detail=stopped.detail)
    return "stopped"


def _parked(wave: Wave, batches: Sequence[int]) -> Iterator[Asked]:
    for batch in batches:
        yield from book.parked(wave.run, wave.e.round, batch)


def _probe(wave: Wave, item: Item) -> set[str]:
    """Ask one question in real time, unless the run did so before. The keys of this batch that have replies, also
    from an attempt of this state that was cut off. Raises Stopped."""
    run = wave.run
    batch, _, _ = asking.opened(flow.event(item))
    if flow.read_json(run, book.LEARNT) is not None:
        return set(batch.stored)
    first = next((a for a in _parked(wave, [int(str(item["batch"]))]) if a.key not in batch.stored), None)
    if first is None:
        return set(batch.stored)
    slot, _, attempt = first.key.partition("#")
    why: list[Stopped] = []

    async def ask(_: Sequence[Slot]) -> list[Item]:
        try:
            await asking.reply_to(batch, first.question, int(slot), int(attempt))
        except Stopped as stopped:
            why.append(stopped)
        return []

    asyncio.run(asking.ask_all(batch, ask, [()], 1))
    batch.purse.give_back()
    if why:
        raise why[0]
    flow.write_json(run, book.LEARNT, batch_jobs(flow.model_of(run), batch.teacher, {}).learnt())
    return {*batch.stored, first.key}


def _sized(run: Run, jobs: Jobs, asked: Asked) -> _Sized:
    price = flow.model_of(run).price
    most = budget.most(asked.question, price.batched) if price else 0.0
    return _Sized(asked.key, asked.batch, asked.slots, most, len(jobs.line(asked.key, asked.question)))


def _affordable(wave: Wave, sized: list[_Sized]) -> list[_Sized]:
    limit = wave.run.config.get("max_cost_usd")
    if not isinstance(limit, int | float):
        return sized
    return sized[: budget.hold_for_job(wave.run.run_id, wave.name(0), float(limit), [s.most for s in sized])]


def divided(sized: Sequence[_Sized], limits: JobLimits) -> list[list[_Sized]]:
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


def _write(wave: Wave, jobs: Jobs, parked: Iterator[Asked], groups: Sequence[Sequence[_Sized]]) -> None:
    """The files of every job, in one pass over the questions; then the plan, which makes them valid."""
    chosen = {s.key for g in groups for s in g}
    questions = (a for a in parked if a.key in chosen)
    planned: list[Job] = []
    for number, group in enumerate(groups):
        index: dict[str, tuple[str, int]] = {}

        def lines(count: int, index: dict[str, tuple[str, int]] = index) -> Iterator[bytes]:
            for a in islice(questions, count):
                index[a.key] = (lineage.prompt_hash(a.question), a.batch)
                yield jobs.line(a.key, a.question)

        file = flow.key_of(wave.run, wave.file(number, "jsonl"))
        current().files.write_stream(file, lines(len(group)), content_type="application/jsonl")
        wave.write_index(number, index)
        planned.append(Job(wave.name(number), file, len(group), sum(s.slots for s in group)))
    wave.plan(planned)


async def _send(wave: Wave, jobs: Sequence[Job]) -> None:
    office = book.office(wave.run)
    try:
        for number, job in enumerate(jobs):
            sent = wave.sent(number)
            if sent is not None and sent.fate != "sending":
                continue
            wave.note(number, Sent("sending"))
            try:
                found = await office.submit(job.name, job.file, again=sent is not None)
            except TeacherRefused as refused:
                wave.note(number, Sent("failed", detail=refused.message))
                _say(wave, f"The provider refused a batch job of {job.questions} questions: {refused.message}", "error")
                continue
            wave.note(number, Sent("sent", found))
            _say(wave, f"Sent {job.questions} questions for {job.slots} pairs as batch job {found}")
    finally:
        await office.close()


def _say(wave: Wave, message: str, level: str = "info") -> None:
    runs.say(wave.run.run_id, "generating", message, level=level)


