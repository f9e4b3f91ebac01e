"""How the jobs of a wave are doing: again and again, with growing pauses, until every one is over.

In a recovery the jobs are those of the dead execution: whatever runs is cancelled, and then they are waited for, since
the provider keeps, and charges for, what they have answered so far.
"""

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
from dataforge.teachers import BatchJobs
from dataforge.teachers.jobs import JobStatus
from dataforge.workflows import lifecycle, state_input
from dataforge.workflows.engine import config
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import Job, JobClients, Submission, UnderWay, Wave

_NAME = re.compile(r".*?([0-9a-z]{26})-r\d+w\d+j\d+", re.IGNORECASE)
"""`job_state.Wave.name`: the tail of the run's id."""
logger = logging.getLogger(__name__)

LONGER = 1.5
"""Each pause, as a multiple of the one before."""
WHILE_STOPPING = 10
"""Seconds between two looks at a job that was cancelled."""
RECOVERY_PATIENCE = 1800
"""Seconds that a recovery waits for jobs that it cancelled, and for a provider that is out of reach; OpenAI may take
ten minutes to cancel one."""


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
    waited = poll.waited + poll.seconds if e.recovering else 0
    following = "wait" if running and waited < RECOVERY_PATIENCE else "collect"
    if following == "collect":
        run_status.advance(run, "generating", "generating")
    stopping = int(run.cancel_requested or bool(e.recovering))
    return job_state.state_output(
        e,
        replace(poll, seconds=pause, stopping=stopping, done=done, waited=waited),
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


async def _cancel(run: Run, jobs: Sequence[UnderWay]) -> None:
    async with JobClients(run) as clients:
        for job in jobs:
            try:
                client = clients.of(job.sent.role)
                found = job.sent.id or await client.find(job.name)
                if found:
                    await client.cancel(found)
            except TeacherError as away:
                logger.warning("batch job %s of %s goes on: %s", job.name, run.run_id, away.message)
            except Exception:  # a role without keys, settings that are gone: the run must end all the same
                logger.exception("batch job %s of %s goes on", job.name, run.run_id)


async def _look_at(wave: Wave, jobs: Sequence[Job]) -> list[JobStatus | None]:
    """None: it is over, and that was noted before."""
    found: list[JobStatus | None] = []
    async with JobClients(wave.run) as clients:
        for number, job in enumerate(jobs):
            sent, client = wave.sent(number), clients.of(job.role)
            try:
                if sent is not None and sent.status == "sending" and wave.e.recovering:
                    sent = await _found(wave, number, sent, client)
                if sent is None or sent.status != "sent":
                    found.append(None)
                    continue
                look = await client.status(sent.id)
                if look.state == "running" and (wave.run.cancel_requested or wave.e.recovering):
                    await client.cancel(sent.id)
            except TeacherError as away:
                logger.warning("batch job %s of %s: %s", job.name, wave.run.run_id, away.message)
                look = JobStatus("running", "out of reach", detail=away.message)
            if sent is not None and look.state in ("failed", "full"):
                failed = replace(
                    sent, status="failed", detail=look.detail or look.provider_status, full=look.state == "full"
                )
                wave.note(number, failed)
                message = f"Batch job {sent.id} of {job.questions} questions failed: {failed.detail}"
                run_log.write(wave.run.run_id, "generating", message, level="error")
            found.append(look)
    return found


async def _found(wave: Wave, number: int, sent: Submission, client: BatchJobs) -> Submission:
    """What became of a job whose creation got no answer before the execution died. Raises TeacherError."""
    job = await client.find(wave.name(number))
    sent = replace(sent, status="sent", id=job) if job else replace(sent, status="failed", detail="it was never sent")
    wave.note(number, sent)
    return sent


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
