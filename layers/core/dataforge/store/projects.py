"""Projects and their documents and chunks.

| question                         | access                                                      |
|---|---|
| a project, if it is the caller's | get projects (org_id, project_id)                           |
| an organisation's projects       | query projects (org_id), newest first                       |
| a project's documents            | query documents (project_id), newest first                  |
| a project's chunks in order      | query chunks (project_id): by document, then position       |
| one document's chunks            | query chunks (project_id, begins_with chunk_<document>_)    |
| page n of the chunks             | ids follow from the documents' chunk counts; batch_get      |
| one run at a time                | conditional update of projects.active_run                   |

Counters live on the project and move in the same transaction as the thing they count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dataforge import clock, ids
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Delete, Item, Put, Update, Write
from dataforge.store.rows import from_item, to_item

DELETED = "deleted"
"""Status of a project whose rows and objects are being erased."""


@dataclass(frozen=True, slots=True)
class Project:
    org_id: str
    project_id: str
    user_id: str
    name: str
    description: str
    source_type: str
    config: Item
    s3_prefix: str
    created_at: str
    updated_at: str
    status: str = "active"
    version: int = 0
    documents: int = 0
    chunks: int = 0
    pending: int = 0
    accepted: int = 0
    edited: int = 0
    rejected: int = 0
    score_sum: int = 0
    """Quality scores of all pairs, in ten-thousandths: whole numbers add up without drift."""
    scored: int = 0
    active_run: str | None = None


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


def create(org_id: str, user_id: str, *, name: str, description: str, source_type: str, config: Item) -> Project:
    project_id, now = ids.new("proj"), clock.now()
    project = Project(
        org_id,
        project_id,
        user_id,
        name,
        description,
        source_type,
        config,
        f"data-forge/{user_id}/{project_id}",
        now,
        now,
    )
    current().tables.put_new("projects", to_item(project))
    return project


def get(org_id: str, project_id: str) -> Project:
    """Raises NotFound, also for a project of another organisation, and one that is being erased."""
    item = current().tables.get("projects", {"org_id": org_id, "project_id": project_id})
    if item is None or item.get("status") == DELETED:
        raise NotFound(f"Project {project_id} not found")
    return from_item(Project, item)


def list_of(org_id: str, *, user_id: str | None = None) -> list[Project]:
    """Newest first; only those that this user made, if one is named."""
    found = (from_item(Project, i) for i in pages("projects", {"org_id": org_id}, descending=True))
    return [p for p in found if p.status != DELETED and user_id in (None, p.user_id)]


def change(project: Project, values: Item) -> Project:
    key = {"org_id": project.org_id, "project_id": project.project_id}
    item = current().tables.update("projects", key, set={**values, "updated_at": clock.now()})
    return from_item(Project, item)


def occupy(project: Project, run_id: str, put_run: Put) -> None:
    """Write the run and make it the project's only active one, or raise Conflict."""
    key = {"org_id": project.org_id, "project_id": project.project_id}
    take = Update("projects", key, set={"active_run": run_id}, where={"active_run": ABSENT, "status": "active"})
    try:
        current().tables.transact([put_run, take])
    except ConditionFailed:
        get(project.org_id, project.project_id)
        raise Conflict(
            f"Project {project.project_id} already has a running job; wait for it or cancel it first",
            code="JOB_ALREADY_RUNNING",
        ) from None


def vacate(org_id: str, project_id: str, run_id: str) -> None:
    """Let the next run in; harmless when another run, or none, holds the project."""
    key = {"org_id": org_id, "project_id": project_id}
    try:
        current().tables.update("projects", key, remove=["active_run"], where={"active_run": run_id})
    except ConditionFailed:
        return


def next_version(project: Project) -> int:
    """Export versions count 1, 2, 3 ... whoever asks at the same time."""
    key = {"org_id": project.org_id, "project_id": project.project_id}
    item = current().tables.update("projects", key, add={"version": 1}, set={"updated_at": clock.now()})
    return int(str(item["version"]))


def mark_deleted(project: Project) -> None:
    """From now on nobody finds it."""
    key = {"org_id": project.org_id, "project_id": project.project_id}
    current().tables.update("projects", key, set={"status": DELETED})


def delete_row(project: Project) -> None:
    current().tables.delete("projects", {"org_id": project.org_id, "project_id": project.project_id})


def add_document(project: Project, document: Document, claim: Sequence[Write] = ()) -> None:
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
        get(project.org_id, project.project_id)
        raise


def documents_of(project_id: str) -> list[Document]:
    """Newest first."""
    return [from_item(Document, i) for i in pages("documents", {"project_id": project_id}, descending=True)]


def get_document(project_id: str, document_id: str) -> Document:
    item = current().tables.get("documents", {"project_id": project_id, "document_id": document_id})
    if item is None:
        raise NotFound(f"Document {document_id} not found")
    return from_item(Document, item)


def mark_document(document: Document, values: Item, *, statuses: tuple[str, ...] = ()) -> Document:
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
    before = {c.chunk_id: c for c in chunks_of(document.project_id, document.document_id)}
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
    counted = get_document(document.project_id, document.document_id).chunk_count
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
        get_document(project.project_id, document.document_id)
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
            for c in chunks_of(project.project_id, document.document_id)
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
        get_document(project.project_id, document.document_id)
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
    return (get_chunks(documents[0].project_id, wanted) if wanted else []), start


def change_chunk(chunk: StoredChunk, values: Item) -> StoredChunk:
    """The chunk afterwards. Raises NotFound when it was deleted meanwhile."""
    key = {"project_id": chunk.project_id, "chunk_id": chunk.chunk_id}
    try:
        return from_item(StoredChunk, current().tables.update("chunks", key, set=values))
    except ConditionFailed:
        raise NotFound(f"Chunk {chunk.chunk_id} not found") from None


def chunks_of(project_id: str, document_id: str | None = None) -> Iterator[StoredChunk]:
    """In reading order: by document, then position."""
    begins = ("chunk_id", f"chunk_{ids.tail(document_id)}_") if document_id else None
    for item in pages("chunks", {"project_id": project_id}, begins=begins):
        yield from_item(StoredChunk, item)


def get_chunk(project_id: str, chunk_id: str) -> StoredChunk:
    item = current().tables.get("chunks", {"project_id": project_id, "chunk_id": chunk_id})
    if item is None:
        raise NotFound(f"Chunk {chunk_id} not found")
    return from_item(StoredChunk, item)


def get_chunks(project_id: str, chunk_ids: Sequence[str]) -> list[StoredChunk]:
    """In the order asked; unknown ids are left out."""
    keys = [{"project_id": project_id, "chunk_id": c} for c in chunk_ids]
    return [from_item(StoredChunk, i) for i in current().tables.batch_get("chunks", keys)]


def count_pairs_of_chunk(project_id: str, chunk_id: str, run_id: str, pairs: int) -> None:
    """Note how many pairs a run made from a chunk; a chunk deleted meanwhile is no error."""
    try:
        current().tables.update(
            "chunks", {"project_id": project_id, "chunk_id": chunk_id}, set={f"pairs_by_run.{run_id}": pairs}
        )
    except ConditionFailed:
        return


def pages(
    table: str, hash_key: dict[str, str], *, begins: tuple[str, str] | None = None, descending: bool = False
) -> Iterator[Item]:
    """Every item of one partition, page after page."""
    cursor = None
    while True:
        page = current().tables.query_page(table, hash_key, begins=begins, cursor=cursor, descending=descending)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return
