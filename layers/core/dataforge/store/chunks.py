"""Chunks of a project's documents.

| question                         | access                                                                    |
|---|---|
| which chunks of a document hold  | get, batch_get or query documents: `parse` names the parse they belong to |
| a project's chunks in order      | query chunks (project_id): by document, then position                     |
| one document's chunks            | query chunks (project_id, begins `chunk_<document>_`)                     |
| headings of a project's chunks   | the same, three attributes                                                |
| one chunk, or many by their ids  | batch_get chunks (project_id, `<chunk id>#<parse>`)                       |
| pairs that a run made of it      | update chunks, set pairs_by_run.<run>                                     |
| an edit of what was read         | transact: its row is as read, and the document's `parse` is still its own |

Every parse of a document writes a set of rows of its own, and the document's row says which set holds: it is the only
thing that changes when a parse is done, so that a reader finds one set, whole, whatever was cut off. The set before
stays until the next parse of the document begins (`documents.begin_chunks`): who is reading it reads it to its end.

The id of a chunk does not name the parse. Rows of before parses were numbered stand under the plain id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from dataforge import ids
from dataforge.errors import ConditionFailed, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Update, Where
from dataforge.store import item_codec
from dataforge.store.item_codec import from_item, to_item

_SEPARATOR = "#"


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
    warnings: list[Item] = field(default_factory=list)
    """Instructions to AI systems in the text: {kind, start, end} each, in characters of `content`."""
    rewritten: bool = False
    """A person changed the text: [start:end] of the document is no longer it."""
    parse: int | None = None
    """The number of the parse that it belongs to; part of the row's key."""
    revision: int | None = None
    """Counts the edits since it was parsed; None before the first."""
    last_edit: str | None = None
    """Which request made the last edit, see `store.revisions.edit_key`."""


def row_key(project_id: str, chunk_id: str, parse: int | None) -> dict[str, str]:
    return {"project_id": project_id, "chunk_id": f"{chunk_id}{_SEPARATOR}{parse}" if parse else chunk_id}


def to_row(chunk: StoredChunk) -> Item:
    return {**to_item(chunk), **row_key(chunk.project_id, chunk.chunk_id, chunk.parse)}


def from_row(item: Item) -> StoredChunk:
    chunk_id, _, parse = str(item["chunk_id"]).partition(_SEPARATOR)
    return from_item(StoredChunk, {**item, "chunk_id": chunk_id, "parse": int(parse) if parse else None})


def prefix_of(document_id: str) -> tuple[str, str]:
    """For a query: the range of a document's rows, of every parse."""
    return "chunk_id", f"chunk_{ids.tail(document_id)}_"


def parses_of(project_id: str, chunk_ids: Iterable[str]) -> dict[str, int | None]:
    """Document id -> the parse that holds now, for the documents that these chunks name."""
    keys = [{"project_id": project_id, "document_id": d} for d in dict.fromkeys(map(ids.document_of_chunk, chunk_ids))]
    return {str(i["document_id"]): _parse(i) for i in current().tables.batch_get("documents", keys)}


def change(chunk: StoredChunk, values: Item, *, edit: bool = False, exact: bool = False) -> StoredChunk:
    """The chunk afterwards. Raises NotFound when it was deleted meanwhile.

    edit: counts as one. exact: only if nobody edited it, and its parse still holds, since it was read; raises
    ConditionFailed.
    """
    key = row_key(chunk.project_id, chunk.chunk_id, chunk.parse)
    add = {"revision": 1} if edit else {}
    try:
        if exact:
            return _change_exactly(chunk, Update("chunks", key, set=values, add=add))
        return from_row(current().tables.update("chunks", key, set=values, add=add))
    except ConditionFailed:
        get(chunk.project_id, chunk.chunk_id)
        raise


def _change_exactly(chunk: StoredChunk, write: Update) -> StoredChunk:
    """In one transaction with a look at the document, whose row says which parse holds."""
    document = {"project_id": chunk.project_id, "document_id": chunk.document_id}
    as_read: Where = {"content": chunk.content, "revision": chunk.revision or ABSENT}
    still_holds = Update("documents", document, where={"parse": chunk.parse or ABSENT})
    current().tables.transact([replace(write, where=as_read), still_holds])
    after = from_item(StoredChunk, {**to_item(chunk), **write.set})
    return replace(after, revision=(chunk.revision or 0) + 1) if "revision" in write.add else after


def of_project(project_id: str, document_id: str | None = None) -> Iterator[StoredChunk]:
    """In reading order: by document, then position; one page of rows in memory.

    The chunks of every document are those that held when the first one was read.
    """
    holding = _holding(project_id, document_id)
    begins = prefix_of(document_id) if document_id else None
    for item in item_codec.items_of("chunks", {"project_id": project_id}, begins=begins):
        chunk = from_row(item)
        if chunk.parse == holding.get(chunk.document_id):
            yield chunk


def headings(project_id: str) -> Iterator[tuple[str, str, str]]:
    """(chunk id, document id, heading of its section) of every chunk that holds, without its text."""
    holding = _holding(project_id, None)
    names = ("chunk_id", "document_id", "heading_path")
    for item in item_codec.items_of("chunks", {"project_id": project_id}, attributes=names):
        chunk_id, _, parse = str(item["chunk_id"]).partition(_SEPARATOR)
        if (int(parse) if parse else None) == holding.get(str(item["document_id"])):
            path = cast("list[str]", item["heading_path"])
            yield chunk_id, str(item["document_id"]), " > ".join(path[:2])


def get(project_id: str, chunk_id: str) -> StoredChunk:
    """Raises NotFound."""
    found = get_many(project_id, [chunk_id])
    if not found:
        raise NotFound(f"Chunk {chunk_id} not found")
    return found[0]


def get_many(project_id: str, chunk_ids: Sequence[str]) -> list[StoredChunk]:
    """In the order asked; unknown ids are left out."""
    known = [c for c in chunk_ids if _SEPARATOR not in c]
    parses = parses_of(project_id, known)
    return fetch(project_id, [(c, parses.get(ids.document_of_chunk(c))) for c in known])


def fetch(project_id: str, places: Sequence[tuple[str, int | None]]) -> list[StoredChunk]:
    """By chunk id and parse, in the order asked; unknown ones are left out."""
    keys = [row_key(project_id, chunk_id, parse) for chunk_id, parse in places]
    return [from_row(i) for i in current().tables.batch_get("chunks", keys)] if keys else []


def count_pairs(
    project_id: str, chunk_id: str, run_id: str, pairs: int, *, parses: Mapping[str, int | None] | None = None
) -> None:
    """Note how many pairs a run made from a chunk; a chunk deleted meanwhile is no error.

    parses: what `parses_of` gave for many chunks, so that not every one of them asks.
    """
    holding = parses_of(project_id, [chunk_id]) if parses is None else parses
    key = row_key(project_id, chunk_id, holding.get(ids.document_of_chunk(chunk_id)))
    try:
        current().tables.update("chunks", key, set={f"pairs_by_run.{run_id}": pairs})
    except ConditionFailed:
        return


def _holding(project_id: str, document_id: str | None) -> dict[str, int | None]:
    """Document id -> the parse that holds, of one document or all."""
    if document_id is not None:
        item = current().tables.get("documents", {"project_id": project_id, "document_id": document_id})
        return {document_id: _parse(item)} if item else {}
    rows = item_codec.items_of("documents", {"project_id": project_id}, attributes=("document_id", "parse"))
    return {str(i["document_id"]): _parse(i) for i in rows}


def _parse(document: Item) -> int | None:
    parse = document.get("parse")
    return parse if isinstance(parse, int) else None
