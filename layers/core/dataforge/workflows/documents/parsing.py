"""Documents into chunks: start, plan, parse one document, record what failed, close."""

from __future__ import annotations

import re
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dataforge import chunking, clock, ids, settings
from dataforge.errors import ConditionFailed, Conflict, Invalid, NotFound, Unreadable
from dataforge.parsing.isolate import parse_isolated
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import injections
from dataforge.records import Chunk, ParsedDocument
from dataforge.store import documents as document_store
from dataforge.store import progress, projects, run_events, run_log, run_status, runs
from dataforge.store.chunks import StoredChunk
from dataforge.store.documents import Document, DocumentBrief
from dataforge.store.progress import Progress
from dataforge.store.projects import Project
from dataforge.store.runs import Run
from dataforge.workflows import kinds, lifecycle, run_files, state_input
from dataforge.workflows.documents import loading
from dataforge.workflows.state_input import StateInput

_PARSABLE = ("pending", "parsing", "parsed", "failed")

_CANCELLED, _DELETED, _RUN_FAILED = "cancelled", "deleted", "run_failed"
_NOT_READ = (_CANCELLED, _DELETED, _RUN_FAILED)
"""Reasons of documents that the run never came to; the others are those of `errors.Unreadable`."""

_PARSED = Progress(done=1, total=1)

MOST_DOCUMENTS = 5000
"""In one run: its row, which names them, must fit a table."""


def start(project: Project, *, document_ids: Sequence[str] | None = None, force: bool = False) -> Run:
    """Begin a parse run over the pending and failed documents (all, or the named ones; parsed ones with `force`),
    oldest first, at most MOST_DOCUMENTS.

    Raises Invalid (NOTHING_TO_PARSE) when there is none, or naming `document_ids` when one is unknown.
    """
    there = [d for d in document_store.briefs_of_project(project.project_id) if d.parsing_status != "deleting"][::-1]
    if document_ids is not None:
        if unknown := sorted(set(document_ids) - {d.document_id for d in there}):
            raise Invalid(f"document_ids: no document {unknown[0]} in this project", field="document_ids")
        there = [d for d in there if d.document_id in set(document_ids)]
    chosen = [d for d in there if force or d.parsing_status in ("pending", "failed", "parsing")]
    if not chosen:
        raise Invalid(
            "There is nothing to parse: upload and register a document first, or pass force to parse again",
            code="NOTHING_TO_PARSE",
        )
    return _begin(project, chosen[:MOST_DOCUMENTS], left=max(0, len(chosen) - MOST_DOCUMENTS))


def start_waiting(org_id: str, project_id: str, *, but: Sequence[object] = ()) -> Run | None:
    """Begin the parse that a project with `auto_parse` promises, if a document waits for one and no run is active;
    that run's end calls this again. Never raises for what happens meanwhile.

    Waiting is a pending document whose file is verified, or which is yet to be fetched. `but`: documents that are left
    alone, because a run over them was cancelled.
    """
    try:
        project = projects.get(org_id, project_id)
        if project.config.get("auto_parse") is not True or project.status != "active":
            return None
        waiting = [
            d
            for d in document_store.briefs_of_project(project_id)
            if d.parsing_status == "pending" and (d.verified or d.source == "url") and d.document_id not in but
        ][::-1]
        return _begin(project, waiting[:MOST_DOCUMENTS]) if waiting else None
    except (Conflict, NotFound):
        return None


def _begin(project: Project, chosen: Sequence[DocumentBrief], *, left: int = 0) -> Run:
    run_id = ids.new("gen_parse")
    run = Run(
        org_id=project.org_id,
        run_id=run_id,
        project_id=project.project_id,
        user_id=project.user_id,
        kind=kinds.PARSE.name,
        config={"document_ids": [d.document_id for d in chosen]},
        files_prefix=f"{project.s3_prefix}/runs/{run_id}",
        created_at=clock.now(),
        sequence=ids.tail(run_id),
        requested=len(chosen),
        asked=len(chosen),
    )
    lifecycle.begin(project, run)
    if left:
        run_log.write(run_id, "planning", f"{left} more documents wait: parse again after this run", level="warning")
    return run


def plan(run: Run, e: StateInput) -> Item:
    """Write the array of documents that the Map reads: [{..., "batch": number, "key": document id}, ...]."""
    document_ids = [str(d) for d in _list(run.config.get("document_ids"))]
    run_status.change(
        run,
        {"status": "parsing", "stage": "parsing", "started_at": run.started_at or clock.now()},
        where={"status": runs.ACTIVE},
    )
    items = [{**e.base(), "batch": n, "key": d} for n, d in enumerate(document_ids)]
    key = run_files.write_json(run, "documents.json", items)
    run_log.write(run.run_id, "parsing", f"Parsing {len(items)} document{'s' if len(items) != 1 else ''}")
    return {**e.base(), "batches": 0 if run.cancel_requested else len(items), "batches_key": key}


def plan_recovery(run: Run, e: StateInput) -> Item:
    """Nothing is parsed any more: what was parsed counts, `close` frees the documents that were being parsed."""
    return {**e.base(), "batches": 0, "batches_key": run_files.key_of(run, "documents.json")}


def parse_document(raw: Item) -> Item:
    """Read one document; an unreadable one is marked failed, with what a person can do, and is no error."""
    e = state_input.read(raw)
    run, project = lifecycle.run_of(e), projects.get(e.org_id, e.project_id)
    if run.cancel_requested:
        return {"document": e.key, "outcome": "cancelled"}
    try:
        document = document_store.get(project.project_id, e.key)
    except NotFound:
        return {"document": e.key, "outcome": "deleted"}
    try:
        document = document_store.mark(document, {"parsing_status": "parsing"}, statuses=_PARSABLE)
        document, parsed, chunks = _read(document)
        lost = _store(project, document, parsed, chunks, run)
    except Unreadable as problem:
        _fail(run, document, problem.reason, problem.message)
        return {"document": e.key, "outcome": "failed"}
    except ConditionFailed:
        return {"document": e.key, "outcome": "deleted"}
    run_events.record_progress(run, document.document_id, _PARSED)
    pages = f"{parsed.pages} pages, " if parsed.pages else ""
    run_log.write(run.run_id, "parsing", f"Parsed {document.name}: {pages}{len(chunks)} chunks")
    if lost:
        run_log.write(
            run.run_id,
            "parsing",
            f"{document.name}: {lost} chunks that had been edited or excluded by hand were "
            "replaced by what the document says",
            level="warning",
        )
    return {"document": e.key, "outcome": "parsed"}


def _read(document: Document) -> tuple[Document, ParsedDocument, list[Chunk]]:
    limits = settings.get()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document"
        document = loading.load(document, path)
        parsed = parse_isolated(
            path,
            filename=document.name,
            content_type=document.mime_type,
            memory_mb=limits.parse_memory_mb,
            cpu_seconds=limits.parse_cpu_seconds,
            wall_seconds=limits.parse_wall_seconds,
        )
    over = time.thread_time() + limits.parse_cpu_seconds

    def watch() -> None:
        if time.thread_time() > over:
            raise Unreadable(
                f"Dividing {document.name} into chunks took longer than {limits.parse_cpu_seconds} s of processor "
                "time. Split it into smaller documents, or save it in a simpler form.",
                reason="timed_out",
            )

    chunks = chunking.chunk(parsed, max_tokens=limits.chunk_tokens, watch=watch)
    if not chunks:
        raise Unreadable("The document holds no text. If it is a scan, run OCR on it first.", reason="no_text")
    return document, parsed, chunks


def text_key(project: Project, document: Document) -> str:
    """Where the parsed text lies, into which the offsets of the chunks that hold point."""
    mark = f"-{document.parse}" if document.parse else ""
    return f"{project.s3_prefix}/parsed/{document.document_id}{mark}.txt"


def text_keys(project: Project, document: Document) -> list[str]:
    """Those of every parse whose text is still there."""
    return [f.key for f in current().files.list(f"{project.s3_prefix}/parsed/{document.document_id}")]


def _store(project: Project, document: Document, parsed: ParsedDocument, chunks: Sequence[Chunk], run: Run) -> int:
    """How many chunks with hand-made changes were replaced. The run counts the document in the same transaction."""
    now = clock.now()
    parse = document_store.begin_chunks(document)
    _write_text(project, document, parse, parsed.text)
    rows = [
        StoredChunk(
            project_id=project.project_id,
            chunk_id=ids.chunk_id(document.document_id, c.position),
            document_id=document.document_id,
            content=c.content,
            heading_path=list(c.heading_path),
            position=c.position,
            content_type=c.content_type,
            tokens=c.tokens,
            start=c.start,
            end=c.end,
            created_at=now,
            difficulty=reading_difficulty(c.content),
            page=c.page,
            warnings=warnings_of(c.content),
        )
        for c in chunks
    ]
    done: Item = {
        "parsing_status": "parsed",
        "parsed_at": now,
        "warnings": list(parsed.warnings),
        "error": None,
        "error_reason": None,
        "pages": parsed.pages,
    }
    counted = progress.write(run.run_id, document.document_id, _PARSED)
    return document_store.replace_chunks(project.org_id, document, rows, done, parse=parse, also=[counted])


MOST_WARNINGS = 20
"""Of one chunk."""


def warnings_of(text: str) -> list[Item]:
    """What a reviewer of the passage should know: instructions to AI systems in it."""
    found = injections.find(text)[:MOST_WARNINGS]
    return [{"kind": f"injection_{one.kind}", "start": one.start, "end": one.end} for one in found]


def _write_text(project: Project, document: Document, parse: int, text: str) -> None:
    """Beside the one that holds; like the rows of chunks, those of earlier parses go when the next one begins."""
    there = set(text_keys(project, document)) if parse > 1 else set()
    for earlier in (None, *range(1, parse)):
        key = text_key(project, replace(document, parse=earlier))
        if key in there and earlier != document.parse:
            current().files.delete(key)
    key = text_key(project, replace(document, parse=parse))
    current().files.write(key, text.encode(), content_type="text/plain; charset=utf-8")


def reading_difficulty(text: str) -> str:
    """easy, medium or hard by words per sentence and the share of words over 9 letters (thresholds are ours)."""
    words = re.findall(r"[^\W\d_]+", text)
    sentences = max(1, len(re.findall(r"[.!?](?:\s|$)|\n", text)))
    if not words:
        return "medium"
    load = len(words) / sentences / 20 + sum(len(w) > 9 for w in words) / len(words) * 4
    return "easy" if load < 0.9 else "medium" if load < 1.7 else "hard"


def record_failure(raw: Item) -> Item:
    """A document whose parsing state itself failed (a crash, a time-out) is failed like any other."""
    e = state_input.read(raw)
    try:
        document = document_store.get(e.project_id, e.key)
    except NotFound:
        return {"document": e.key, "outcome": "deleted"}
    reason = state_input.failure_of(raw) or "unknown error"
    message = f"Reading the document failed unexpectedly ({reason}). Parse it again; if it fails again, report it."
    _fail(lifecycle.run_of(e), document, "too_complex", message)
    return {"document": e.key, "outcome": "failed"}


def _fail(run: Run, document: Document, reason: str, message: str) -> None:
    failed = Progress(done=1, total=1, failed=1, reason=reason)
    counted = progress.write(run.run_id, document.document_id, failed)
    document_store.fail(document, {"error": message, "error_reason": reason}, [counted])
    run_events.record_progress(run, document.document_id, failed)
    run_log.write(run.run_id, "parsing", f"{document.name} failed ({reason}): {message}", level="error")


def close(run: Run, error: str | None) -> Run:
    """Count what this run made of every document and end it: failed only if nothing at all could be read.

    What a document was before the run, or what somebody made of it since, does not count.
    """
    asked = [str(d) for d in _list(run.config.get("document_ids"))]
    documents = [d for d in document_store.of_project(run.project_id) if d.document_id in set(asked)]
    for left in (d for d in documents if d.parsing_status == "parsing"):
        document_store.mark(left, {"parsing_status": "pending"}, statuses=("parsing",))
    reasons = _reasons(run, asked, documents)
    parsed = [d for d in documents if d.document_id not in reasons]
    failed = [d for d in documents if reasons.get(d.document_id) not in (None, *_NOT_READ)]
    results: Item = {
        "documents_processed": len(parsed),
        "documents_failed": len(failed),
        "chunks_created": sum(d.chunk_count for d in parsed),
    }
    values: Item = {
        "results": results,
        "delivered": len(parsed),
        "failed": len(reasons),
        "reasons": {"rejected": {}, "failed": {**Counter(reasons.values())}},
    }
    if error is None and not parsed and failed and not run.cancel_requested:
        error = f"None of the {len(failed)} documents could be read: {failed[0].name}: {failed[0].error}"
    status = "failed" if error else "cancelled" if run.cancel_requested else "completed"
    return lifecycle.finish(run, status, error=error, values=values)


def _reasons(run: Run, asked: Sequence[str], documents: Sequence[Document]) -> dict[str, str]:
    """Document id -> why this run did not parse it; those that it parsed are left out."""
    done, there = progress.parts(run.run_id), {d.document_id for d in documents if d.parsing_status != "deleting"}
    reasons: dict[str, str] = {}
    for document_id in asked:
        mine = done.get(document_id)
        if document_id not in there:
            reasons[document_id] = _DELETED
        elif mine is None:
            reasons[document_id] = _CANCELLED if run.cancel_requested else _RUN_FAILED
        elif mine.failed:
            reasons[document_id] = mine.reason or "unreadable"
    return reasons


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
