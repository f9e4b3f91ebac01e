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
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import orjson

from dataforge import clock, settings
from dataforge.errors import BadReply, BatchUnfinished, NotFound, TeacherBusy, TeacherError, TeacherRefused
from dataforge.log import redact
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.recipes import RECIPES, Recipe, Wishes, drafts
from dataforge.records import Answer, Draft, Message, Passage, Question, Slot
from dataforge.store import projects, runs
from dataforge.store.projects import StoredChunk
from dataforge.store.runs import Progress, Reply, Run
from dataforge.teachers import teacher
from dataforge.teachers.ports import Teacher
from dataforge.workflows import lineage
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


Call = Callable[[Sequence[Slot]], Awaitable[list[Item]]]
"""Asks for some slots together; the outcome of each."""


@dataclass(slots=True)
class Work:
    """What the calls of a batch share, whatever they ask for."""

    run: Run
    name: str
    """`r<round>b<batch>`: the name of its progress."""
    teacher: Teacher
    stored: dict[str, Reply]
    slots: int
    outcomes: list[Item] = field(default_factory=list)
    used: list[Reply] = field(default_factory=list)
    answered: int = 0
    """Replies that the teacher gave to this attempt of the batch."""
    stop: str | None = None
    """Why no further call is sent: cancelled, or the teacher refused for good, or is gone."""
    stop_detail: str = ""
    others: tuple[Teacher, ...] = ()
    """Further teachers that its calls ask."""
    deadline: float = math.inf
    """time.monotonic() after which nothing more is begun."""

    def is_late(self) -> bool:
        return self.stop is None and time.monotonic() > self.deadline


@dataclass(slots=True, kw_only=True)
class Batch(Work):
    """Of a run over documents."""

    recipe: Recipe
    wishes: Wishes
    chunks: dict[str, StoredChunk]
    names: dict[str, str]


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """Run a batch to its end and write its part file; run again, it asks only what has no stored reply.

    seconds: what is left of this invocation. Raises BatchUnfinished in time before they are over: a slow teacher needs
    several invocations, and none of them loses anything.
    """
    e = flow.event(raw)
    batch, calls, concurrency = _open(e)
    return work(batch, e, partial(_call, batch), calls, concurrency=concurrency, seconds=seconds)


def work(
    batch: Work, e: flow.Event, call: Call, calls: Sequence[Sequence[Slot]], *, concurrency: int, seconds: float | None
) -> Item:
    """Every call of the batch, then its part file. Raises BatchUnfinished as `generate_batch` says."""
    if seconds is not None:
        reserve = min(seconds / 3, settings.get().teacher_timeout + 15)
        batch.deadline = time.monotonic() + seconds - reserve
    asyncio.run(_ask_all(batch, call, calls, concurrency))
    if len(batch.outcomes) < batch.slots:
        raise BatchUnfinished(f"{len(batch.outcomes)} of {batch.slots} slots are done; the rest takes another attempt")
    run = runs.get(e.org_id, e.run_id)  # NotFound: its project was deleted meanwhile, and no file may come after that
    outcomes = _write_part(batch, e, lineage.traced(batch.outcomes, calls, batch.used))
    made = sum("failed" not in o for o in outcomes)
    level = "warning" if made < len(batch.outcomes) else "info"
    what = "pairs" if run.kind == "generate" else "records"
    runs.say(e.run_id, "generating", f"Batch {e.batch + 1}: {made} of {len(batch.outcomes)} {what} written"
             + (f"; {batch.stop_detail}" if batch.stop_detail else ""), level=level)
    return {"batch": e.batch, "made": made}


def salvage(raw: Item) -> int:
    """What a batch that died for good has paid for: its stored replies become drafts, nothing is asked. How many."""
    e = flow.event(raw)
    batch, calls, _ = _open(e)
    return save(batch, e, partial(_call, batch), calls)


def save(batch: Work, e: flow.Event, call: Call, calls: Sequence[Sequence[Slot]]) -> int:
    """What the stored replies of a dead batch still give; nothing is asked."""
    batch.stop = "batch_failed"
    if not batch.stored:
        return 0
    asyncio.run(_ask_all(batch, call, calls, 1))
    made = [o for o in batch.outcomes if "failed" not in o]
    return len(_write_part(batch, e, lineage.traced(made, calls, batch.used)))


def _write_part(batch: Work, e: flow.Event, outcomes: list[Item]) -> list[Item]:
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
        run, f"r{e.round}b{e.batch:04d}", teacher(str(run.config["model_id"])),
        runs.replies_between(run.run_id, min(indices), max(indices)), len(indices),
        recipe=RECIPES[str(run.config["generation_type"])], wishes=wishes(run.config),
        chunks={c.chunk_id: c for c in found}, names=body["document_names"],
        stop="cancelled" if over else None, stop_detail="stopped by the caller" if over else "",
    )
    return batch, calls, int(body["concurrency"])


async def _ask_all(batch: Work, call: Call, calls: Sequence[Sequence[Slot]], concurrency: int) -> None:
    """`concurrency` askers share one queue, so a slow reply holds up nobody else."""
    queue = iter(calls)
    beat = asyncio.create_task(_heartbeat(batch))
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(concurrency, len(calls))):
                group.create_task(_asker(batch, call, queue))
    finally:
        beat.cancel()
        for teacher in (batch.teacher, *batch.others):
            await teacher.close()
    _note(batch)


async def _asker(batch: Work, call: Call, queue: Iterator[Sequence[Slot]]) -> None:
    for slots in queue:
        with suppress(OutOfTime):
            outcomes = await call(slots)
            batch.outcomes += outcomes


async def _heartbeat(batch: Work) -> None:
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


def _note(batch: Work) -> None:
    usage = _usage(batch.used)
    outcomes = list(batch.outcomes)
    runs.note_progress(batch.run, batch.name, Progress(
        len(outcomes), batch.slots, sum("failed" in o for o in outcomes), cast(int, usage["input_tokens"]),
        cast(int, usage["output_tokens"]), cast("float | None", usage["cost_usd"]),
        cast(int, usage["replies"]),
    ))


async def _call(batch: Batch, slots: Sequence[Slot]) -> list[Item]:
    """The outcome of each slot of one call."""
    chunk = batch.chunks.get(slots[0].chunk_id)
    if chunk is None:
        return [failed(s, "chunk_deleted", "the chunk was deleted after the run was planned") for s in slots]
    if chunk.excluded:
        return [failed(s, "chunk_excluded", "the chunk was excluded after the run was planned") for s in slots]
    passage = Passage(
        chunk.content, tuple(chunk.heading_path), chunk.content_type, batch.names.get(chunk.document_id, ""),  # type: ignore[arg-type]
    )
    question = batch.recipe.question(passage, slots, batch.wishes)
    best: list[Draft] = []
    reply, source, why = None, None, ("unreadable_reply", "")
    for attempt in range(1 if batch.teacher.can.offline else READINGS):
        try:
            reply = await reply_to(batch, question, slots[0].index, attempt)
            read = batch.recipe.read(answer_of(reply), question)
            return [_made(batch, s, d, reply) for s, d in zip(slots, read, strict=True)]
        except BadReply as bad:
            if len(bad.drafts) > len(best):
                best, source = bad.drafts, reply
            why = ("passage_exhausted" if batch.teacher.can.offline else "unreadable_reply", bad.message)
            question = _next_question(batch, passage, slots, attempt, reply, bad)
        except Stopped as stopped:
            why = (stopped.reason, stopped.detail)
            break
    made = [_made(batch, s, d, source) for s, d in zip(slots, best, strict=False) if source is not None]
    return made + [failed(s, *why) for s in slots[len(made):]]


def _next_question(
    batch: Batch, passage: Passage, slots: Sequence[Slot], attempt: int, reply: Reply | None, bad: BadReply
) -> Question:
    """First show the teacher its mistake; after that start afresh, with another seed."""
    asked = batch.recipe.question(passage, slots, replace(batch.wishes, seed=batch.wishes.seed + attempt))
    if attempt > 0 or reply is None or not reply.text.strip():
        return asked
    correction = f"That reply cannot be used: {bad.message}. Send the whole corrected reply, JSON only."
    turns = (Message("assistant", reply.text), Message("user", correction))
    return replace(asked, messages=(*asked.messages, *turns))


class OutOfTime(Exception):
    """A call is left to the next invocation."""


class Stopped(Exception):
    """A call ends without a reply."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


async def reply_to(
    batch: Work, question: Question, first_slot: int, attempt: int, *, teacher: Teacher | None = None
) -> Reply:
    """The stored reply, or a new one, stored before it is returned. teacher: another one than the batch's own.

    Raises Stopped, OutOfTime.
    """
    key = runs.reply_key(first_slot, attempt)
    if key in batch.stored:
        batch.used.append(batch.stored[key])
        return batch.stored[key]
    answer = await _ask(batch, question, teacher or batch.teacher)
    text, finish = answer.text, answer.finish_reason
    if len(text.encode()) > MOST_REPLY_BYTES:
        text, finish = text.encode()[:MOST_REPLY_BYTES].decode("utf-8", "ignore"), "length"
    reply = Reply(
        batch.run.run_id, key, text, answer.model, finish, answer.input_tokens,
        answer.output_tokens, runs.reply_expiry(), answer.cost_usd,
        prompt_hash=lineage.prompt_hash(question), answered_at=clock.now(),
    )
    await asyncio.to_thread(runs.keep_reply, reply)
    batch.used.append(reply)
    return reply


async def _ask(batch: Work, question: Question, teacher: Teacher) -> Answer:
    """Raises Stopped when the run is cancelled, the teacher refuses for good, or stays out of reach."""
    jitter = random.Random(time.monotonic_ns())
    problem: TeacherError | None = None
    answered = batch.answered
    for attempt in range(TRIES):
        if batch.stop:
            raise Stopped(batch.stop, batch.stop_detail)
        if batch.is_late():
            raise OutOfTime
        try:
            answer = await teacher.ask(question)
            batch.answered += 1
            return answer
        except TeacherRefused as refused:
            batch.stop, batch.stop_detail = "teacher_refused", refused.message
            raise Stopped("teacher_refused", refused.message) from None
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
    raise Stopped(reason, detail)


async def _wait(batch: Work, seconds: float) -> None:
    """Sleep, but not through a cancel."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0 and batch.stop is None:
        await asyncio.sleep(min(left, HEARTBEAT))


def answer_of(reply: Reply) -> Answer:
    return Answer(reply.text, reply.model, reply.finish_reason, reply.input_tokens, reply.output_tokens, reply.cost_usd)  # type: ignore[arg-type]


def _made(batch: Batch, slot: Slot, draft: Draft, reply: Reply) -> Item:
    chunk = batch.chunks[slot.chunk_id]
    return {
        "slot": slot.index, "chunk_id": slot.chunk_id, "document_id": chunk.document_id, "page": chunk.page,
        "reply": reply.slot, "teacher": reply.model, "finish_reason": reply.finish_reason,
        "draft": drafts.to_json(draft), "chunk_sha256": lineage.content_hash(chunk.content),
    }


def failed(slot: Slot, reason: str, detail: str) -> Item:
    return {"slot": slot.index, "chunk_id": slot.chunk_id, "failed": reason, "detail": redact(detail)}


def _usage(replies: list[Reply]) -> Item:
    costs = [r.cost_usd for r in replies]
    return {
        "input_tokens": sum(r.input_tokens for r in replies), "output_tokens": sum(r.output_tokens for r in replies),
        "cost_usd": None if any(c is None for c in costs) else round(float(sum(c for c in costs if c is not None)), 8),
        "replies": len(replies),
    }
