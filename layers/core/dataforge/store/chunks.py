"""Chunks of a project's documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataforge import ids
from dataforge.errors import ConditionFailed, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Where
from dataforge.store import item_codec
from dataforge.store.item_codec import from_item


@dataclass(frozen=True, slots=True)
class StoredChunk:
    project_id: str
    chunk_id: str
    document_id: str
    content: str
    heading_path: list[str]
    position: int
    content_type: str
    tokens: int
    start: int
    end: int
    created_at: str
    difficulty: str = "medium"
    page: int | None = None
    excluded: bool = False
    metadata: Item = field(default_factory=dict)
    pairs_by_run: Item = field(default_factory=dict)
    """run id -> pairs made from this chunk; a map, so that counting twice is harmless."""
    updated_at: str | None = None
    rewritten: bool = False
    """A person changed the text: [start:end] of the document is no longer it."""
    revision: int | None = None
    """Counts the edits since it was parsed; None before the first."""
    last_edit: str | None = None
    """Which request made the last edit, see `store.revisions.edit_key`."""


def change(chunk: StoredChunk, values: Item, *, edit: bool = False, exact: bool = False) -> StoredChunk:
    """The chunk afterwards. Raises NotFound when it was deleted meanwhile.

    edit: counts as one. exact: only if nobody edited it, or parsed it to another text, since it was read; raises
    ConditionFailed.
    """
    key = {"project_id": chunk.project_id, "chunk_id": chunk.chunk_id}
    where: Where = {"content": chunk.content, "revision": chunk.revision or ABSENT} if exact else {}
    add = {"revision": 1} if edit else {}
    try:
        return from_item(StoredChunk, current().tables.update("chunks", key, set=values, add=add, where=where))
    except ConditionFailed:
        get(chunk.project_id, chunk.chunk_id)
        raise


def of_project(project_id: str, document_id: str | None = None) -> Iterator[StoredChunk]:
    """In reading order: by document, then position."""
    begins = ("chunk_id", f"chunk_{ids.tail(document_id)}_") if document_id else None
    for item in item_codec.items_of("chunks", {"project_id": project_id}, begins=begins):
        yield from_item(StoredChunk, item)


def get(project_id: str, chunk_id: str) -> StoredChunk:
    item = current().tables.get("chunks", {"project_id": project_id, "chunk_id": chunk_id})
    if item is None:
        raise NotFound(f"Chunk {chunk_id} not found")
    return from_item(StoredChunk, item)


def get_many(project_id: str, chunk_ids: Sequence[str]) -> list[StoredChunk]:
    """In the order asked; unknown ids are left out."""
    keys = [{"project_id": project_id, "chunk_id": c} for c in chunk_ids]
    return [from_item(StoredChunk, i) for i in current().tables.batch_get("chunks", keys)]


def count_pairs(project_id: str, chunk_id: str, run_id: str, pairs: int) -> None:
    """Note how many pairs a run made from a chunk; a chunk deleted meanwhile is no error."""
    try:
        current().tables.update(
            "chunks", {"project_id": project_id, "chunk_id": chunk_id}, set={f"pairs_by_run.{run_id}": pairs}
        )
    except ConditionFailed:
        return
