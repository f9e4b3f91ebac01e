"""From the replies of one call to a draft for each of its slots: nothing that a teacher wrote is thrown away.

    unreadable         -> a correction turn that shows the error, then a fresh question
    some records good  -> they are kept; the next question asks for the missing ones only
    cut by length      -> the same; when nothing was complete: more tokens, or fewer records at a time
    MAX_FRUITLESS replies without a new record -> the slots that are left fail with the last reason

What is asked and how a reply is read is the writer's: one for each kind of run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from dataforge.records import Answer, Message, Question, Slot
from dataforge.store.replies import Reply
from dataforge.workflows.engine.context import DEFECTS, MAX_REPLY_TOKENS, BatchContext, Fetch, Stopped
from dataforge.workflows.engine.retry import PROMPT_REFUSED

MAX_EXCERPT = 200
"""Characters of a reply that the reason of a failed slot shows."""
MAX_FRUITLESS = 4
"""Replies without a single new record before a call gives up: the first, its correction, two fresh tries."""

S = TypeVar("S", bound=Slot)
S_contra = TypeVar("S_contra", bound=Slot, contravariant=True)
D = TypeVar("D")
D_co = TypeVar("D_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Reading(Generic[D_co]):
    """What a reply holds. drafts: by the place of their slot among those that were asked about.

    problem: why some are missing, in words for the model; None when none is."""

    drafts: Mapping[int, D_co]
    problem: str | None = None


class Writer(Protocol[S_contra, D_co]):
    """What a kind of run asks for, and how it reads the answer."""

    @property
    def numbered(self) -> bool:
        """Records say by a number which slot they are for."""
        ...

    @property
    def may_raise_max_tokens(self) -> bool:
        """A reply that was cut may be asked for with more tokens than at first."""
        ...

    @property
    def exhausted(self) -> str:
        """The reason of slots that an offline teacher, which always says the same, wrote nothing for."""
        ...

    @property
    def repeated_whole_calls(self) -> bool:
        """How earlier releases went on after a partly good first reply: see `_Call._slots_of`."""
        ...

    def question(self, slots: Sequence[S_contra], *, max_tokens: int | None, attempt: int) -> Question:
        """max_tokens: None for the usual number. attempt: another one gets another seed."""
        ...

    def read(self, answer: Answer, question: Question, slots: Sequence[S_contra]) -> Reading[D_co]:
        """question: that the answer is to; slots: that it was about."""
        ...


@dataclass(slots=True)
class Written(Generic[S, D]):
    """made: slot, draft and the reply that held it. missing: slots without one, for the reason `why`: word, detail, and
    what the teacher wrote last."""

    missing: list[S]
    made: list[tuple[S, D, Reply]] = field(default_factory=list)
    why: tuple[str, str, str] = ("unreadable_reply", "", "")


async def write(context: BatchContext, writer: Writer[S, D], slots: Sequence[S], fetch: Fetch) -> Written[S, D]:
    """Ask until every slot has a draft, or nothing more can be had."""
    call = _Call(context, writer, list(slots), Written(list(slots)), len(slots))
    try:
        await call.ask_until_done(fetch)
    except Stopped as stopped:
        call.written.why = (stopped.reason, stopped.detail, call.written.why[2])
    return call.written


def answer_of(reply: Reply) -> Answer:
    return Answer(
        text=reply.text,
        model=reply.model,
        finish_reason=reply.finish_reason,  # type: ignore[arg-type]
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        cost_usd=reply.cost_usd,
        note=reply.note,
    )


def explained(problem: str, reply: Reply) -> str:
    """The problem with a reply, and how the reply begins: an error in our words alone does not show theirs."""
    if reply.note:
        return f"{problem}: {reply.note}"
    said = " ".join(reply.text[: 4 * MAX_EXCERPT].split())
    if not said:
        return f"{problem}; the model wrote nothing"
    return f'{problem}; the model wrote: "{said[:MAX_EXCERPT]}{"…" if len(said) > MAX_EXCERPT else ""}"'


@dataclass(slots=True)
class _Call(Generic[S, D]):
    context: BatchContext
    writer: Writer[S, D]
    slots: list[S]
    """All of the call; its replies are stored under the first."""
    written: Written[S, D]
    portion: int
    """How many records are asked for at a time."""
    max_tokens: int | None = None
    fruitless: int = 0
    """Replies without a new record so far."""

    async def ask_until_done(self, fetch: Fetch) -> None:
        question: Question | None = None
        attempt = 0
        while self.written.missing and self.fruitless < MAX_FRUITLESS:
            asked = question or self._plain()
            try:
                reply = await fetch(self.context, asked, self.slots[0].index, attempt)
            except Stopped as stopped:
                if question is None or stopped.reason != PROMPT_REFUSED or self.context.stop is not None:
                    raise
                question, self.fruitless = None, self.fruitless + 1  # too long, perhaps, with the reply before it
                continue
            attempt += 1
            slots = self._slots_of(reply, attempt)
            if slots is None:
                question = asked
                continue
            reading = self._read(reply, asked, slots)
            self._keep(reading, slots, reply)
            if reading.problem is None:
                question = None
                continue
            offline = self.context.teacher.can.offline
            if offline:
                self.written.why = (self.writer.exhausted, reading.problem, "")
                return
            self.written.why = ("unreadable_reply", explained(reading.problem, reply), reply.text or reply.note)
            question = self._after(asked, reply, reading)

    def _read(self, reply: Reply, asked: Question, slots: Sequence[S]) -> Reading[D]:
        """Raises Stopped where the reader does not bear what the model wrote; what was made before is kept."""
        try:
            return self.writer.read(answer_of(reply), asked, slots)
        except DEFECTS as defect:
            self.written.why = ("", "", reply.text)
            raise self.context.note_defect(defect) from None

    def _next_slots(self) -> list[S]:
        return self.written.missing[: self.portion]

    def _slots_of(self, reply: Reply, attempt: int) -> list[S] | None:
        """The slots that the question of this reply, the attempt-th, was about; None: other ones than these.

        They differ only in a run that an earlier release began. After a reply that was partly good it asked for the
        whole call once more (`repeated_whole_calls`), or for all slots behind the first missing one.
        """
        slots, missing = self._next_slots(), self.written.missing
        if not self.written.made or reply.asked == len(slots):
            return slots
        if self.writer.repeated_whole_calls:
            if attempt == 2 and reply.asked in (0, len(self.slots)):
                return self.slots
            return None if reply.asked else slots
        return slots if not reply.asked and self.slots[-len(missing) :] == missing else None

    def _plain(self, attempt: int = 0) -> Question:
        return self.writer.question(self._next_slots(), max_tokens=self.max_tokens, attempt=attempt)

    def _keep(self, reading: Reading[D], slots: Sequence[S], reply: Reply) -> None:
        missing = {slot.index for slot in self.written.missing}
        done = [n for n in sorted(reading.drafts) if 0 <= n < len(slots) and slots[n].index in missing]
        self.written.made += [(slots[n], reading.drafts[n], reply) for n in done]
        missing -= {slots[n].index for n in done}
        self.written.missing = [slot for slot in self.written.missing if slot.index in missing]

    def _after(self, asked: Question, reply: Reply, reading: Reading[D]) -> Question:
        """How to go on after a reply that did not hold all that was asked for."""
        cut = reply.finish_reason == "length"
        if reading.drafts and self.writer.numbered:
            return self._plain()  # the rest is numbered anew: the old numbers beside the new would be confused
        if reading.drafts:
            return self._with_turns(reply, _more(len(reading.drafts), len(self._next_slots())))
        self.fruitless += 2 if reply.finish_reason == "content_filter" else 1  # a refusal is seldom taken back
        if cut:
            self._make_room(asked)
        if self.fruitless > 1 or cut or not reply.text.strip():
            return self._plain(attempt=self.fruitless)
        correction = f"That reply cannot be used: {reading.problem}. Send the whole corrected reply, JSON only."
        return self._with_turns(reply, correction)

    def _with_turns(self, reply: Reply, request: str) -> Question:
        asked = self._plain()
        turns = (Message("assistant", reply.text), Message("user", request))
        return replace(asked, messages=(*asked.messages, *turns))

    def _make_room(self, asked: Question) -> None:
        """More tokens, unless the caller of the run set their number; then fewer records at a time."""
        most = self.context.teacher.can.max_output or MAX_REPLY_TOKENS
        larger = min(2 * asked.max_tokens, most)
        if self.writer.may_raise_max_tokens and larger > asked.max_tokens:
            self.max_tokens = larger
        else:
            self.portion = max(1, self.portion // 2)


def _more(kept: int, wanted: int) -> str:
    records, them = ("That one is", "it") if kept == 1 else (f"Those {kept} are", "them")
    return (
        f"{records} kept. Now write exactly {wanted} more, as listed above, each different from the others. JSON only, "
        f"in the same form, without {them}."
    )
