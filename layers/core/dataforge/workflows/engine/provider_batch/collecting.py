"""The replies of a wave of jobs into the store, before anyone reads them; a question without one is asked again."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import replies as reply_store
from dataforge.store import run_events, run_log
from dataforge.store.progress import Progress
from dataforge.store.replies import Reply
from dataforge.teachers import BatchJobs
from dataforge.teachers.jobs import NoReply
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine import config, cost_budget
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import JobClients, Submission, Wave

AT_ONCE = 500
"""Replies that are written together."""


@dataclass(slots=True)
class _Collected:
    """What the jobs of one teacher brought in a wave."""

    replies: int = 0
    questions: int = 0
    why: Counter[str] = field(default_factory=Counter)
    """Why a question has no reply."""
    full: int = 0
    """Questions of the smallest job that was too much for the account; 0: none was."""
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Dollars, by batch."""

    @property
    def is_empty(self) -> bool:
        return not self.replies and not self.full

    def miss(self, sent: Submission, questions: int) -> None:
        self.why[sent.detail] += questions
        if sent.full:
            self.full = min(self.full or questions, questions)


def collect_replies(raw: Item) -> Item:
    """Safe to repeat: a reply is stored under its own key. Raises TeacherBusy, TeacherUnreachable."""
    e, poll = state_input.read(raw), job_state.poll_state(raw)
    run = lifecycle.run_of(e)
    wave = Wave(run, e, poll.wave)
    collected = asyncio.run(_collect(wave))
    before = sum(job.before for job in wave.jobs() or [])  # what the replies are worth shows when they are read
    run_events.record_progress(run, f"r{e.round}bjobs", Progress(done=int(before)))
    empty, most = {**poll.empty_waves}, {**poll.max_requests}
    for role, found in collected.items():
        _log(wave, role, found)
        empty[role] = empty.get(role, 0) + 1 if found.is_empty else 0
        if found.full:
            most[role] = max(1, found.full // 2)
        if found.is_empty:
            why = next((why for why, _ in found.why.most_common(1)), "the job ended without a reply")
            engine_batch.stop_round(run, e.round, "batch_job_failed", detail=why)
    after = replace(poll, wave=poll.wave + 1, empty_waves=empty, max_requests=most)
    waiting = job_state.waiting_batches(run, e)
    key = run_files.write_json(run, f"{wave.stem}-replay.json", [{**item, "mode": "batch"} for item in waiting])
    return job_state.state_output(e, after, "generate", batches_key=key)


async def _collect(wave: Wave) -> dict[str, _Collected]:
    """Every job's replies, by the role of the teacher; then the wave's budget is settled, and then its files at the
    provider are deleted."""
    by_role: dict[str, _Collected] = {}
    jobs, got = wave.jobs() or [], list[tuple[int, Submission]]()
    async with JobClients(wave.run) as clients:
        for number, job in enumerate(jobs):
            collected = by_role.setdefault(job.role, _Collected())
            collected.questions += job.questions
            sent = wave.sent(number) or Submission(status="failed", detail="it was never sent", role=job.role)
            if sent.status == "sent":
                count = await _fetch(wave, clients.of(job.role), number=number, sent=sent, collected=collected)
                sent = replace(sent, status="collected", replies=count)
                got.append((number, sent))
            elif sent.status == "failed":
                collected.miss(sent, job.questions)
            collected.replies += sent.replies
        if config.of(wave.run).max_cost_usd is not None:
            spent = _spent(by_role.values())
            await asyncio.to_thread(cost_budget.settle_job, wave.run.run_id, wave.name(0), spent)
        for number, sent in got:
            wave.note(number, sent)
            await clients.of(jobs[number].role).delete_files(sent.id)
        for job in jobs:  # what has no reply is written anew for the next wave
            await asyncio.to_thread(current().files.delete, job.file)
    return by_role


def _spent(collected: Iterable[_Collected]) -> dict[str, float]:
    """Dollars, by batch."""
    total: defaultdict[str, float] = defaultdict(float)
    for one in collected:
        for batch, dollars in one.spent.items():
            total[batch] += dollars
    return {**total}


async def _fetch(wave: Wave, client: BatchJobs, *, number: int, sent: Submission, collected: _Collected) -> int:
    """How many replies one job brought; they are stored."""
    run, index = wave.run, wave.index(number)
    found: list[Reply] = []
    seen: set[str] = set()
    async for key, answer in client.replies(sent.id):
        if key not in index or key in seen:
            continue
        if isinstance(answer, NoReply):
            collected.why[answer.reason] += 1
            continue
        seen.add(key)
        prompt, batch, asked = index[key]
        found.append(engine_batch.reply_of(run, key, answer, prompt_hash=prompt, asked=asked, job=sent.id))
        collected.spent[f"r{wave.e.round}b{batch:04d}"] += answer.cost_usd or 0.0
        if len(found) >= AT_ONCE:
            await asyncio.to_thread(reply_store.keep_many, found)
            found = []
    await asyncio.to_thread(reply_store.keep_many, found)
    return len(seen)


def _log(wave: Wave, role: str, collected: _Collected) -> None:
    of = f" of questions to the {role}" if role else ""
    message = f"The batch job{of} brought {collected.replies} of {collected.questions} replies"
    missing = collected.questions - collected.replies
    if missing:
        most = next(iter(collected.why.most_common(1)), ("the job ended before it got to them", 0))
        message += f"; {missing} are asked again: {most[0]}"
    run_log.write(wave.run.run_id, "generating", message, level="warning" if missing else "info")
