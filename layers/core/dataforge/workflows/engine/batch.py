"""One batch of a generate run: every call asked at most once, its raw reply stored before it is read.

    reply on file? use it : hold its price -> wait at the gate -> ask (busy -> wait, ask again) -> store -> read

`calling` turns the replies of one call into outcomes of its slots.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from typing import cast

from dataforge import clock, settings
from dataforge.errors import BatchUnfinished, NotFound
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question, Slot
from dataforge.store import replies as reply_store
from dataforge.store import run_events, run_log, runs
from dataforge.store.progress import Progress
from dataforge.store.replies import Reply
from dataforge.store.runs import Run
from dataforge.teachers.ports import Teacher
from dataforge.workflows import run_files, state_input
from dataforge.workflows.engine import reply_lineage, retry, run_models
from dataforge.workflows.engine.context import BatchContext, Call
from dataforge.workflows.engine.rate_limiter import RateLimiter
from dataforge.workflows.engine.retry import OutOfTime

logger = logging.getLogger(__name__)

HEARTBEAT = 0.5
"""Seconds between two looks at the cancel flag and two progress notes."""

MAX_REPLY_BYTES = 200_000
"""A longer reply is cut before it is stored: a table item holds 400 KB."""

IDLE = 0.005
"""Seconds without a reply after which there is time for what can wait."""

WORKERS_PER_CALL = 2
"""Askers per call in flight: one that waits as a busy teacher told it leaves its place to another."""


def run_to_end(
    batch: BatchContext,
    e: state_input.StateInput,
    call: Call,
    calls: Sequence[Sequence[Slot]],
    *,
    concurrency: int,
    seconds: float | None,
) -> Item:
    """Every call of the batch, then its part file. Raises BatchUnfinished as `generate_batch` says."""
    set_deadline(batch, seconds)
    asyncio.run(ask_all(batch, call, calls, concurrency))
    batch.purse.give_back()
    return finish(batch, e, calls)


def set_deadline(batch: BatchContext, seconds: float | None) -> None:
    """Nothing is begun that may not end within the seconds; None: no bound."""
    if seconds is not None:
        reserve = min(seconds / 3, settings.get().teacher_timeout + 15)
        batch.deadline = time.monotonic() + seconds - reserve


def finish(batch: BatchContext, e: state_input.StateInput, calls: Sequence[Sequence[Slot]]) -> Item:
    """Write the part file. Raises BatchUnfinished while slots have no outcome."""
    if len(batch.outcomes) < batch.slots:
        raise BatchUnfinished(f"{len(batch.outcomes)} of {batch.slots} slots are done; the rest takes another attempt")
    run = runs.get(e.org_id, e.run_id)  # NotFound: its project was deleted meanwhile, and no file may come after that
    outcomes = _write_part(batch, e, reply_lineage.with_lineage(batch.outcomes, calls, batch.used))
    made = sum("failed" not in o for o in outcomes)
    level = "warning" if made < len(batch.outcomes) else "info"
    what = "pairs" if run.kind == "generate" else "records"
    said = f"Batch {e.batch + 1}: {made} of {len(batch.outcomes)} {what} written{_spent(batch)}"
    run_log.write(e.run_id, "generating", said + (f"; {batch.stop_detail}" if batch.stop_detail else ""), level=level)
    return {"batch": e.batch, "made": made}


def _spent(batch: BatchContext) -> str:
    cost = _usage(batch.used)["cost_usd"]
    return f" for ${cost:.4f}" if isinstance(cost, float) and cost > 0 else ""


def save_stored(batch: BatchContext, e: state_input.StateInput, call: Call, calls: Sequence[Sequence[Slot]]) -> int:
    """What the stored replies of a dead batch still give; nothing is asked."""
    batch.stop = "batch_failed"
    if not batch.stored:
        return 0
    asyncio.run(ask_all(batch, call, calls, 1))
    made = [o for o in batch.outcomes if "failed" not in o]
    return len(_write_part(batch, e, reply_lineage.with_lineage(made, calls, batch.used)))


def _write_part(batch: BatchContext, e: state_input.StateInput, outcomes: list[Item]) -> list[Item]:
    outcomes = sorted(outcomes, key=lambda o: cast(int, o["slot"]))
    part = {"usage": _usage(batch.used), "outcomes": outcomes}
    run_files.write_json(batch.run, f"round-{e.round}/part-{e.batch:04d}.json", part)
    return outcomes


async def ask_all(batch: BatchContext, call: Call, calls: Sequence[Sequence[Slot]], concurrency: int) -> None:
    """Askers share one queue, so a slow reply holds up nobody else."""
    queue = iter(calls)
    asked = (*batch.others, (batch.teacher, run_models.model_of(batch.run)))
    batch.gates = {t.name: RateLimiter(m, batch.run.org_id, concurrency, batch.is_over) for t, m in asked}
    aside = [asyncio.create_task(_heartbeat(batch)), asyncio.create_task(_run_deferred(batch))]
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(WORKERS_PER_CALL * concurrency, len(calls))):
                group.create_task(_worker(batch, call, queue))
    finally:
        for task in aside:
            task.cancel()
        for teacher, _ in asked:
            await teacher.close()
    while batch.later:
        batch.later.popleft()()
    _record_progress(batch)


async def _worker(batch: BatchContext, call: Call, queue: Iterator[Sequence[Slot]]) -> None:
    for slots in queue:
        try:
            outcomes = await call(slots)
            batch.outcomes += outcomes
        except OutOfTime:
            continue
        except Exception as defect:  # the batch dies of it: nobody pays for another call meanwhile
            batch.end("batch_failed", str(defect))
            raise


async def _run_deferred(batch: BatchContext) -> None:
    seen = -1
    while True:
        if batch.later and batch.answered == seen:
            try:
                batch.later[0]()
            except Exception as defect:  # it fails again when all is asked, and the batch dies of it
                batch.end("batch_failed", str(defect))
                return
            batch.later.popleft()
            await asyncio.sleep(0)
        else:
            seen = batch.answered
            await asyncio.sleep(IDLE)


async def _heartbeat(batch: BatchContext) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        try:
            run = await asyncio.to_thread(runs.get, batch.run.org_id, batch.run.run_id)
            await asyncio.to_thread(_record_progress, batch)
            over = run.cancel_requested or run.status in runs.FINISHED
        except NotFound:  # the project was deleted
            over = True
        except Exception:  # a table that is busy for a moment must not end the watch over cancel
            logger.warning("no progress note for %s", batch.run.run_id, exc_info=True)
            continue
        if over:
            batch.end("cancelled", "stopped by the caller")


def _record_progress(batch: BatchContext) -> None:
    usage = _usage(batch.used)
    outcomes = list(batch.outcomes)
    run_events.record_progress(
        batch.run,
        batch.name,
        Progress(
            len(outcomes),
            batch.slots,
            sum("failed" in o for o in outcomes),
            cast(int, usage["input_tokens"]),
            cast(int, usage["output_tokens"]),
            cast("float | None", usage["cost_usd"]),
            cast(int, usage["cached_tokens"]),
            cast(int, usage["replies"]),
        ),
    )


async def reply_to(
    batch: BatchContext, question: Question, first_slot: int, attempt: int, *, teacher: Teacher | None = None
) -> Reply:
    """The stored reply, or a new one, stored before it is returned. teacher: another one than the batch's own.

    Raises Stopped, OutOfTime.
    """
    key = reply_store.key_of(first_slot, attempt)
    if key in batch.stored:
        batch.used.append(batch.stored[key])
        return batch.stored[key]

    async def keep(answer: Answer) -> Reply:
        reply = reply_of(batch.run, key, answer, prompt_hash=reply_lineage.prompt_hash(question))
        kept = asyncio.get_running_loop().run_in_executor(None, reply_store.keep, reply)
        await asyncio.shield(kept)  # it is paid for: another call that dies must not undo the write
        return reply

    reply = await retry.ask(batch, question, teacher or batch.teacher, keep)
    batch.used.append(reply)
    return reply


def reply_of(run: Run, key: str, answer: Answer, *, prompt_hash: str, job: str = "") -> Reply:
    """As it is stored. job: the batch job that brought the answer."""
    text, finish = answer.text, answer.finish_reason
    if len(text.encode()) > MAX_REPLY_BYTES:
        text, finish = text.encode()[:MAX_REPLY_BYTES].decode("utf-8", "ignore"), "length"
    return Reply(
        run.run_id,
        key,
        text,
        answer.model,
        finish,
        answer.input_tokens,
        answer.output_tokens,
        reply_store.expires_at(),
        answer.cost_usd,
        prompt_hash=prompt_hash,
        answered_at=clock.now(),
        cached_tokens=answer.cached_tokens,
        job=job,
    )


def _usage(replies: list[Reply]) -> Item:
    costs = [r.cost_usd for r in replies]
    return {
        "input_tokens": sum(r.input_tokens for r in replies),
        "output_tokens": sum(r.output_tokens for r in replies),
        "cached_tokens": sum(r.cached_tokens for r in replies),
        "cost_usd": None if any(c is None for c in costs) else round(float(sum(c for c in costs if c is not None)), 8),
        "replies": len(replies),
    }
