"""Where a record comes from: the call that wrote it, what it cost, and the very text it was written from.

Costs and tokens of a call, all its attempts together, are shared out over the slots it was asked for: the shares of all
slots of a run, delivered, rejected and failed, add up to what the run spent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from dataforge.platform.ports import Item
from dataforge.records import Span
from dataforge.store import documents
from dataforge.store.chunks import StoredChunk
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.engine.outcomes import Drafted
from dataforge.workflows.generation.pair_drafts import PairDraft, content_hash

SOURCES_FILE = "sources.json"
"""Of a run: the documents of its project as they were when it was planned."""


def of_record(drafted: Drafted[PairDraft], chunks: Sequence[StoredChunk | None]) -> Item:
    """The lineage of a draft when it is assessed; empty when its batch was written before there was any.

    `chunk_sha256` is the text that the evidence points into, `asked_sha256` the one that the teacher read; `further`
    has both for every further chunk of a multi-hop record. chunks: as they are now, the slot's own first.
    """
    if drafted.lineage is None:
        return {}
    own, *further = drafted.content.sources
    now = [content_hash(c.content) if c else None for c in chunks]
    made: Item = {**drafted.lineage, "asked_sha256": own.sha256, "chunk_sha256": now[0]}
    if further:
        made["further"] = [
            {
                "chunk_id": source.chunk_id,
                "document_id": source.document_id,
                "page": source.page,
                "asked_sha256": source.sha256,
                "chunk_sha256": sha,
            }
            for source, sha in zip(further, now[1:], strict=True)
        ]
    return made


def further(lineage: Item) -> list[Item]:
    """The further chunks of a multi-hop record, out of its stored lineage."""
    return cast("list[Item]", lineage.get("further") or [])


def spans(found: Sequence[Span], chunks: Sequence[StoredChunk | None]) -> list[Item]:
    """Evidence in its chunk and, unless a person rewrote the chunk, in the parsed text of the document, whose
    characters [document_start:document_end] it is. Of several chunks, each says which one it is in."""
    return [_span(s, chunks[s.source], named=len(chunks) > 1) for s in found]


def _span(s: Span, chunk: StoredChunk | None, *, named: bool) -> Item:
    base = None if chunk is None or chunk.rewritten else chunk.start
    placed: Item = {
        "start": s.start,
        "end": s.end,
        "text": s.text,
        "document_start": None if base is None else base + s.start,
        "document_end": None if base is None else base + s.end,
    }
    if named and chunk is not None:
        placed |= {"chunk_id": chunk.chunk_id, "document_id": chunk.document_id, "page": chunk.page}
    return placed


def keep_sources(run: Run) -> None:
    """So that a trace can still name a document that was deleted, and see that one was replaced."""
    run_files.write_json(
        run,
        SOURCES_FILE,
        {
            d.document_id: {
                "name": d.name,
                "checksum": d.checksum,
                "source": d.source,
                "url": d.url,
                "parsed_at": d.parsed_at,
            }
            for d in documents.of_project(run.project_id)
        },
    )


def source_of(run: Run, document_id: str) -> Item:
    """The document as it was then; empty when the run kept no sources."""
    kept = run_files.read_json(run, SOURCES_FILE)
    found = kept.get(document_id) if isinstance(kept, dict) else None
    return found if isinstance(found, dict) else {}
