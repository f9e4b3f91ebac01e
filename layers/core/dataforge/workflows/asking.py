"""One batch of a generate run: every call asked at most once, its raw reply stored before it is read.

    reply on file? use it : ask (busy -> wait as told and ask again) -> store -> read
    unreadable -> a correction turn that shows the error -> one fresh try -> the slot fails with a reason
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import cast

import orjson

from dataforge import settings
from dataforge.errors import BadReply, BatchUnfinished, NotFound, TeacherBusy, TeacherError, TeacherRefused
from dataforge.log import redact
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.recipes import RECIPES, Recipe, Wishes
from dataforge.records import Answer, Draft, Message, Passage, Question, Slot
from dataforge.store import projects, runs
from dataforge.store.projects import StoredChunk
from dataforge.store.runs import Progress, Reply, Run
from dataforge.teachers.ports import Teacher
from dataforge.workflows import runs as flow
from dataforge.workflows.generation import wishes

logger = logging.getLogger(__name__)

READINGS = 3
"""The first reply, its correction, a fresh try."""
TRIES = 7
"""How often one call is sent while the teacher is busy or out of reach."""
LONGEST_WAIT = 60.0
HEARTBEAT = 0.5
"""Seconds between two looks at the cancel flag and two progress notes."""
MOST_REPLY_BYTES = 200_000
"""A longer reply is cut before it is stored: a table item holds 400 KB."""


@dataclass(slots=True)
class Batch:
    """What the calls of one batch share."""

    run: Run
    name: str
    """`r<round>b<batch>`: the name of its progress."""
    teacher: Teacher
    recipe: Recipe
    wishes: Wishes
    chunks: dict[str, StoredChunk]
    names: dict[str, str]
    stored: dict[str, Reply]
    slots: int
    outcomes: list[Item] = field(default_factory=list)
    used: list[Reply] = field(default_factory=list)
    answered: int = 0
    """Replies that the teacher gave to this attempt of the batch."""
    stop: str | None = None
    """Why no further call is sent: cancelled, or the teacher refused for good, or is gone."""
    stop_detail: str = ""
    deadline: float = math.inf
    """time.monotonic() after which nothing more is begun."""

    def is_late(self) -> bool:
        return self.stop is None and time.monotonic() > self.deadline


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """Run a batch to its end and write its part file; run again, it asks only what has no stored reply.

    seconds: what is left of this invocation. Raises BatchUnfinished in time before they are over: a slow teacher needs
    several invocations, and none of them loses anything.
    """
    e = flow.event(raw)
    batch, calls, concurrency = _open(e)
    if seconds is not None:
        reserve = min(seconds / 3, settings.get().teacher_timeout + 15)
        batch.deadline = time.monotonic() + seconds - reserve
    asyncio.run(_ask_all(batch, calls, concurrency))
    if len(batch.outcomes) < batch.slots:
        raise BatchUnfinished(f"{len(batch.outcomes)} of {batch.slots} slots are done; the rest takes another attempt")
    runs.get(e.org_id, e.run_id)  # NotFound: its project was deleted meanwhile, and no file may come after that
    outcomes = _write_part(batch, e, batch.outcomes)
    made = sum("draft" in o for o in outcomes)
    level = "warning" if made < len(batch.outcomes) else "info"
    runs.say(e.run_id, "generating", f"Batch {e.batch + 1}: {made} of {len(batch.outcomes)} pairs written"
             + (f"; {batch.stop_detail}" if batch.stop_detail else ""), level=level)
    return {"batch": e.batch, "made": made}


def salvage(raw: Item) -> int:
    """What a batch that died for good has paid for: its stored replies become drafts, nothing is asked. How many."""
    e = flow.event(raw)
    batch, calls, _ = _open(e)
    batch.stop = "batch_failed"
    if not batch.stored:
        return 0
    asyncio.run(_ask_all(batch, calls, 1))
    return len(_write_part(batch, e, [o for o in batch.outcomes if "draft" in o]))


def _write_part(batch: Batch, e: flow.Event, outcomes: list[Item]) -> list[Item]:
    outcomes = sorted(outcomes, key=lambda o: cast(int, o["slot"]))
    part = {"usage": _usage(batch.used), "outcomes": outcomes}
    flow.write_json(batch.run, f"round-{e.round}/part-{e.batch:04d}.json", part)
    return outcomes


def _open(e: flow.Event) -> tuple[Batch, list[list[Slot]], int]:
    """The batch, its calls, and how many of them may be in flight."""
    run = flow.run_of(e)
    body = orjson.loads(current().files.read(e.key))
    calls = [[Slot(**s) for s in call] for call in body["calls"]]
    indices = [s.index for call in calls for s in call]
    found = projects.get_chunks(run.project_id, list({call[0].chunk_id: None for call in calls}))
    over = run.cancel_requested or run.status in runs.FINISHED
    batch = Batch(
        run, f"r{e.round}b{e.batch:04d}", flow.teacher_of(run),
        RECIPES[str(run.config["generation_type"])], wishes(run.config), {c.chunk_id: c for c in found},
        body["document_names"],
        runs.replies_between(run.run_id, min(indices), max(indices)), len(indices),
        stop="cancelled" if over else None, stop_detail="stopped by the caller" if over else "",
    )
    return batch, calls, int(body["concurrency"])


async def _ask_all(batch: Batch, calls: list[list[Slot]], concurrency: int) -> None:
    """`concurrency` askers share one queue, so a slow reply holds up nobody else."""
    queue = iter(calls)
    beat = asyncio.create_task(_heartbeat(batch))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(calls))):
                group.create_task(_asker(batch, queue))
    finally:
        beat.cancel()
        await batch.teacher.close()
    _note(batch)


async def _asker(batch: Batch, queue: Iterator[list[Slot]]) -> None:
    for slots in queue:
        with suppress(_OutOfTime):
            batch.outcomes += await _call(batch, slots)


async def _heartbeat(batch: Batch) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT)
        try:
            run = await asyncio.to_thread(runs.get, batch.run.org_id, batch.run.run_id)
            await asyncio.to_thread(_note, batch)
            over = run.cancel_requested or run.status in runs.FINISHED
        except NotFound:  # the project was deleted
            over = True
        except Exception:  # a table that is busy for a moment must not end the watch over cancel
            logger.warning("no progress note for %s", batch.run.run_id, exc_info=True)
            continue
        if batch.stop is None and over:
            batch.stop, batch.stop_detail = "cancelled", "stopped by the caller"


def _note(batch: Batch) -> None:
    usage = _usage(batch.used)
    outcomes = list(batch.outcomes)
    runs.note_progress(batch.run.run_id, batch.name, Progress(
        len(outcomes), batch.slots, sum("failed" in o for o in outcomes), cast(int, usage["input_tokens"]),
        cast(int, usage["output_tokens"]), cast("float | None", usage["cost_usd"]),
    ))


async def _call(batch: Batch, slots: list[Slot]) -> list[Item]:
    """The outcome of each slot of one call."""
    chunk = batch.chunks.get(slots[0].chunk_id)
    if chunk is None:
        return [_failed(s, "chunk_deleted", "the chunk was deleted after the run was planned") for s in slots]
    passage = Passage(
        chunk.content, tuple(chunk.heading_path), chunk.content_type, batch.names.get(chunk.document_id, ""),  # type: ignore[arg-type]
    )
    question = batch.recipe.question(passage, slots, batch.wishes)
    best: list[Draft] = []
    reply, source, why = None, None, ("unreadable_reply", "")
    for attempt in range(1 if batch.teacher.can.offline else READINGS):
        try:
            reply = await _reply(batch, question, slots[0].index, attempt)
            drafts = batch.recipe.read(_answer(reply), slots)
            return [_made(batch, s, d, reply) for s, d in zip(slots, drafts, strict=True)]
        except BadReply as bad:
            if len(bad.drafts) > len(best):
                best, source = bad.drafts, reply
            why = ("passage_exhausted" if batch.teacher.can.offline else "unreadable_reply", bad.message)
            question = _next_question(batch, passage, slots, attempt, reply, bad)
        except _Stopped as stopped:
            why = (stopped.reason, stopped.detail)
            break
    made = [_made(batch, s, d, source) for s, d in zip(slots, best, strict=False) if source is not None]
    return made + [_failed(s, *why) for s in slots[len(made):]]


def _next_question(
    batch: Batch, passage: Passage, slots: list[Slot], attempt: int, reply: Reply | None, bad: BadReply
) -> Question:
    """First show the teacher its mistake; after that start afresh, with another seed."""
    asked = batch.recipe.question(passage, slots, replace(batch.wishes, seed=batch.wishes.seed + attempt))
    if attempt > 0 or reply is None or not reply.text.strip():
        return asked
    correction = f"That reply cannot be used: {bad.message}. Send the whole corrected reply, JSON only."
    turns = (Message("assistant", reply.text), Message("user", correction))
    return replace(asked, messages=(*asked.messages, *turns))


class _OutOfTime(Exception):
    """A call is left to the next invocation."""


class _Stopped(Exception):
    """A call ends without a reply."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


async def _reply(batch: Batch, question: Question, first_slot: int, attempt: int) -> Reply:
    key = runs.reply_key(first_slot, attempt)
    if key in batch.stored:
        batch.used.append(batch.stored[key])
        return batch.stored[key]
    answer = await _ask(batch, question)
    text, finish = answer.text, answer.finish_reason
    if len(text.encode()) > MOST_REPLY_BYTES:
        text, finish = text.encode()[:MOST_REPLY_BYTES].decode("utf-8", "ignore"), "length"
    reply = Reply(
        batch.run.run_id, key, text, answer.model, finish, answer.input_tokens,
        answer.output_tokens, runs.reply_expiry(), answer.cost_usd,
    )
    await asyncio.to_thread(runs.keep_reply, reply)
    batch.used.append(reply)
    return reply


async def _ask(batch: Batch, question: Question) -> Answer:
    """Raises _Stopped when the run is cancelled, the teacher refuses for good, or stays out of reach."""
    jitter = random.Random(time.monotonic_ns())
    problem: TeacherError | None = None
    answered = batch.answered
    for attempt in range(TRIES):
        if batch.stop:
            raise _Stopped(batch.stop, batch.stop_detail)
        if batch.is_late():
            raise _OutOfTime
        try:
            answer = await batch.teacher.ask(question)
            batch.answered += 1
            return answer
        except TeacherRefused as refused:
            batch.stop, batch.stop_detail = "teacher_refused", refused.message
            raise _Stopped("teacher_refused", refused.message) from None
        except TeacherError as busy:
            problem = busy
            if attempt == TRIES - 1:
                break
            told = busy.retry_after if isinstance(busy, TeacherBusy) else None
            backoff = min(LONGEST_WAIT, 0.5 * 2**attempt) * jitter.uniform(0.5, 1.0)
            await _wait(batch, min(LONGEST_WAIT, told) + jitter.uniform(0, 0.25) if told is not None else backoff)
    reason = "teacher_busy" if isinstance(problem, TeacherBusy) else "teacher_unreachable"
    detail = problem.message if problem else ""
    if batch.answered == answered and batch.stop is None:  # nobody got a word all this time: the next would wait too
        batch.stop, batch.stop_detail = reason, detail
    raise _Stopped(reason, detail)


async def _wait(batch: Batch, seconds: float) -> None:
    """Sleep, but not through a cancel."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and batch.stop is None:
        await asyncio.sleep(min(left, HEARTBEAT))


def _answer(reply: Reply) -> Answer:
    return Answer(reply.text, reply.model, reply.finish_reason, reply.input_tokens, reply.output_tokens, reply.cost_usd)  # type: ignore[arg-type]


def _made(batch: Batch, slot: Slot, draft: Draft, reply: Reply) -> Item:
    chunk = batch.chunks[slot.chunk_id]
    return {
        "slot": slot.index, "chunk_id": slot.chunk_id, "document_id": chunk.document_id, "page": chunk.page,
        "reply": reply.slot, "teacher": reply.model, "finish_reason": reply.finish_reason,
        "draft": {**asdict(draft), "evidence": list(draft.evidence)},
    }


def _failed(slot: Slot, reason: str, detail: str) -> Item:
    return {"slot": slot.index, "chunk_id": slot.chunk_id, "failed": reason, "detail": redact(detail)}


def _usage(replies: list[Reply]) -> Item:
    costs = [r.cost_usd for r in replies]
    return {
        "input_tokens": sum(r.input_tokens for r in replies), "output_tokens": sum(r.output_tokens for r in replies),
        "cost_usd": None if any(c is None for c in costs) else round(float(sum(c for c in costs if c is not None)), 8),
        "replies": len(replies),
    }
