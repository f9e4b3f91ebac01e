"""Pairs under review: find them by page, edit one."""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.errors import Invalid
from dataforge.formats import conversation
from dataforge.platform.ports import Item, Value
from dataforge.store import pairs
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project


@dataclass(frozen=True, slots=True)
class PairFilter:
    status: str | None = None
    run_id: str | None = None
    search: str | None = None
    """Case-folded substring of question or answer."""


def find(project: Project, wanted: PairFilter, *, page: int, page_size: int) -> tuple[list[Pair], int]:
    """One page (1-based) and the exact number of pairs that match."""
    needle = wanted.search.casefold() if wanted.search else None
    first, last = (page - 1) * page_size, page * page_size
    found: list[Pair] = []
    total = 0
    for pair in pairs.walk(project.project_id, status=wanted.status, run_id=wanted.run_id):
        if needle and needle not in pair.question.casefold() and needle not in pair.answer.casefold():
            continue
        if first <= total < last:
            found.append(pair)
        total += 1
    return found, total


@dataclass(frozen=True, slots=True)
class Edit:
    """What a reviewer changes; None leaves a thing as it is."""

    question: str | None = None
    answer: str | None = None
    status: str | None = None
    metadata: Item | None = None


def edit(project: Project, pair: Pair, change: Edit) -> Pair:
    """New text without a status makes the pair `edited`; an explicit status wins; scores stay as they were.

    Raises Invalid for empty text, Conflict when someone else changed the pair at the same time.
    """
    for field, text in (("input_text", change.question), ("output_text", change.answer)):
        if text is not None and not text.strip():
            raise Invalid(f"{field} must not be empty", field=field)
    values: Item = {}
    if change.question is not None:
        values["question"] = change.question
    if change.answer is not None:
        values["answer"] = change.answer
    if values and pair.turns:
        values["turns"] = list[Value](conversation.edited(pair.turns, question=change.question, answer=change.answer))
    status = change.status or ("edited" if values else pair.status)
    if change.metadata is not None:
        metadata = {**pair.metadata, **change.metadata}
        notes = metadata.pop("reviewer_notes", pair.reviewer_notes)
        if notes is not None and not isinstance(notes, str):
            raise Invalid("metadata.reviewer_notes must be text", field="metadata.reviewer_notes")
        values |= {"metadata": metadata, "reviewer_notes": notes}
    return pairs.change(project, pair, values, status)
