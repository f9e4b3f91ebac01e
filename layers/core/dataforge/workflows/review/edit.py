"""One pair under review."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dataforge.errors import Invalid
from dataforge.platform.ports import Item
from dataforge.store import pairs
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from dataforge.workflows.review import search


@dataclass(frozen=True, slots=True)
class Edit:
    """What a reviewer changes; None leaves a thing as it is."""

    question: str | None = None
    answer: str | None = None
    status: str | None = None
    metadata: Item | None = None


def edit(project: Project, pair_id: str, change: Edit) -> Pair:
    """New text without a status makes the pair `edited`; an explicit status wins; scores stay as they were.

    Of two edits at once both are made, one after the other. Raises Invalid for empty text, NotFound.
    """
    for field, text in (("input_text", change.question), ("output_text", change.answer)):
        if text is not None and not text.strip():
            raise Invalid(f"{field} must not be empty", field=field)
    return pairs.change(
        project, pair_id, lambda pair: _edited(pair, change), lambda pair: search.text_of(search.turns_of(pair))
    )


def _edited(pair: Pair, change: Edit) -> Pair:
    rewritten = change.question is not None or change.answer is not None
    after = replace(
        pair,
        question=pair.question if change.question is None else change.question,
        answer=pair.answer if change.answer is None else change.answer,
        material_at=pair.material_at if change.question is None else _material_at(pair, change.question),
        status=change.status or ("edited" if rewritten else pair.status),
    )
    if change.metadata is None:
        return after
    metadata = {**pair.metadata, **change.metadata}
    notes = metadata.pop("reviewer_notes", pair.reviewer_notes)
    if notes is not None and not isinstance(notes, str):
        raise Invalid("metadata.reviewer_notes must be text", field="metadata.reviewer_notes")
    return replace(after, metadata=metadata, reviewer_notes=notes)


def _material_at(pair: Pair, question: str) -> int | None:
    """Where the text that the pair brings along begins in a rewritten question; None when it does not end with it."""
    material = "" if pair.material_at is None else pair.question[pair.material_at :]
    return len(question) - len(material) if material and question.endswith(material) else None
