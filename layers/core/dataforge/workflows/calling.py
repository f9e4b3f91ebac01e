"""From the replies of one call to an outcome for each of its slots: nothing that a teacher wrote is thrown away.

unreadable        -> a correction turn that shows the error, then afresh
some records good -> they are kept, and a turn asks for the missing ones only
cut by length     -> the same; with nothing complete: more room, or fewer records at a time
no progress in READINGS replies -> the slots that are left fail with the last reason
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from dataforge.errors import BadReply
from dataforge.log import redact
from dataforge.platform.ports import Item
from dataforge.recipes import drafts
from dataforge.records import Answer, Draft, Message, Passage, Question, Slot
from dataforge.store.projects import StoredChunk
from dataforge.store.runs import Reply
from dataforge.workflows import lineage
from dataforge.workflows.generation import DEFAULTS

if TYPE_CHECKING:
    from dataforge.teachers.ports import Teacher
    from dataforge.workflows.asking import Batch, Work

READINGS = 4
"""Replies without a single new record before a call gives up: the first, its correction, two fresh tries."""
MOST_ROOM = 32_768
"""Tokens of one reply, where the model's own limit is not known."""


class Fetch(Protocol):
    """Where calls get their replies from."""

    async def __call__(
        self, batch: Work, question: Question, first_slot: int, attempt: int, /, *, teacher: Teacher | None = None
    ) -> Reply:
        """A stored reply. first_slot: of the call. teacher: another one than the batch's own. Raises Stopped."""
        ...


class Stopped(Exception):
    """A call ends without a reply."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(slots=True)
class Call:
    """One call on its way: what is made, what is missing, and how to ask for it."""

    batch: Batch
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
        return self.batch.teacher.can.max_output or MOST_ROOM

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


async def call(batch: Batch, slots: Sequence[Slot], fetch: Fetch) -> list[Item]:
    """The outcome of each slot of one call."""
    found = [batch.chunks.get(chunk_id) for chunk_id in slots[0].chunk_ids]
    chunks = [c for c in found if c is not None]
    if len(chunks) < len(found):
        return [failed(s, "chunk_deleted", "the chunk was deleted after the run was planned") for s in slots]
    if any(c.excluded for c in chunks):
        return [failed(s, "chunk_excluded", "the chunk was excluded after the run was planned") for s in slots]
    first, *further = [_passage(c, batch.names.get(c.document_id, "")) for c in chunks]
    passage = replace(first, further=tuple(further))
    told = Call(batch, passage, list(slots))
    try:
        await _until_done(told, fetch)
    except Stopped as stopped:
        told.why = (stopped.reason, stopped.detail)
    return told.made + [failed(s, *told.why) for s in told.missing]


def _passage(chunk: StoredChunk, document_name: str) -> Passage:
    return Passage(chunk.content, tuple(chunk.heading_path), chunk.content_type, document_name)  # type: ignore[arg-type]


async def _until_done(told: Call, fetch: Fetch) -> None:
    offline = told.batch.teacher.can.offline
    question: Question | None = None
    attempt = 0
    while told.missing and told.vain < READINGS:
        asked = question or told.plain()
        reply = await fetch(told.batch, asked, told.slots[0].index, attempt)
        attempt += 1
        try:
            read = told.batch.recipe.read(answer_of(reply), asked)
            told.keep({s.index: d for s, d in zip(asked.slots, read, strict=True)}, reply)
            question = None
        except BadReply as bad:
            told.keep(bad.drafts, reply)
            told.why = ("passage_exhausted" if offline else "unreadable_reply", bad.message)
            if offline:  # it says the same again
                return
            question = told.after(reply, bad)


def answer_of(reply: Reply) -> Answer:
    return Answer(reply.text, reply.model, reply.finish_reason, reply.input_tokens, reply.output_tokens, reply.cost_usd)  # type: ignore[arg-type]


def _made(batch: Batch, slot: Slot, draft: Draft, reply: Reply) -> Item:
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


def failed(slot: Slot, reason: str, detail: str) -> Item:
    return {"slot": slot.index, "chunk_id": slot.chunk_id, "failed": reason, "detail": redact(detail)}
