"""Stored replies of a run that an earlier release began: each goes to the slots that its question was about."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest

from dataforge.records import Answer, Passage, Question, Slot
from dataforge.store.replies import Reply
from dataforge.teachers.ports import Teacher
from dataforge.workflows.engine import call_loop
from dataforge.workflows.engine.call_loop import Reading
from dataforge.workflows.engine.context import BatchContext

SLOTS = [Slot(index=n, chunk_id="c") for n in range(4)]


@dataclass(frozen=True)
class Writer:
    """A reply is a list of `number=record`; numbers count from 1 among the slots of the question."""

    repeated_whole_calls: bool

    numbered = True
    may_raise_max_tokens = True
    exhausted = "passage_exhausted"

    def question(self, slots: Sequence[Slot], *, max_tokens: int | None, attempt: int) -> Question:
        return Question((), Passage(""), tuple(slots), kind="qa", max_tokens=max_tokens or 100, seed=attempt)

    def read(self, answer: Answer, question: Question, slots: Sequence[Slot]) -> Reading[str]:
        found = dict(part.split("=") for part in answer.text.split())
        drafts: Mapping[int, str] = {int(n) - 1: text for n, text in found.items() if int(n) <= len(slots)}
        return Reading(drafts, None if len(drafts) == len(slots) else "some are missing")


def walk(writer: Writer, stored: Sequence[tuple[str, int]]) -> tuple[dict[int, str], list[list[int]]]:
    """Slot -> draft, and the slots of each question that was asked anew. stored: text and `asked` of replies."""
    asked: list[list[int]] = []

    async def fetch(
        _: BatchContext, question: Question, __: int, attempt: int, *, teacher: Teacher | None = None
    ) -> Reply:
        assert teacher is None
        text, number = "", len(question.slots)
        if attempt < len(stored):
            text, number = stored[attempt]
        else:
            asked.append([s.index for s in question.slots])
            text = " ".join(f"{n}=new{s.index}" for n, s in enumerate(question.slots, 1))
        return Reply("r", f"000000#{attempt:02d}", text, "m", "stop", 1, 1, 0, asked=number)

    context = cast(BatchContext, SimpleNamespace(teacher=SimpleNamespace(can=SimpleNamespace(offline=False))))
    written = asyncio.run(call_loop.write(context, writer, SLOTS, fetch))
    assert written.missing == []
    assert len({slot.index for slot, _, _ in written.made}) == len(written.made)
    return {slot.index: draft for slot, draft, _ in written.made}, asked


@pytest.mark.parametrize("number", [0, 4], ids=["stored before", "pending before"])
def test_a_correction_of_the_whole_call_fills_the_missing_slots_with_their_own_records(number: int) -> None:
    stored = [("1=a0 3=a2", 0), ("1=b0 2=b1 3=b2 4=b3", number)]

    made, asked = walk(Writer(repeated_whole_calls=True), stored)

    assert made == {0: "a0", 1: "b1", 2: "a2", 3: "b3"}
    assert asked == []


def test_after_it_the_missing_ones_were_asked_for() -> None:
    stored = [("1=a0 3=a2", 0), ("1=b0 2=b1", 0), ("1=c3", 0)]

    made, asked = walk(Writer(repeated_whole_calls=True), stored)

    assert made == {0: "a0", 1: "b1", 2: "a2", 3: "c3"}
    assert asked == []


def test_a_reply_about_slots_that_are_not_the_missing_ones_is_passed_over() -> None:
    """Over documents the next question was about all slots behind the first missing one: 1, 2 and 3."""
    made, asked = walk(Writer(repeated_whole_calls=False), [("1=a0 3=a2", 0), ("1=b1 2=b2 3=b3", 0)])

    assert made == {0: "a0", 1: "new1", 2: "a2", 3: "new3"}
    assert asked == [[1, 3]]


def test_where_both_releases_ask_alike_nothing_is_asked_again() -> None:
    made, asked = walk(Writer(repeated_whole_calls=False), [("1=a0 2=a1", 0), ("1=b2", 0), ("1=c3", 0)])

    assert made == {0: "a0", 1: "a1", 2: "b2", 3: "c3"}
    assert asked == []


def test_replies_of_today_say_how_many_records_they_were_asked_for() -> None:
    made, asked = walk(Writer(repeated_whole_calls=True), [("1=a0 3=a2", 4), ("1=b1", 2)])

    assert made == {0: "a0", 1: "b1", 2: "a2", 3: "new3"}
    assert asked == [[3]]
