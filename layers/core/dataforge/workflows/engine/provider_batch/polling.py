"""How the jobs of a wave are doing: again and again, with growing pauses, until every one is over."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from dataforge import settings
from dataforge.errors import TeacherError
from dataforge.platform.ports import Item
from dataforge.store import run_events, run_log, run_status, task_tokens
from dataforge.store.progress import Progress
from dataforge.store.runs import Run
from dataforge.teachers.jobs import JobStatus
from dataforge.workflows import lifecycle, state_input
from dataforge.workflows.engine import config
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import Job, JobClients, Submission, Wave

_NAME = re.compile(r".*?([0-9a-z]{26})-r\d+w\d+j\d+", re.IGNORECASE)
"""`job_state.Wave.name`: the tail of the run's id."""
logger = logging.getLogger(__name__)

LONGER = 1.5
"""Each pause, as a multiple of the one before."""
WHILE_STOPPING = 10
"""Seconds between two looks at a job that was cancelled."""


def check_jobs(raw: Item) -> Item:
    """`next` says whether to wait on or to collect; a provider that is out of reach is asked again later."""
    e, poll = state_input.read(raw), job_state.poll_state(raw)
    run = lifecycle.run_of(e)
    wave = Wave(run, e, poll.wave)
    jobs = wave.jobs() or []
    looks = asyncio.run(_look_at(wave, jobs))
    running = [look for look in looks if look is not None and look.state == "running"]
    done, total = _progress(wave, jobs, looks)
    if done != poll.done and running:
        _say(wave, running[0], done, total)
    most = settings.get().batch_poll
    pause = min(most, WHILE_STOPPING if run.cancel_requested else max(1, round(LONGER * poll.seconds)))
    following = "wait" if running else "collect"
    if not running:
        run_status.advance(run, "generating", "generating")
    return job_state.state_output(
        e,
        replace(poll, seconds=pause, stopping=int(run.cancel_requested), done=done),
        following,
        batches_key=str(raw["batches_key"]),
    )


def wait_for_jobs(raw: Item) -> Item:
    """Keep the token with which the machine goes on before its pause is over. raw: `token`, and the run's `state`."""
    e = state_input.read(cast(Item, raw["state"]))
    task_tokens.keep(e.run_id, str(raw["token"]))
    poll = job_state.poll_state(cast(Item, raw["state"]))
    if lifecycle.run_of(e).cancel_requested and not poll.stopping:  # cancelled since the last look
        task_tokens.wake(e.run_id)
    return {}


def jobs_changed(name: str) -> bool:
    """A provider reports that one of our jobs is over, by its name. Whether a run waited for it."""
    known = _NAME.fullmatch(name)
    return known is not None and task_tokens.wake(known[1])


def cancel_jobs(run: Run) -> None:
    """Cancel what still runs at the provider, as far as that works: nobody will collect it."""
    left = list(job_state.under_way(run)) if config.of(run).in_batch_mode else []
    if left:
        asyncio.run(_cancel(run, left))


async def _cancel(run: Run, jobs: Sequence[Submission]) -> None:
    async with JobClients(run) as clients:
        for sent in jobs:
            try:
                await clients.of(sent.role).cancel(sent.id)
            except TeacherError as away:
                logger.warning("batch job %s of %s goes on: %s", sent.id, run.run_id, away.message)


async def _look_at(wave: Wave, jobs: Sequence[Job]) -> list[JobStatus | None]:
    """None: it is over, and that was noted before."""
    found: list[JobStatus | None] = []
    async with JobClients(wave.run) as clients:
        for number, job in enumerate(jobs):
            sent = wave.sent(number)
            if sent is None or sent.status != "sent":
                found.append(None)
                continue
            client = clients.of(job.role)
            try:
                look = await client.status(sent.id)
                if look.state == "running" and wave.run.cancel_requested:
                    await client.cancel(sent.id)
            except TeacherError as away:
                logger.warning("batch job %s of %s: %s", sent.id, wave.run.run_id, away.message)
                look = JobStatus("running", "out of reach", detail=away.message)
            if look.state in ("failed", "full"):
                failed = replace(
                    sent, status="failed", detail=look.detail or look.provider_status, full=look.state == "full"
                )
                wave.note(number, failed)
                message = f"Batch job {sent.id} of {job.questions} questions failed: {failed.detail}"
                run_log.write(wave.run.run_id, "generating", message, level="error")
            found.append(look)
    return found


def _progress(wave: Wave, jobs: Sequence[Job], looks: Sequence[JobStatus | None]) -> tuple[int, int]:
    """Questions that are done, of all; the run's progress counts them in slots until their replies are read."""
    done, slots = 0, 0.0
    for job, look in zip(jobs, looks, strict=True):
        if look is None or look.state not in ("running", "ended"):
            slots += job.before
            continue
        counted = job.questions if look.state == "ended" else min(look.done, job.questions)
        done += counted
        slots += job.reached(counted)
    run_events.record_progress(wave.run, f"r{wave.e.round}bjobs", Progress(done=int(slots)))
    return done, sum(job.questions for job in jobs)


def _say(wave: Wave, look: JobStatus, done: int, total: int) -> None:
    message = f"Waiting for the provider's batch job: {done} of {total} done ({look.provider_status})"
    run_log.write(wave.run.run_id, "generating", message)
