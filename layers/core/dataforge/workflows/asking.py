"""One batch of a generate run: every call asked at most once, its raw reply stored before it is read.

    reply on file? use it : hold its price -> wait at the gate -> ask (busy -> wait, ask again) -> store -> read

`calling` turns the replies of one call into outcomes of its slots.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import orjson

from dataforge import clock, settings
from dataforge.errors import BatchUnfinished, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.recipes import RECIPES, Recipe
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Answer, Question, Slot
from dataforge.store import projects, runs
from dataforge.store.projects import StoredChunk
from dataforge.store.runs import Progress, Reply, Run
from dataforge.teachers import Model
from dataforge.teachers.ports import Teacher
from dataforge.workflows import calling, judging, lineage, sending
from dataforge.workflows import runs as flow
from dataforge.workflows.admitting import Gate
from dataforge.workflows.budget import Purse
from dataforge.workflows.generation import options_of
from dataforge.workflows.sending import OutOfTime

logger = logging.getLogger(__name__)

HEARTBEAT = 0.5
"""Seconds between two looks at the cancel flag and two progress notes."""
MOST_REPLY_BYTES = 200_000
"""A longer reply is cut before it is stored: a table item holds 400 KB."""
LULL = 0.005
"""Seconds without a reply after which there is time for what can wait."""
SPARE_ASKERS = 2
"""Askers per call in flight: one that waits as a busy teacher told it leaves its place to another."""


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
    purse: Purse
    gates: dict[str, Gate] = field(default_factory=dict)
    """By the teacher's name; made anew for each round of calls."""
    outcomes: list[Item] = field(default_factory=list)
    used: list[Reply] = field(default_factory=list)
    answered: int = 0
    """Replies that the teacher gave to this attempt of the batch."""
    stop: str | None = None
    """Why no further call is sent: cancelled, out of budget, or the teacher refused for good, or is gone."""
    stop_detail: str = ""
    others: tuple[tuple[Teacher, Model], ...] = ()
    """Further teachers that its calls ask, each let in by the limits of its own model."""
    deadline: float = math.inf
    """time.monotonic() after which nothing more is begun."""
    later: deque[Callable[[], None]] = field(default_factory=deque)
    """What can wait for a lull between replies: requests must not wait for it."""

    def is_late(self) -> bool:
        return self.stop is None and time.monotonic() > self.deadline

    def is_over(self) -> bool:
        return self.stop is not None or self.is_late()

    def end(self, reason: str, detail: str) -> None:
        """Send nothing more; the first reason stays."""
        if self.stop is None:
            self.stop, self.stop_detail = reason, detail


@dataclass(slots=True, kw_only=True)
class Batch(Work):
    """Of a run over documents."""

    recipe: Recipe
    options: GenerationOptions
    chunks: dict[str, StoredChunk]
    names: dict[str, str]


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """Run a batch to its end and write its part file; run again, it asks only what has no stored reply.

    seconds: what is left of this invocation. Raises BatchUnfinished in time before they are over: a slow teacher needs
    several invocations, and none of them loses anything.
    """
    e = flow.event(raw)
    batch, calls, concurrency = opened(e)
    return work(batch, e, partial(call_of, batch, fetch=reply_to), calls, concurrency=concurrency, seconds=seconds)


def work(
    batch: Work, e: flow.Event, call: Call, calls: Sequence[Sequence[Slot]], *, concurrency: int, seconds: float | None
) -> Item:
    """Every call of the batch, then its part file. Raises BatchUnfinished as `generate_batch` says."""
    bound(batch, seconds)
    asyncio.run(ask_all(batch, call, calls, concurrency))
    batch.purse.give_back()
    return finish(batch, e, calls)


def bound(batch: Work, seconds: float | None) -> None:
    """Nothing is begun that may not end within the seconds; None: no bound."""
    if seconds is not None:
        reserve = min(seconds / 3, settings.get().teacher_timeout + 15)
        batch.deadline = time.monotonic() + seconds - reserve


def finish(batch: Work, e: flow.Event, calls: Sequence[Sequence[Slot]]) -> Item:
    """Write the part file. Raises BatchUnfinished while slots have no outcome."""
    if len(batch.outcomes) < batch.slots:
        raise BatchUnfinished(f"{len(batch.outcomes)} of {batch.slots} slots are done; the rest takes another attempt")
    run = runs.get(e.org_id, e.run_id)  # NotFound: its project was deleted meanwhile, and no file may come after that
    outcomes = _write_part(batch, e, lineage.traced(batch.outcomes, calls, batch.used))
    made = sum("failed" not in o for o in outcomes)
    level = "warning" if made < len(batch.outcomes) else "info"
    what = "pairs" if run.kind == "generate" else "records"
    said = f"Batch {e.batch + 1}: {made} of {len(batch.outcomes)} {what} written{_spent(batch)}"
    runs.say(e.run_id, "generating", said + (f"; {batch.stop_detail}" if batch.stop_detail else ""), level=level)
    return {"batch": e.batch, "made": made}


def _spent(batch: Work) -> str:
    cost = _usage(batch.used)["cost_usd"]
    return f" for ${cost:.4f}" if isinstance(cost, float) and cost > 0 else ""


def salvage(raw: Item) -> int:
    """What a batch that died for good has paid for: its stored replies become drafts, nothing is asked. How many."""
    e = flow.event(raw)
    batch, calls, _ = opened(e)
    return save(batch, e, partial(call_of, batch, fetch=reply_to), calls)


def save(batch: Work, e: flow.Event, call: Call, calls: Sequence[Sequence[Slot]]) -> int:
    """What the stored replies of a dead batch still give; nothing is asked."""
    batch.stop = "batch_failed"
    if not batch.stored:
        return 0
    asyncio.run(ask_all(batch, call, calls, 1))
    made = [o for o in batch.outcomes if "failed" not in o]
    return len(_write_part(batch, e, lineage.traced(made, calls, batch.used)))


def _write_part(batch: Work, e: flow.Event, outcomes: list[Item]) -> list[Item]:
    outcomes = sorted(outcomes, key=lambda o: cast(int, o["slot"]))
    part = {"usage": _usage(batch.used), "outcomes": outcomes}
    flow.write_json(batch.run, f"round-{e.round}/part-{e.batch:04d}.json", part)
    return outcomes


def opened(e: flow.Event) -> tuple[Batch, list[list[Slot]], int]:
    """The batch, its calls, and how many of them may be in flight."""
    run = flow.run_of(e)
    body = orjson.loads(current().files.read(e.key))
    calls = [[Slot(**s) for s in call] for call in body["calls"]]
    indices = [s.index for call in calls for s in call]
    found = projects.get_chunks(run.project_id, list({c: None for call in calls for c in call[0].chunk_ids}))
    over = run.cancel_requested or run.status in runs.FINISHED
    stored = runs.replies_between(run.run_id, min(indices), max(indices))
    name = f"r{e.round}b{e.batch:04d}"
    limit = run.config.get("max_cost_usd")
    purse = Purse(
        run.run_id,
        name,
        flow.model_of(run).price,
        limit=float(limit) if isinstance(limit, int | float) else None,
        spent=sum(r.cost_usd or 0.0 for r in stored.values()),
        share=settings.get().workers,
    )
    batch = Batch(
        run,
        name,
        flow.teacher_of(run),
        stored,
        len(indices),
        purse,
        recipe=RECIPES[str(run.config["generation_type"])],
        options=options_of(run.config),
        chunks={c.chunk_id: c for c in found},
        names=body["document_names"],
        stop="cancelled" if over else None,
        stop_detail="stopped by the caller" if over else "",
    )
    return batch, calls, int(body["concurrency"])


async def ask_all(batch: Work, call: Call, calls: Sequence[Sequence[Slot]], concurrency: int) -> None:
    """Askers share one queue, so a slow reply holds up nobody else."""
    queue = iter(calls)
    asked = (*batch.others, (batch.teacher, flow.model_of(batch.run)))
    batch.gates = {t.name: Gate(m, batch.run.org_id, concurrency, batch.is_over) for t, m in asked}
    aside = [asyncio.create_task(_heartbeat(batch)), asyncio.create_task(_use_lulls(batch))]
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(SPARE_ASKERS * concurrency, len(calls))):
                group.create_task(_asker(batch, call, queue))
    finally:
        for task in aside:
            task.cancel()
        for teacher, _ in asked:
            await teacher.close()
    while batch.later:
        batch.later.popleft()()
    _note(batch)


async def _asker(batch: Work, call: Call, queue: Iterator[Sequence[Slot]]) -> None:
    for slots in queue:
        try:
            outcomes = await call(slots)
            batch.outcomes += outcomes
        except OutOfTime:
            continue
        except Exception as defect:  # the batch dies of it: nobody pays for another call meanwhile
            batch.end("batch_failed", str(defect))
            raise


async def _use_lulls(batch: Work) -> None:
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
            await asyncio.sleep(LULL)


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
        if over:
            batch.end("cancelled", "stopped by the caller")


def _note(batch: Work) -> None:
    usage = _usage(batch.used)
    outcomes = list(batch.outcomes)
    runs.note_progress(
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


async def call_of(batch: Batch, slots: Sequence[Slot], *, fetch: calling.Fetch) -> list[Item]:
    """A batch that died is not judged once more: its drafts may be what killed it."""
    made = await calling.call(batch, slots, fetch)
    if batch.stop != "batch_failed":
        batch.later.append(partial(_judge, batch, made))
    return made


def _judge(batch: Batch, made: Sequence[Item]) -> None:
    """Several milliseconds: longer than it takes to send some requests."""
    for outcome in made:
        outcome.update(judging.judged(batch.run, outcome, batch.chunks))


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

    async def keep(answer: Answer) -> Reply:
        reply = reply_of(batch.run, key, answer, prompt_hash=lineage.prompt_hash(question))
        kept = asyncio.get_running_loop().run_in_executor(None, runs.keep_reply, reply)
        await asyncio.shield(kept)  # it is paid for: another call that dies must not undo the write
        return reply

    reply = await sending.ask(batch, question, teacher or batch.teacher, keep)
    batch.used.append(reply)
    return reply


def reply_of(run: Run, key: str, answer: Answer, *, prompt_hash: str, job: str = "") -> Reply:
    """As it is stored. job: the batch job that brought the answer."""
    text, finish = answer.text, answer.finish_reason
    if len(text.encode()) > MOST_REPLY_BYTES:
        text, finish = text.encode()[:MOST_REPLY_BYTES].decode("utf-8", "ignore"), "length"
    return Reply(
        run.run_id,
        key,
        text,
        answer.model,
        finish,
        answer.input_tokens,
        answer.output_tokens,
        runs.reply_expiry(),
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
