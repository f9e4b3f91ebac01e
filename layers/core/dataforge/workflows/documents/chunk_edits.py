"""Chunks under review: correct a passage, note something on it, keep it out of generation."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from dataforge import clock, tokens
from dataforge.errors import ConditionFailed, Conflict, Invalid
from dataforge.platform import items
from dataforge.platform.ports import Item
from dataforge.store import chunks, revisions
from dataforge.store.chunks import StoredChunk
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.revisions import Expected
from dataforge.workflows.documents.parsing import reading_difficulty, warnings_of

_TRIES = 10


@dataclass(frozen=True, slots=True)
class ChunkEdit:
    """What a reviewer changes; None leaves a thing as it is. metadata: merged into the chunk's."""

    content: str | None = None
    metadata: Item | None = None
    excluded: bool | None = None


def edit(project_id: str, chunk_id: str, change: ChunkEdit, *, expected: Expected = None) -> StoredChunk:
    """The id, the pairs made before and the offsets of the original passage stay.

    expected: the revisions for which the edit is meant; None: the later of two edits of one thing wins. A run that is
    active reads the text when it asks and when it assesses, so it may meet either wording. Raises Invalid for empty
    text, NotFound, RevisionConflict when the chunk is at another revision.
    """
    if change.content is not None and not change.content.strip():
        raise Invalid("content must not be empty; exclude the chunk to keep it out", field="content")
    for _ in range(_TRIES):
        try:
            return _apply(chunks.get(project_id, chunk_id), change, expected)
        except ConditionFailed:
            continue
    raise Conflict(f"Chunk {chunk_id} is being changed by many at once; try again", code="BUSY")


def _apply(chunk: StoredChunk, change: ChunkEdit, expected: Expected) -> StoredChunk:
    """Raises ConditionFailed when somebody else changed the chunk since it was read."""
    values = _values(chunk, change)
    changes = revisions.of_chunk(from_item(StoredChunk, {**to_item(chunk), **values})) != revisions.of_chunk(chunk)
    key = revisions.edit_key(expected, *astuple(change))
    if not changes and key is not None and chunk.last_edit == key:  # the response to this very request was lost
        return chunk
    revisions.require(expected, revisions.of_chunk(chunk), chunk)
    if not values:
        return chunk
    if changes:
        values["last_edit"] = key
    return chunks.change(chunk, {**values, "updated_at": clock.now()}, edit=changes, exact=expected is not None)


def _values(chunk: StoredChunk, change: ChunkEdit) -> Item:
    values: Item = {}
    if change.content is not None:
        difficulty = reading_difficulty(change.content)
        values |= {"content": change.content, "tokens": tokens.count(change.content), "difficulty": difficulty}
        values["warnings"] = [*warnings_of(change.content)]
        values["rewritten"] = chunk.rewritten or change.content != chunk.content
    if change.metadata is not None:
        values["metadata"] = items.value({**chunk.metadata, **change.metadata}, "metadata")
    if change.excluded is not None:
        values["excluded"] = change.excluded
    return values
