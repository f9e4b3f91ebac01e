"""One batch of a run: every call is asked at most once, and its raw reply is stored before it is read.

    reply stored? use it : reserve its price -> rate limiter -> ask (busy -> wait, ask again) -> store -> read

`call_loop` turns the replies of one call into outcomes of its slots.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import cast

from dataforge import clock, settings
from dataforge.errors import BatchUnfinished, NotFound
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question, Slot
from dataforge.store import progress as progress_store
from dataforge.store import replies as reply_store
from dataforge.store import run_events, run_log, runs
from dataforge.store.progress import Progress
from dataforge.store.replies import Reply
from dataforge.store.runs import Run
from dataforge.teachers.ports import Teacher
from dataforge.text.normal_forms import repair_surrogates
from dataforge.workflows import kinds, run_files
from dataforge.workflows.engine import config, learnt_parameters, outcomes, reply_lineage, retry
from dataforge.workflows.engine.context import DEFECTS, BatchContext, Call, OpenBatch, OutOfTime, Stopped
from dataforge.workflows.engine.outcomes import Drafted, Failed
from dataforge.workflows.engine.rate_limiter import RateLimiter
from dataforge.workflows.engine.store_gate import Closed
from dataforge.workflows.state_input import StateInput

logger = logging.getLogger(__name__)

HEARTBEAT = 0.5
"""Seconds between two looks at the cancel flag, and between two notes of progress."""
MAX_REPLY_BYTES = 200_000
"""A longer reply is cut before it is stored: a table item holds 400 KB."""
LAST_SECONDS = 20.0
"""Of an invocation: what cannot be stored by then is given up."""
IDLE = 0.005
"""Seconds without a reply after which deferred work is done."""
WORKERS_PER_CALL = 2
"""Workers per call in flight: while one waits for a busy teacher, another uses its place."""


def open_batch(e: StateInput) -> OpenBatch:
    opened: OpenBatch = kinds.of(e.kind).step("open_batch")(e)
    return opened


def generate_batch(e: StateInput, *, seconds: float | None) -> Item:
    """As `run_states.generate_batch`; in mode `stopped` stored replies are read and nothing is asked."""
    if e.mode == "stopped" and (written := _written(e)) is not None:
        return written
    batch = open_batch(e)
    if e.mode == "stopped":
        batch.context.end(*why_stopped(batch.context.run, e.round))
    return run_to_end(batch, e, concurrency=1 if e.mode == "stopped" else batch.concurrency, seconds=seconds)


def _written(e: StateInput) -> Item | None:
    """The answer of a batch that has its part file already."""
    run = runs.get(e.org_id, e.run_id)
    part = run_files.read_json(run, outcomes.part_file(e.round, e.batch))
    if not isinstance(part, dict):
        return None
    return {"batch": e.batch, "made": sum("failed" not in o for o in part["outcomes"])}


def run_to_end(batch: OpenBatch, e: StateInput, *, concurrency: int, seconds: float | None) -> Item:
    """Every call of the batch, then its part file. Raises BatchUnfinished as `run_states.generate_batch` says."""
    set_deadline(batch.context, seconds)

    async def call(slots: Sequence[Slot]) -> list[outcomes.Outcome[outcomes.Content]]:
        return await batch.call(slots, fetch_reply)

    asyncio.run(ask_all(batch.context, call, batch.calls, concurrency))
    batch.context.budget.give_back()
    return finish(batch, e)


def set_deadline(context: BatchContext, seconds: float | None) -> None:
    """Nothing is begun that may not end within the seconds; None: no bound."""
    if seconds is not None:
        reserve = min(seconds / 3, settings.get().teacher_timeout + 15)
        context.deadline = time.monotonic() + seconds - reserve
        context.gate.end = time.monotonic() + seconds - min(seconds / 10, LAST_SECONDS)


def finish(batch: OpenBatch, e: StateInput) -> Item:
    """Write the part file. Raises BatchUnfinished while slots have no outcome."""
    context = batch.context
    done = len(context.outcomes)
    if done < context.slots:
        context.gate.raise_if_closed()
        raise BatchUnfinished(f"{done} of {context.slots} slots are done; the rest takes another attempt")
    run = runs.get(e.org_id, e.run_id)  # NotFound: its project was deleted meanwhile, and no file may come after that
    made = sum(isinstance(o, Drafted) for o in context.outcomes)
    _write_part(batch, e)
    level = "warning" if made < done else "info"
    message = f"Batch {e.batch + 1}: {made} of {done} {kinds.of(run.kind).noun} written{_spent(context)}"
    if context.stop_detail:
        message += f"; {context.stop_detail}"
    run_log.write(e.run_id, "generating", message, level=level)
    batch.close()
    return {"batch": e.batch, "made": made}


def _spent(context: BatchContext) -> str:
    cost = outcomes.usage_of(context.replies)["cost_usd"]
    return f" for ${cost:.4f}" if isinstance(cost, float) and cost > 0 else ""


def save_stored(batch: OpenBatch, e: StateInput) -> int:
    """What the stored replies of a dead batch still give; nothing is asked. How many drafts."""
    context = batch.context
    context.stop = "batch_failed"
    if not context.stored:
        return 0

    async def call(slots: Sequence[Slot]) -> list[outcomes.Outcome[outcomes.Content]]:
        return await batch.call(slots, fetch_reply)

    asyncio.run(ask_all(context, call, batch.calls, 1))
    context.outcomes = [o for o in context.outcomes if isinstance(o, Drafted)]
    _write_part(batch, e)
    return len(context.outcomes)


def _write_part(batch: OpenBatch, e: StateInput) -> None:
    context = batch.context
    traced = reply_lineage.with_lineage(context.outcomes, batch.calls, context.replies)
    outcomes.write_part(context.run, e.round, e.batch, traced, replies=context.replies)


def stop_round(run: Run, round_number: int, reason: str, *, detail: str) -> None:
    """Why the slots fail that have no reply yet, once their batches go on in mode `stopped`."""
    run_files.write_json(run, f"round-{round_number}/stop.json", {"reason": reason, "detail": detail})


def why_stopped(run: Run, round_number: int) -> tuple[str, str]:
    found = cast("dict[str, str]", run_files.read_json(run, f"round-{round_number}/stop.json") or {})
    return found.get("reason", "batch_job_failed"), found.get("detail", "")


async def ask_all(context: BatchContext, call: Call, calls: Sequence[Sequence[Slot]], concurrency: int) -> None:
    """Workers share one queue, so a slow reply holds up no other call."""
    queue = iter(calls)
    asked = (*context.other_teachers, (context.teacher, config.model_of(context.run)))
    context.rate_limiters = {t.name: RateLimiter(m, context.run.org_id, concurrency, context.is_over) for t, m in asked}
    teachers = [teacher for teacher, _ in asked]
    if context.stop is None:
        await asyncio.to_thread(learnt_parameters.load, context.run, teachers)
    background = [asyncio.create_task(_heartbeat(context)), asyncio.create_task(_run_deferred(context))]
    try:
        if context.stop is None:
            with suppress(Closed):
                await context.gate.probe()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(WORKERS_PER_CALL * concurrency, len(calls))):
                group.create_task(_worker(context, call, queue))
    finally:
        for task in background:
            task.cancel()
        for teacher in teachers:
            await teacher.close()
    if context.answered:
        await asyncio.to_thread(learnt_parameters.keep, context.run, teachers)
    while context.deferred:
        context.deferred.popleft()()
    _record_progress(context)
    _log_left_out(context)
    for reason, detail in context.ended.values():
        message = f"The verifier was not asked any more ({reason}): {detail}; records that it did not see are flagged"
        run_log.write(context.run.run_id, "generating", message, level="warning")


def _log_left_out(context: BatchContext) -> None:
    """Once a round: the models of its other batches are the same."""
    for teacher, parts in context.left_out.items() if context.name.endswith("b0000") else ():
        message = f"{teacher} is asked without {'; without '.join(sorted(parts))}"
        run_log.write(context.run.run_id, "generating", message, level="warning")


async def _worker(context: BatchContext, call: Call, queue: Iterator[Sequence[Slot]]) -> None:
    for slots in queue:
        try:
            made = await call(slots)
            context.outcomes += made
        except (OutOfTime, Closed):
            continue
        except DEFECTS as defect:
            why = context.note_defect(defect)
            context.outcomes += [outcomes.failed(slot, why.reason, why.detail) for slot in slots]
        except Exception as defect:  # the batch dies of it: nobody pays for another call meanwhile
            context.end("batch_failed", str(defect))
            raise


async def _run_deferred(context: BatchContext) -> None:
    seen = -1
    while True:
        if context.deferred and context.answered == seen:
            try:
                context.deferred[0]()
            except Exception as defect:  # it fails again when all is asked, and the batch dies of it
                context.end("batch_failed", str(defect))
                return
            context.deferred.popleft()
            await asyncio.sleep(0)
        else:
            seen = context.answered
            await asyncio.sleep(IDLE)


async def _heartbeat(context: BatchContext) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        try:
            run = await asyncio.to_thread(runs.get, context.run.org_id, context.run.run_id)
            await asyncio.to_thread(_record_progress, context)
            over = run.cancel_requested or run.status in runs.FINISHED
        except NotFound:  # the project was deleted
            over = True
        except Exception:  # a table that is busy for a moment must not end the watch over cancel
            logger.warning("no progress note for %s", context.run.run_id, exc_info=True)
            continue
        if over:
            context.end("cancelled", "stopped by the caller")


def _record_progress(context: BatchContext) -> None:
    """What the verifier's replies took stands in a row of its own."""
    made, used = list(context.outcomes), list(context.replies)
    verifiers = [r for r in used if reply_store.is_verifiers(r.slot)]
    done = Progress(done=len(made), total=context.slots, failed=sum(isinstance(o, Failed) for o in made))
    if verifiers:
        part = progress_store.of_verifier(context.name)
        progress_store.put(context.run.run_id, part, _at_least(context, part, _with_usage(Progress(), verifiers)))
        used = [r for r in used if not reply_store.is_verifiers(r.slot)]
    run_events.record_progress(context.run, context.name, _at_least(context, context.name, _with_usage(done, used)))


def _with_usage(progress: Progress, used: Sequence[Reply]) -> Progress:
    usage = outcomes.usage_of(used)
    return replace(
        progress,
        input_tokens=cast(int, usage["input_tokens"]),
        output_tokens=cast(int, usage["output_tokens"]),
        cost_usd=cast("float | None", usage["cost_usd"]),
        cached_tokens=cast(int, usage["cached_tokens"]),
        teacher_calls=cast(int, usage["replies"]),
    )


def _at_least(context: BatchContext, part: str, progress: Progress) -> Progress:
    """The figures of the part, or those of an earlier attempt of the batch that had come further."""
    if part not in context.before:
        context.before[part] = progress_store.of_part(context.run.run_id, part)
    return progress.at_least(context.before[part])


async def fetch_reply(
    context: BatchContext, question: Question, first_slot: int, attempt: int, *, teacher: Teacher | None = None
) -> Reply:
    """The stored reply, or a new one, stored before it is returned: `context.Fetch` in real time.

    teacher: another one than the writer. Raises Stopped, OutOfTime.
    """
    key = reply_store.key_of(first_slot, attempt)
    if key in context.stored:
        context.replies.append(context.stored[key])
        return context.stored[key]
    if key in context.refused:
        raise Stopped(retry.PROMPT_REFUSED, context.refused[key])

    async def store(answer: Answer) -> Reply:
        prompt = reply_lineage.prompt_hash(question)
        reply = reply_of(context.run, key, answer, prompt_hash=prompt, asked=len(question.slots))
        kept = asyncio.ensure_future(context.gate.write(lambda: asyncio.to_thread(reply_store.keep, reply)))
        await asyncio.shield(kept)  # it is paid for: another call that dies must not undo the write
        return reply

    try:
        reply = await retry.ask(context, question, teacher or context.teacher, store)
    except DEFECTS as defect:
        raise context.note_defect(defect) from None
    context.replies.append(reply)
    return reply


def reply_of(run: Run, key: str, answer: Answer, *, prompt_hash: str, asked: int, job: str = "") -> Reply:
    """An answer as it is stored. asked: see `Reply.asked`; job: the batch job that brought it."""
    text, finish_reason = repair_surrogates(answer.text), answer.finish_reason
    if len(text.encode()) > MAX_REPLY_BYTES:
        text, finish_reason = text.encode()[:MAX_REPLY_BYTES].decode("utf-8", "ignore"), "length"
    return Reply(
        run_id=run.run_id,
        slot=key,
        text=text,
        model=answer.model,
        finish_reason=finish_reason,
        input_tokens=answer.input_tokens,
        output_tokens=answer.output_tokens,
        expires_at=reply_store.expires_at(),
        cost_usd=answer.cost_usd,
        prompt_hash=prompt_hash,
        answered_at=clock.now(),
        cached_tokens=answer.cached_tokens,
        job=job,
        note=answer.note,
        asked=asked,
    )
