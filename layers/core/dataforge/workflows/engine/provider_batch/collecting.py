"""The replies of a wave of jobs into the store, before anyone reads them; what has none is asked again."""

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
from dataforge.workflows.engine import cost_budget
from dataforge.workflows.engine.provider_batch import job_state
from dataforge.workflows.engine.provider_batch.job_state import JobClients, Submission, Wave

AT_ONCE = 500
"""Replies that are written together."""


@dataclass(slots=True)
class _Collected:
    """By the jobs of one teacher in a wave."""

    replies: int = 0
    questions: int = 0
    why: Counter[str] = field(default_factory=Counter)
    """Why a question has no reply."""
    full: int = 0
    """Questions of the smallest job that was too much for the account; 0: none was."""
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Dollars, by batch."""

    @property
    def is_vain(self) -> bool:
        return not self.replies and not self.full

    def miss(self, sent: Submission, questions: int) -> None:
        self.why[sent.detail] += questions
        if sent.full:
            self.full = min(self.full or questions, questions)


def collect_replies(raw: Item) -> Item:
    """Safe to repeat: a reply is stored under its own key. Raises TeacherBusy, TeacherUnreachable."""
    e, turn = state_input.read(raw), job_state.poll_state(raw)
    run = lifecycle.run_of(e)
    wave = Wave(run, e, turn.wave)
    brought = asyncio.run(_collect(wave))
    before = sum(job.before for job in wave.jobs() or [])  # what the replies are worth is told when they are read
    run_events.record_progress(run, f"r{e.round}bjobs", Progress(done=int(before)))
    vain, most = {**turn.vain}, {**turn.most}
    for role, found in brought.items():
        _log(wave, role, found)
        vain[role] = vain.get(role, 0) + 1 if found.is_vain else 0
        if found.full:
            most[role] = max(1, found.full // 2)
        if found.is_vain:
            why = next((why for why, _ in found.why.most_common(1)), "the job ended without a reply")
            job_state.stop(run, e, "batch_job_failed", detail=why)
    after = replace(turn, wave=turn.wave + 1, vain=vain, most=most)
    waiting = job_state.waiting_batches(run, e)
    key = run_files.write_json(run, f"{wave.stem}-replay.json", [{**item, "mode": "batch"} for item in waiting])
    return job_state.state_output(e, after, "generate", batches_key=key)


async def _collect(wave: Wave) -> dict[str, _Collected]:
    """Every job's replies, by the role of the teacher; then the wave's budget is settled, and then its files at the
    provider go."""
    by_role: dict[str, _Collected] = {}
    jobs, got = wave.jobs() or [], list[tuple[int, Submission]]()
    async with JobClients(wave.run) as offices:
        for number, job in enumerate(jobs):
            brought = by_role.setdefault(job.role, _Collected())
            brought.questions += job.questions
            sent = wave.sent(number) or Submission("failed", detail="it was never sent", role=job.role)
            if sent.fate == "sent":
                count = await _fetch(wave, offices.of(job.role), number=number, sent=sent, brought=brought)
                sent = replace(sent, fate="collected", replies=count)
                got.append((number, sent))
            elif sent.fate == "failed":
                brought.miss(sent, job.questions)
            brought.replies += sent.replies
        if wave.run.config.get("max_cost_usd") is not None:
            spent = _spent(by_role.values())
            await asyncio.to_thread(cost_budget.settle_job, wave.run.run_id, wave.name(0), spent)
        for number, sent in got:
            wave.note(number, sent)
            await offices.of(jobs[number].role).delete_files(sent.id)
        for job in jobs:  # what has no reply is written anew for the next wave
            await asyncio.to_thread(current().files.delete, job.file)
    return by_role


def _spent(brought: Iterable[_Collected]) -> dict[str, float]:
    """Dollars, by batch."""
    total: defaultdict[str, float] = defaultdict(float)
    for one in brought:
        for batch, dollars in one.spent.items():
            total[batch] += dollars
    return {**total}


async def _fetch(wave: Wave, office: BatchJobs, *, number: int, sent: Submission, brought: _Collected) -> int:
    """How many replies one job brought; they are stored."""
    run, index = wave.run, wave.index(number)
    found: list[Reply] = []
    seen: set[str] = set()
    async for key, answer in office.replies(sent.id):
        if key not in index or key in seen:
            continue
        if isinstance(answer, NoReply):
            brought.why[answer.reason] += 1
            continue
        seen.add(key)
        prompt, batch = index[key]
        found.append(engine_batch.reply_of(run, key, answer, prompt_hash=prompt, job=sent.id))
        brought.spent[f"r{wave.e.round}b{batch:04d}"] += answer.cost_usd or 0.0
        if len(found) >= AT_ONCE:
            await asyncio.to_thread(reply_store.keep_many, found)
            found = []
    await asyncio.to_thread(reply_store.keep_many, found)
    return len(seen)


def _log(wave: Wave, role: str, brought: _Collected) -> None:
    of = f" of questions to the {role}" if role else ""
    said = f"The batch job{of} brought {brought.replies} of {brought.questions} replies"
    missing = brought.questions - brought.replies
    if missing:
        most = next(iter(brought.why.most_common(1)), ("the job ended before it got to them", 0))
        said += f"; {missing} are asked again: {most[0]}"
    run_log.write(wave.run.run_id, "generating", said, level="warning" if missing else "info")
