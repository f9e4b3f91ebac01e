"""Passages of prose, and what the offline teacher makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from dataforge.records import Draft, Passage, Question, Slot
from dataforge.teachers import extractive
from dataforge.teachers.extractive import ExtractiveTeacher, pairs

HANDBOOK = Passage(
    "## Leave\n\nAnnual leave is 28 working days for full-time employees. A sabbatical is unpaid leave of up to a "
    "year. "
    "Requests are approved by the line manager within five days. Unused leave may not be carried over. If an employee "
    "falls ill on leave, the days are given back. The request form is kept in the staff portal.\n\n"
    "The following documents are required for parental leave:\n\n- a birth certificate\n- the signed form P-3\n"
    "- a letter from the doctor\n\n"
    "| Reason | Days | Paid by |\n| --- | --- | --- |\n| Wedding | 2 | Company |\n| Jury service | 10 | Court |\n"
    "| Moving house | 1 | Company |",
    ("Staff handbook", "Leave"),
)


def asked(content: str, *headings: str) -> dict[str, Draft]:
    return {d.question: d for d in pairs(Passage(content, headings))}


def capacity(passage: Passage, kind: str = "qa") -> int:
    return extractive.capacity(question_of(passage, (), kind=kind))


def question_of(passage: Passage, slots: Sequence[Slot], seed: int = 0, kind: str = "qa") -> Question:
    return Question((), passage, tuple(slots), kind=kind, seed=seed)


async def ask(slots: Sequence[Slot], seed: int = 0) -> list[dict[str, object]]:
    answer = await ExtractiveTeacher().ask(question_of(HANDBOOK, slots, seed))
    return json.loads(answer.text)["pairs"]  # type: ignore[no-any-return]


def slots(first: int, count: int, difficulty: str | None = None) -> list[Slot]:
    return [Slot(100 + n, "chunk_a_000000", difficulty, ordinal=n) for n in range(first, first + count)]  # type: ignore[arg-type]
