"""One pair under review."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace

from dataforge.errors import Invalid
from dataforge.platform import items
from dataforge.platform.ports import Item, Value
from dataforge.store import pairs, revisions
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from dataforge.store.revisions import Expected
from dataforge.workflows.review import search


@dataclass(frozen=True, slots=True)
class Edit:
    """What a reviewer changes; None leaves a thing as it is."""

    question: str | None = None
    answer: str | None = None
    status: str | None = None
    metadata: Item | None = None


def edit(project: Project, pair_id: str, change: Edit, *, expected: Expected = None) -> Pair:
    """New text without a status makes the pair `edited`; an explicit status wins; scores stay as they were.

    expected: the revisions for which the edit is meant. None: of two edits at once both are made, one after the other.
    Raises Invalid for empty text, NotFound, RevisionConflict when the pair is at another revision.
    """
    for field, text in (("input_text", change.question), ("output_text", change.answer)):
        if text is not None and not text.strip():
            raise Invalid(f"{field} must not be empty", field=field)
    return pairs.change(
        project,
        pair_id,
        lambda pair: _applied(pair, change, expected),
        lambda pair: search.text_of(search.turns_of(pair)),
        exact=expected is not None,
    )


def _applied(pair: Pair, change: Edit, expected: Expected) -> Pair:
    """The same pair when nothing changes, also when this very request changed it before."""
    after = _edited(pair, change)
    changes = _state(after) != _state(pair)
    key = revisions.edit_key(expected, *astuple(change))
    made_before = not changes and key is not None and pair.last_edit == key
    if not made_before:
        revisions.require(expected, revisions.of_pair(pair), pair)
    return replace(after, last_edit=key) if changes else pair


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


def _state(pair: Pair) -> str:
    """What a revision is about, as it is stored."""
    state: list[Value] = [pair.question, pair.answer, pair.status, pair.reviewer_notes, pair.metadata]
    return revisions.fingerprint(items.value(state, "metadata"))
