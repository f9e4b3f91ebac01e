"""Documents of a project.

| question                          | access                                                                        |
|---|---|
| a document                        | get documents (project_id, document_id)                                       |
| a project's documents             | query documents (project_id), newest first                                    |
| a new one                         | transact: its row, the project's counter, the claim of its upload             |
| what became of it                 | update documents where its status is what is expected                         |
| it was parsed                     | transact: its row and the project's counter, see `replace_chunks`             |
| it is deleted                     | transact: no run holds the project, status `deleting`; then its row and counters |
| page n of the chunks              | ids follow from the documents' chunk counts; batch_get chunks                 |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dataforge import ids
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Delete, Item, Put, Update, Write
from dataforge.store import chunks as chunk_store
from dataforge.store import item_codec, projects
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
        raise


def of_project(project_id: str) -> list[Document]:
    """Newest first."""
    return [
        from_item(Document, i) for i in item_codec.items_of("documents", {"project_id": project_id}, descending=True)
    ]


def get(project_id: str, document_id: str) -> Document:
    item = current().tables.get("documents", {"project_id": project_id, "document_id": document_id})
    if item is None:
        raise NotFound(f"Document {document_id} not found")
    return from_item(Document, item)


def mark(document: Document, values: Item, *, statuses: tuple[str, ...] = ()) -> Document:
    """The document afterwards. Raises ConditionFailed when it was deleted, or its status is none of `statuses`."""
    key = {"project_id": document.project_id, "document_id": document.document_id}
    where = {"parsing_status": statuses} if statuses else {}
    return from_item(Document, current().tables.update("documents", key, set=values, where=where))


def replace_chunks(org_id: str, document: Document, chunks: Sequence[StoredChunk], values: Item) -> int:
    """The document's chunks become exactly these; its row and the project's counter follow in one transaction.

    How many chunks that a person had edited or excluded were replaced. A passage that is as it was keeps its count of
    pairs. Safe to repeat after a crash at any point. Raises ConditionFailed when the document was deleted meanwhile.
    """
    tables = current().tables
    before = {c.chunk_id: c for c in chunk_store.of_project(document.project_id, document.document_id)}
    tables.batch_put(
        "chunks",
        (
            {**to_item(c), "pairs_by_run": before[c.chunk_id].pairs_by_run}
            if _same(before.get(c.chunk_id), c)
            else to_item(c)
            for c in chunks
        ),
    )
    stale = before.keys() - {c.chunk_id for c in chunks}
    tables.batch_delete("chunks", ({"project_id": document.project_id, "chunk_id": c} for c in sorted(stale)))
    key = {"project_id": document.project_id, "document_id": document.document_id}
    counted = get(document.project_id, document.document_id).chunk_count
    types: Item = {**Counter(c.content_type for c in chunks)}
    tables.transact(
        [
            Update(
                "documents",
                key,
                set={**values, "chunk_count": len(chunks), "chunk_types": types},
                where={"chunk_count": counted, "parsing_status": "parsing"},
            ),
            Update(
                "projects",
                {"org_id": org_id, "project_id": document.project_id},
                add={"chunks": len(chunks) - counted},
            ),
        ]
    )
    return sum(c.updated_at is not None for c in before.values())


def _same(old: StoredChunk | None, new: StoredChunk) -> bool:
    return old is not None and old.content == new.content


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
    """Its chunks, its files, then its row with the counters in one transaction; pairs made from it stay.

    Cut off anywhere, it can be called again and finishes. Raises NotFound when another call finished first.
    """
    platform = current()
    platform.tables.batch_delete(
        "chunks",
        [
            {"project_id": c.project_id, "chunk_id": c.chunk_id}
            for c in chunk_store.of_project(project.project_id, document.document_id)
        ],
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


def chunk_page(documents: Sequence[Document], first: int, last: int) -> tuple[list[StoredChunk], int]:
    """Chunks first to last (0-based, end exclusive) of these documents in reading order, and how many there are.

    Positions in a document are consecutive, so the ids of any page follow from the counts: no earlier chunk is read.
    """
    wanted: list[str] = []
    start = 0
    for document in sorted(documents, key=lambda d: ids.tail(d.document_id)):
        end = start + document.chunk_count
        wanted += [ids.chunk_id(document.document_id, n - start) for n in range(max(first, start), min(last, end))]
        start = end
    return (chunk_store.get_many(documents[0].project_id, wanted) if wanted else []), start
