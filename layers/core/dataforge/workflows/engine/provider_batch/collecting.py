"""The replies of a wave of jobs into the store, before anyone reads them; a question without one is asked again, unless
the provider refused its prompt.

In a recovery nothing is asked again: the batches read what is stored, once every job of the dead execution is over.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dataforge.errors import TeacherError
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
from dataforge.workflows.engine.provider_batch import job_state, polling
from dataforge.workflows.engine.provider_batch.job_state import JobClients, PollState, Submission, Wave
from dataforge.workflows.engine.retry import MAX_REFUSED_PROMPTS

AT_ONCE = 500
"""Replies that are written together."""


@dataclass(slots=True)
class _Collected:
    """What the jobs of one teacher brought in a wave."""

    replies: int = 0
    questions: int = 0
    why: Counter[str] = field(default_factory=Counter)
    """Why a question has no reply."""
    refused: dict[str, str] = field(default_factory=dict)
    """Questions that were refused for what they ask, and why."""
    left: list[str] = field(default_factory=list)
    """In a recovery: jobs that could not be collected yet, in words for the run's log."""
    full: int = 0
    """Questions of the smallest job that was too much for the account; 0: none was."""
    spent: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Dollars, by batch."""

    @property
    def is_empty(self) -> bool:
        return not self.replies and not self.full and (not self.refused or self.refuses_everything)

    @property
    def refuses_everything(self) -> bool:
        """So many refusals and no answer say more of the teacher than of the prompts."""
        return not self.replies and len(self.refused) >= MAX_REFUSED_PROMPTS

    @property
    def reason(self) -> str:
        """The most frequent one of questions without a reply; empty where the provider gave none."""
        known = self.why + Counter(self.refused.values()) if self.refuses_everything else self.why
        return next((why for why, _ in known.most_common(1)), "")

    def miss(self, sent: Submission, questions: int) -> None:
        self.why[sent.detail] += questions
        if sent.full:
            self.full = min(self.full or questions, questions)


def collect_replies(raw: Item) -> Item:
    """Safe to repeat: a reply is stored under its own key. Raises TeacherBusy, TeacherUnreachable, where no recovery
    waits for the provider anyway."""
    e, poll = state_input.read(raw), job_state.poll_state(raw)
    run = lifecycle.run_of(e)
    wave = Wave(run, e, poll.wave)
    collected = asyncio.run(_collect(wave))
    if e.recovering:
        return _after_recovery(wave, poll, collected, batches_key=str(raw["batches_key"]))
    before = sum(job.before for job in wave.jobs() or [])  # what the replies are worth shows when they are read
    run_events.record_progress(run, f"r{e.round}bjobs", Progress(done=int(before)))
    empty, most = {**poll.empty_waves}, {**poll.max_requests}
    for role, found in collected.items():
        _log(wave, role, found)
        empty[role] = empty.get(role, 0) + 1 if found.is_empty else 0
        if found.full:
            most[role] = max(1, found.full // 2)
        if found.is_empty:
            why = found.reason or "the job ended without a reply"
            _without_reply(wave, role, why, waves=empty[role])
    after = replace(poll, wave=poll.wave + 1, empty_waves=empty, max_requests=most)
    waiting = job_state.waiting_batches(run, e)
    key = run_files.write_json(run, f"{wave.stem}-replay.json", [{**item, "mode": "batch"} for item in waiting])
    return job_state.state_output(e, after, "generate", batches_key=key)


def _without_reply(wave: Wave, role: str, why: str, *, waves: int) -> None:
    """The last so many waves of jobs to the role brought nothing."""
    kinds = [kind for kind, asked in config.DISPENSABLE.items() if asked == role]
    if not kinds:
        engine_batch.stop_round(wave.run, wave.e.round, "batch_job_failed", detail=why)
    elif waves >= job_state.MAX_EMPTY_WAVES:
        job_state.end_kinds(wave.run, wave.e.round, dict.fromkeys(kinds, ("batch_job_failed", why)))


def _after_recovery(wave: Wave, poll: PollState, collected: Mapping[str, _Collected], *, batches_key: str) -> Item:
    """The batches go on with what is stored, or the jobs that are not over are waited for a little longer."""
    for role, found in collected.items():
        _log(wave, role, found)
    left = [job for found in collected.values() for job in found.left]
    if left and poll.waited < polling.RECOVERY_PATIENCE:
        return job_state.state_output(wave.e, poll, "wait", batches_key=batches_key)
    for why in left:
        message = f"{why}: its replies are lost"
        run_log.write(wave.run.run_id, "generating", message, level="error")
    return job_state.state_output(wave.e, PollState(), "generate", batches_key=batches_key, mode="stopped")


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
                try:
                    count = await _fetch(wave, clients.of(job.role), number=number, sent=sent, collected=collected)
                except TeacherError as away:
                    if not wave.e.recovering:
                        raise
                    collected.left.append(f"Batch job {sent.id} of {job.questions} questions: {away.message}")
                    continue
                if count is None:
                    collected.left.append(f"Batch job {sent.id} of {job.questions} questions does not end")
                    continue
                sent = replace(sent, status="collected", replies=count)
                got.append((number, sent))
            elif sent.status == "failed":
                collected.miss(sent, job.questions)
            elif wave.e.recovering:
                collected.left.append(f"Nobody knows whether batch job {wave.name(number)} was made")
            collected.replies += sent.replies
        if await asyncio.to_thread(cost_budget.is_limited, wave.run):
            spent = _spent(by_role.values())
            await asyncio.to_thread(cost_budget.settle_jobs, wave.run.run_id, wave.budget_parts(), spent)
        _note_refused(wave, by_role.values())
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


async def _fetch(wave: Wave, client: BatchJobs, *, number: int, sent: Submission, collected: _Collected) -> int | None:
    """How many replies one job brought; they are stored. None: a recovery found that it is not over yet."""
    if wave.e.recovering and (await client.status(sent.id)).state == "running":
        return None
    run, index = wave.run, wave.index(number)
    found: list[Reply] = []
    seen: set[str] = set()
    async for key, answer in client.replies(sent.id):
        if key not in index or key in seen:
            continue
        if isinstance(answer, NoReply):
            if answer.this_prompt_only:
                collected.refused[key] = answer.reason
            else:
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


def _note_refused(wave: Wave, collected: Iterable[_Collected]) -> None:
    """Their slots fail alone: asking again would be refused again."""
    found = {key: why for one in collected if not one.refuses_everything for key, why in one.refused.items()}
    if found:
        job_state.add_refused(wave.run, wave.e.round, found)


def _log(wave: Wave, role: str, collected: _Collected) -> None:
    of = f" of questions to the {role}" if role else ""
    message = f"The batch job{of} brought {collected.replies} of {collected.questions} replies"
    refused = 0 if collected.refuses_everything else len(collected.refused)
    if refused:
        message += f"; {refused} prompts were refused: {next(iter(collected.refused.values()))}"
    missing = collected.questions - collected.replies - refused
    if missing:
        then = "have none" if wave.e.recovering else "are asked again"
        message += f"; {missing} {then}: {collected.reason or 'the job ended before it got to them'}"
    run_log.write(wave.run.run_id, "generating", message, level="warning" if missing or refused else "info")
