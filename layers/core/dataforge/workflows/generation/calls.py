"""Calls of a run over documents: from the replies of one call to an outcome for each of its slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import orjson

from dataforge import settings
from dataforge.errors import BadReply
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.recipes import RECIPES, Recipe, drafts
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Draft, Message, Passage, Question, Slot
from dataforge.store import chunks as chunk_store
from dataforge.store import replies as reply_store
from dataforge.store import runs
from dataforge.store.chunks import StoredChunk
from dataforge.store.replies import Reply
from dataforge.workflows import lifecycle, state_input
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine import call_loop, run_models
from dataforge.workflows.engine.call_loop import MAX_READINGS, MAX_REPLY_TOKENS, Fetch, Stopped
from dataforge.workflows.engine.context import BatchContext
from dataforge.workflows.engine.cost_budget import CostBudget
from dataforge.workflows.generation import lineage, scoring
from dataforge.workflows.generation.config import DEFAULTS, options_of


@dataclass(slots=True, kw_only=True)
class DocumentBatch(BatchContext):
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
    e = state_input.read(raw)
    batch, calls, concurrency = opened(e)
    return engine_batch.run_to_end(
        batch, e, partial(call_of, batch, fetch=engine_batch.reply_to), calls, concurrency=concurrency, seconds=seconds
    )


def salvage(raw: Item) -> int:
    """What a batch that died for good has paid for: its stored replies become drafts, nothing is asked. How many."""
    e = state_input.read(raw)
    batch, calls, _ = opened(e)
    return engine_batch.save_stored(batch, e, partial(call_of, batch, fetch=engine_batch.reply_to), calls)


def opened(e: state_input.StateInput) -> tuple[DocumentBatch, list[list[Slot]], int]:
    """The batch, its calls, and how many of them may be in flight."""
    run = lifecycle.run_of(e)
    body = orjson.loads(current().files.read(e.key))
    calls = [[Slot(**s) for s in call] for call in body["calls"]]
    indices = [s.index for call in calls for s in call]
    found = chunk_store.get_many(run.project_id, list({c: None for call in calls for c in call[0].chunk_ids}))
    over = run.cancel_requested or run.status in runs.FINISHED
    stored = reply_store.between(run.run_id, min(indices), max(indices))
    name = f"r{e.round}b{e.batch:04d}"
    limit = run.config.get("max_cost_usd")
    purse = CostBudget(
        run.run_id,
        name,
        run_models.model_of(run).price,
        limit=float(limit) if isinstance(limit, int | float) else None,
        spent=sum(r.cost_usd or 0.0 for r in stored.values()),
        share=settings.get().workers,
    )
    batch = DocumentBatch(
        run,
        name,
        run_models.teacher_of(run),
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


async def call_of(batch: DocumentBatch, slots: Sequence[Slot], *, fetch: call_loop.Fetch) -> list[Item]:
    """A batch that died is not judged once more: its drafts may be what killed it."""
    made = await call(batch, slots, fetch)
    if batch.stop != "batch_failed":
        batch.later.append(partial(_score, batch, made))
    return made


def _score(batch: DocumentBatch, made: Sequence[Item]) -> None:
    """Several milliseconds: longer than it takes to send some requests."""
    for outcome in made:
        outcome.update(scoring.with_score(batch.run, outcome, batch.chunks))


@dataclass(slots=True)
class Call:
    """One call on its way: what is made, what is missing, and how to ask for it."""

    batch: DocumentBatch
    passage: Passage
    slots: list[Slot]
    missing: list[Slot] = field(init=False)
    portion: int = field(init=False)
    """How many records are asked for at a time."""
    room: int = field(init=False)
    """Tokens that a reply may have."""
    made: list[Item] = field(default_factory=list)
    vain: int = 0
    """Replies without a new record so far."""
    why: tuple[str, str] = ("unreadable_reply", "")

    def __post_init__(self) -> None:
        self.missing, self.portion = list(self.slots), len(self.slots)
        self.room = min(self.batch.options.max_tokens, self._most_room())

    @property
    def now(self) -> list[Slot]:
        """The slots that the next question is about."""
        return self.missing[: self.portion]

    def _most_room(self) -> int:
        return self.batch.teacher.can.max_output or MAX_REPLY_TOKENS

    def plain(self, seed: int = 0) -> Question:
        options = replace(self.batch.options, seed=self.batch.options.seed + seed, max_tokens=self.room)
        return self.batch.recipe.question(self.passage, self.now, options)

    def keep(self, found: Mapping[int, Draft], reply: Reply) -> None:
        """found: by the index of its slot."""
        self.made += [_made(self.batch, s, found[s.index], reply) for s in self.missing if s.index in found]
        self.missing = [s for s in self.missing if s.index not in found]

    def after(self, reply: Reply, bad: BadReply) -> Question:
        """How to go on after a reply that did not hold all that was asked for."""
        cut = reply.finish_reason == "length"
        if bad.drafts and self.batch.recipe.form.numbered:
            return self.plain()  # the rest is numbered anew: the old numbers beside the new would be confused
        if bad.drafts:
            return self._with_turns(reply, _more(len(bad.drafts), len(self.now)))
        self.vain += 1
        if cut:
            self._make_room()
        if self.vain > 1 or cut or not reply.text.strip():
            return self.plain(seed=self.vain)
        return self._with_turns(
            reply, f"That reply cannot be used: {bad.message}. Send the whole corrected reply, JSON only."
        )

    def _with_turns(self, reply: Reply, said: str) -> Question:
        asked = self.plain()
        turns = (Message("assistant", reply.text), Message("user", said))
        return replace(asked, messages=(*asked.messages, *turns))

    def _make_room(self) -> None:
        """More tokens, unless the caller of the run set their number; then fewer records at a time."""
        roomier = min(2 * self.room, self._most_room())
        if self.batch.run.config.get("max_tokens") == DEFAULTS["max_tokens"] and roomier > self.room:
            self.room = roomier
        else:
            self.portion = max(1, self.portion // 2)


def _more(kept: int, wanted: int) -> str:
    records, them = ("That one is", "it") if kept == 1 else (f"Those {kept} are", "them")
    return (
        f"{records} kept. Now write exactly {wanted} more, as listed above, each different from the others. JSON only, "
        f"in the same form, without {them}."
    )


async def call(batch: DocumentBatch, slots: Sequence[Slot], fetch: Fetch) -> list[Item]:
    """The outcome of each slot of one call."""
    found = [batch.chunks.get(chunk_id) for chunk_id in slots[0].chunk_ids]
    chunks = [c for c in found if c is not None]
    if len(chunks) < len(found):
        return [call_loop.failed(s, "chunk_deleted", "the chunk was deleted after the run was planned") for s in slots]
    if any(c.excluded for c in chunks):
        return [
            call_loop.failed(s, "chunk_excluded", "the chunk was excluded after the run was planned") for s in slots
        ]
    first, *further = [_passage(c, batch.names.get(c.document_id, "")) for c in chunks]
    passage = replace(first, further=tuple(further))
    told = Call(batch, passage, list(slots))
    try:
        await _until_done(told, fetch)
    except Stopped as stopped:
        told.why = (stopped.reason, stopped.detail)
    return told.made + [call_loop.failed(s, *told.why) for s in told.missing]


def _passage(chunk: StoredChunk, document_name: str) -> Passage:
    return Passage(chunk.content, tuple(chunk.heading_path), chunk.content_type, document_name)  # type: ignore[arg-type]


async def _until_done(told: Call, fetch: Fetch) -> None:
    offline = told.batch.teacher.can.offline
    question: Question | None = None
    attempt = 0
    while told.missing and told.vain < MAX_READINGS:
        asked = question or told.plain()
        reply = await fetch(told.batch, asked, told.slots[0].index, attempt)
        attempt += 1
        try:
            read = told.batch.recipe.read(call_loop.answer_of(reply), asked)
            told.keep({s.index: d for s, d in zip(asked.slots, read, strict=True)}, reply)
            question = None
        except BadReply as bad:
            told.keep(bad.drafts, reply)
            told.why = ("passage_exhausted" if offline else "unreadable_reply", bad.message)
            if offline:  # it says the same again
                return
            question = told.after(reply, bad)


def _made(batch: DocumentBatch, slot: Slot, draft: Draft, reply: Reply) -> Item:
    chunk = batch.chunks[slot.chunk_id]
    made: Item = {
        "slot": slot.index,
        "chunk_id": slot.chunk_id,
        "document_id": chunk.document_id,
        "page": chunk.page,
        "reply": reply.slot,
        "teacher": reply.model,
        "finish_reason": reply.finish_reason,
        "draft": drafts.to_json(draft),
        "chunk_sha256": lineage.content_hash(chunk.content),
        "asked": {**slot.asked},
    }
    if slot.further:
        made["further"] = [
            {
                "chunk_id": c.chunk_id,
                "document_id": c.document_id,
                "page": c.page,
                "chunk_sha256": lineage.content_hash(c.content),
            }
            for c in map(batch.chunks.__getitem__, slot.further)
        ]
    return made
