"""Chunks of a project's documents.

| question                         | access                                                      |
|---|---|
| a project's chunks in order      | query chunks (project_id): by document, then position       |
| one document's chunks            | query chunks (project_id, begins `chunk_<document>_`)       |
| one chunk, or many by their ids  | get, batch_get chunks (project_id, chunk_id)                |
| pairs that a run made of it      | update chunks, set pairs_by_run.<run>                       |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataforge import ids
from dataforge.errors import ConditionFailed, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item
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


def change(chunk: StoredChunk, values: Item) -> StoredChunk:
    """The chunk afterwards. Raises NotFound when it was deleted meanwhile."""
    key = {"project_id": chunk.project_id, "chunk_id": chunk.chunk_id}
    try:
        return from_item(StoredChunk, current().tables.update("chunks", key, set=values))
    except ConditionFailed:
        raise NotFound(f"Chunk {chunk.chunk_id} not found") from None


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
