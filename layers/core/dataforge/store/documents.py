"""Documents of a project.

| question                          | access                                                                        |
|---|---|
| a document                        | get documents (project_id, document_id)                                       |
| a project's documents             | query documents (project_id), newest first                                    |
| a new one                         | transact: its row, the project's counter, the claim of its upload             |
| what became of it                 | update documents where its status is what is expected                         |
| it was parsed                     | batch_put chunks; transact: its row, where no later parse began, and counters |
| it cannot be parsed               | transact: its row, the progress of the run                                    |
| it is deleted                     | transact: no run holds the project, status `deleting`; then its row and counters |
| page n of the chunks              | ids follow from the documents' chunk counts; batch_get chunks                 |
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from dataforge import ids
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Delete, Item, Key, Put, Update, Where, Write
from dataforge.store import chunks as chunk_store
from dataforge.store import item_codec, own_writes, projects
from dataforge.store.chunks import StoredChunk
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.projects import Project


@dataclass(frozen=True, slots=True)
class Document:
    project_id: str
    document_id: str
    name: str
    mime_type: str
    size: int
    s3_key: str
    created_at: str
    parsing_status: str = "pending"
    """pending, parsing, parsed, failed; deleting once its deletion has begun."""
    chunk_count: int = 0
    chunk_types: Item = field(default_factory=dict)
    """content type -> how many of the chunks are of it."""
    source: str = "upload"
    """upload, url or text."""
    url: str | None = None
    fetched: Item | None = None
    """Of the last fetch: final_url, content_type, fetched_at."""
    checksum: str | None = None
    """SHA-256 of the source, hex, once somebody read it."""
    verified: bool = False
    """The stored bytes were read and are what was announced, in a format that can be parsed."""
    detected_type: str | None = None
    metadata: Item = field(default_factory=dict)
    error: str | None = None
    error_reason: str | None = None
    warnings: list[str] = field(default_factory=list)
    pages: int | None = None
    parsed_at: str | None = None
    parse: int | None = None
    """The number of the parse whose chunks hold; None before the first, and for one of before they were numbered."""
    parses: int = 0
    """Parses that have begun to write chunks: the number of the newest."""


@dataclass(frozen=True, slots=True)
class DocumentBrief:
    """What lists, counts and starts need to know of a document."""

    project_id: str
    document_id: str
    s3_key: str
    parsing_status: str = "pending"
    source: str = "upload"
    verified: bool = False
    chunk_count: int = 0
    chunk_types: Item = field(default_factory=dict)
    parse: int | None = None


def add(project: Project, document: Document, claim: Sequence[Write] = ()) -> None:
    """Raises NotFound when the project was deleted meanwhile, ConditionFailed when a write of `claim` does not hold."""
    key = {"org_id": project.org_id, "project_id": project.project_id}
    try:
        current().tables.transact(
            [
                Put("documents", to_item(document), where={"document_id": ABSENT}),
                Update("projects", key, add={"documents": 1}, where={"status": "active"}),
                *claim,
            ]
        )
    except ConditionFailed:
        projects.get(project.org_id, project.project_id)
        if not _is_there(document):  # else it was written by an attempt whose answer was lost
            raise


def _is_there(document: Document) -> bool:
    key = {"project_id": document.project_id, "document_id": document.document_id}
    return current().tables.get("documents", key) is not None


def of_project(project_id: str) -> Iterator[Document]:
    """Newest first, with all that each holds; one page in memory."""
    found = item_codec.items_of("documents", {"project_id": project_id}, descending=True)
    return (from_item(Document, i) for i in found)


def briefs_of_project(project_id: str) -> Iterator[DocumentBrief]:
    """Newest first, without metadata and messages."""
    found = item_codec.items_of(
        "documents",
        {"project_id": project_id},
        descending=True,
        attributes=tuple(f.name for f in fields(DocumentBrief)),
    )
    return (from_item(DocumentBrief, i) for i in found)


def get(project_id: str, document_id: str) -> Document:
    item = current().tables.get("documents", {"project_id": project_id, "document_id": document_id})
    if item is None:
        raise NotFound(f"Document {document_id} not found")
    return from_item(Document, item)


def mark(document: Document, values: Item, *, statuses: tuple[str, ...] = ()) -> Document:
    """The document afterwards. Raises ConditionFailed when it was deleted, or its status is none of `statuses`."""
    key = {"project_id": document.project_id, "document_id": document.document_id}
    where: Where = {"parsing_status": statuses} if statuses else {}
    return from_item(Document, own_writes.update("documents", key, set=values, where=where))


def fail(document: Document, values: Item, also: Sequence[Write] = ()) -> None:
    """Write why it cannot be parsed, together with `also`. Raises ConditionFailed when it was deleted."""
    key = {"project_id": document.project_id, "document_id": document.document_id}
    current().tables.transact([Update("documents", key, set={**values, "parsing_status": "failed"}), *also])


def begin_chunks(document: Document) -> int:
    """The number of a new parse of the document, whose chunks `replace_chunks` then takes.

    From now on no parse that began earlier can end. Raises ConditionFailed when the document is not being parsed.
    """
    key = {"project_id": document.project_id, "document_id": document.document_id}
    item = current().tables.update("documents", key, add={"parses": 1}, where={"parsing_status": "parsing"})
    return int(str(item["parses"]))


def replace_chunks(
    org_id: str,
    document: Document,
    chunks: Sequence[StoredChunk],
    values: Item,
    *,
    parse: int | None = None,
    also: Sequence[Write] = (),
) -> int:
    """The document's chunks become exactly these, at once, with its row, the project's counter and `also`.

    The rows of the new set are written beside those that hold; then one transaction makes them hold. Cut off anywhere
    before it, or refused by it, nothing has changed for readers, and the next parse removes what was left.

    parse: what `begin_chunks` gave; without it a parse begins here. How many chunks that a person had edited or
    excluded were replaced. A passage that is as it was keeps its count of pairs. Raises ConditionFailed when the
    document was deleted meanwhile, or another parse of it began.
    """
    number = parse or begin_chunks(document)
    tables, project_id, document_id = current().tables, document.project_id, document.document_id
    holding = get(project_id, document_id)
    before = _remove_earlier_sets(holding, number)
    tables.batch_put("chunks", (chunk_store.to_row(_continued(before, replace(c, parse=number))) for c in chunks))
    types: Item = {**Counter(c.content_type for c in chunks)}
    where: Where = {
        "parsing_status": "parsing",
        "parses": number,
        "parse": holding.parse or ABSENT,
        "chunk_count": holding.chunk_count,
    }
    hold = Update(
        "documents",
        {"project_id": project_id, "document_id": document_id},
        set={**values, "parse": number, "chunk_count": len(chunks), "chunk_types": types},
        where=where,
    )
    count = Update(
        "projects", {"org_id": org_id, "project_id": project_id}, add={"chunks": len(chunks) - holding.chunk_count}
    )
    try:
        tables.transact([hold, count, *also])
    except ConditionFailed:
        if get(project_id, document_id).parse != number:  # else it was done by an attempt whose answer was lost
            raise
    return sum(b.edited for b in before.values())


@dataclass(frozen=True, slots=True)
class _Before:
    """What a new chunk needs to know of the one that it replaces."""

    digest: bytes
    """SHA-256 of the text."""
    pairs_by_run: Item
    edited: bool


def _remove_earlier_sets(document: Document, number: int) -> dict[str, _Before]:
    """The chunks that hold, by their ids; rows of other parses before this one are removed on the way. A later one
    may be writing at this moment: its rows stay."""
    before: dict[str, _Before] = {}

    def earlier() -> Iterator[Key]:
        rows = item_codec.items_of(
            "chunks", {"project_id": document.project_id}, begins=chunk_store.prefix_of(document.document_id)
        )
        for chunk in map(chunk_store.from_row, rows):
            if chunk.parse == document.parse:
                before[chunk.chunk_id] = _Before(_digest(chunk), chunk.pairs_by_run, chunk.updated_at is not None)
            elif (chunk.parse or 0) < number:
                yield chunk_store.row_key(chunk.project_id, chunk.chunk_id, chunk.parse)

    current().tables.batch_delete("chunks", earlier())
    return before


def _continued(before: Mapping[str, _Before], chunk: StoredChunk) -> StoredChunk:
    """With the pairs made so far, if the passage is as it was."""
    old = before.get(chunk.chunk_id)
    return replace(chunk, pairs_by_run=old.pairs_by_run) if old is not None and old.digest == _digest(chunk) else chunk


def _digest(chunk: StoredChunk) -> bytes:
    return hashlib.sha256(chunk.content.encode()).digest()


def begin_deletion(project: Project, document: Document) -> None:
    """From now on no run takes the document. Raises Conflict while a run holds the project; repeat as you like."""
    try:
        current().tables.transact(
            [
                Update(
                    "projects",
                    {"org_id": project.org_id, "project_id": project.project_id},
                    where={"active_run": ABSENT},
                ),
                Update(
                    "documents",
                    {"project_id": document.project_id, "document_id": document.document_id},
                    set={"parsing_status": "deleting"},
                ),
            ]
        )
    except ConditionFailed:
        get(project.project_id, document.document_id)
        raise Conflict(
            "A run is using this project; wait for it or cancel it first", code="JOB_ALREADY_RUNNING"
        ) from None


def finish_deletion(project: Project, document: Document, files: Sequence[str], also: Sequence[Write] = ()) -> None:
    """Its chunks of every parse, its files, then its row with the counters in one transaction; pairs made from it stay.

    Cut off anywhere, it can be called again and finishes. Raises NotFound when another call finished first.
    """
    platform = current()
    rows = item_codec.items_of(
        "chunks",
        {"project_id": project.project_id},
        begins=chunk_store.prefix_of(document.document_id),
        attributes=("project_id", "chunk_id"),
    )
    platform.tables.batch_delete(
        "chunks", ({"project_id": str(i["project_id"]), "chunk_id": str(i["chunk_id"])} for i in rows)
    )
    for key in files:
        platform.files.delete(key)
    try:
        platform.tables.transact(
            [
                Delete(
                    "documents",
                    {"project_id": project.project_id, "document_id": document.document_id},
                    where={"parsing_status": "deleting", "chunk_count": document.chunk_count},
                ),
                Update(
                    "projects",
                    {"org_id": project.org_id, "project_id": project.project_id},
                    add={"documents": -1, "chunks": -document.chunk_count},
                ),
                *also,
            ]
        )
    except ConditionFailed:
        get(project.project_id, document.document_id)
        raise Conflict(f"Document {document.document_id} changed meanwhile; delete it again") from None


def chunk_page(documents: Sequence[Document | DocumentBrief], first: int, last: int) -> tuple[list[StoredChunk], int]:
    """Chunks first to last (0-based, end exclusive) of these documents in reading order, and how many there are.

    Positions in a document are consecutive, so the ids of any page follow from the counts: no earlier chunk is read.
    """
    wanted: list[tuple[str, int | None]] = []
    start = 0
    for document in sorted(documents, key=lambda d: ids.tail(d.document_id)):
        end = start + document.chunk_count
        places = range(max(first, start) - start, min(last, end) - start)
        wanted += [(ids.chunk_id(document.document_id, n), document.parse) for n in places]
        start = end
    return (chunk_store.fetch(documents[0].project_id, wanted) if wanted else []), start
