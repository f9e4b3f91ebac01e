"""The whole chain behind one pair: pair -> reply -> call -> chunk -> document, and what of it is no longer there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from dataforge import clock
from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.platform.ports import FileInfo, Item, Value
from dataforge.store import chunks, documents, pairs, replies, runs
from dataforge.store.chunks import StoredChunk
from dataforge.store.documents import Document
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from dataforge.store.replies import Reply
from dataforge.store.runs import Run
from dataforge.workflows.documents import parsing
from dataforge.workflows.generation import lineage as generation_lineage
from dataforge.workflows.generation.pair_drafts import content_hash

EXCERPT = 2000
"""Characters of a raw reply that a trace shows."""
MOST_TEXT_BYTES = 20 * 2**20
"""A longer document's text is not read to compare the evidence with it."""

ChunkState = Literal["unchanged", "edited", "parsed_again", "deleted", "unknown"]
DocumentState = Literal["present", "replaced", "deleted"]


@dataclass(frozen=True, slots=True)
class Said:
    """The raw reply. text: the part around the pair."""

    key: str | None
    kept: bool
    text: str | None = None
    finish_reason: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """A chunk that the pair was made from, and its document."""

    chunk_id: str
    document_id: str
    chunk_state: ChunkState
    chunk: StoredChunk | None
    document_state: DocumentState
    document: Document | None
    source: Item
    """The document as it was when the run was planned."""
    parsed: FileInfo | None
    """The parsed text into which the document offsets point."""

    @property
    def text_url(self) -> str | None:
        """Signed, for an hour."""
        return current().files.presign_get(self.parsed.key) if self.parsed else None

    def text(self) -> str | None:
        """None: not there, or too long to be compared with."""
        if self.parsed is None or self.parsed.size > MOST_TEXT_BYTES:
            return None
        return current().files.read(self.parsed.key).decode()


@dataclass(frozen=True, slots=True)
class Trace:
    """lineage: as `workflows.lineage` wrote it, empty for an old pair. evidence: the pair's, each with `holds`: whether
    the document's text still has it there (None: cannot be told)."""

    pair: Pair
    run: Run | None
    reply: Said
    lineage: Item
    origin: Origin
    further: tuple[Origin, ...]
    """The other chunks of a multi-hop pair."""
    evidence: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Plain sentences about what expired, changed or was deleted."""


def trace(project: Project, pair_id: str) -> Trace:
    """Raises NotFound for a pair that is not there."""
    pair = pairs.get(project.project_id, pair_id)
    run = _run(project, pair)
    reply = _reply(pair)
    known = pair.lineage
    origins = [_origin(project, run, pair.chunk_id, pair.document_id, known.get("chunk_sha256"))]
    origins += [
        _origin(project, run, str(f["chunk_id"]), str(f["document_id"]), f.get("chunk_sha256"))
        for f in generation_lineage.further(known)
    ]
    texts = {o.document_id: o.text() for o in origins}
    evidence = [_checked(e, texts.get(str(e.get("document_id") or pair.document_id))) for e in pair.evidence]
    return Trace(
        pair=pair,
        run=run,
        reply=reply,
        lineage=known,
        origin=origins[0],
        further=tuple(origins[1:]),
        evidence=evidence,
        notes=_notes(pair, reply, origins),
    )


def _origin(project: Project, run: Run | None, chunk_id: str, document_id: str, sha: Value) -> Origin:
    chunk, chunk_state = _chunk(project.project_id, chunk_id, sha)
    source = generation_lineage.source_of(run, document_id) if run else {}
    document, document_state = _document(project.project_id, document_id, source)
    key = parsing.text_key(project, document) if document else None
    return Origin(
        chunk_id=chunk_id,
        document_id=document_id,
        chunk_state=chunk_state,
        chunk=chunk,
        document_state=document_state,
        document=document,
        source=source,
        parsed=current().files.info(key) if key else None,
    )


def _run(project: Project, pair: Pair) -> Run | None:
    try:
        return runs.get(project.org_id, pair.run_id)
    except NotFound:
        return None


def _reply(pair: Pair) -> Said:
    key = str(pair.lineage.get("reply") or pair.metadata.get("reply") or "") or None
    found = replies.get(pair.run_id, key) if key else None
    if found is None or found.expires_at <= clock.epoch():  # a table may show it for a while after
        return Said(key, kept=False)
    return Said(key, True, excerpt(found, pair), found.finish_reason, clock.at(found.expires_at))


def excerpt(reply: Reply, pair: Pair) -> str:
    """At most EXCERPT characters, from a little before the pair's question on, if the reply still spells it so."""
    asked = json.dumps(pair.question[:60], ensure_ascii=False)[1:-1]
    at = max(0, reply.text.find(asked) - 40)
    return reply.text[at : at + EXCERPT]


def _chunk(project_id: str, chunk_id: str, known: Value) -> tuple[StoredChunk | None, ChunkState]:
    """Told apart by the hash of the text that the evidence points into."""
    try:
        chunk = chunks.get(project_id, chunk_id)
    except NotFound:
        return None, "deleted"
    if known is None:
        return chunk, "unknown"
    if content_hash(chunk.content) == known:
        return chunk, "unchanged"
    return chunk, "edited" if chunk.rewritten else "parsed_again"


def _document(project_id: str, document_id: str, source: Item) -> tuple[Document | None, DocumentState]:
    try:
        document = documents.get(project_id, document_id)
    except NotFound:
        return None, "deleted"
    if document.parsing_status == "deleting":
        return None, "deleted"
    before = source.get("checksum")
    return document, "replaced" if before is not None and document.checksum not in (None, before) else "present"


def _checked(evidence: Item, text: str | None) -> Item:
    start, end = evidence.get("document_start"), evidence.get("document_end")
    if text is None or not isinstance(start, int) or not isinstance(end, int):
        return {**evidence, "holds": None}
    return {**evidence, "holds": text[start:end] == evidence["text"]}


CHUNK_NOTES: dict[ChunkState, str] = {
    "edited": "The chunk was edited by hand since: the evidence points into its earlier text.",
    "parsed_again": "The document was parsed again since and says something else here: the evidence points into the "
    "earlier text.",
    "deleted": "The chunk was deleted since.",
    "unknown": "The pair was made before the text of its chunk was recorded: whether it changed cannot be told.",
}
DOCUMENT_NOTES: dict[DocumentState, str] = {
    "deleted": "The document was deleted since.",
    "replaced": "The file of the document is another one than when the pair was made.",
}


def _notes(pair: Pair, reply: Said, origins: Sequence[Origin]) -> list[str]:
    found = [note for o in origins for note in (DOCUMENT_NOTES.get(o.document_state), CHUNK_NOTES.get(o.chunk_state))]
    known = pair.lineage
    if not known:
        found.append("The pair was made before lineage was kept: its prompt hash and cost are not known.")
    elif any(k.get("asked_sha256") != k.get("chunk_sha256") for k in (known, *generation_lineage.further(known))):
        found.append("The chunk was changed between the call and the assessment: the teacher read another text.")
    if not reply.kept:
        found.append("The raw reply is no longer kept.")
    if pair.revision and pair.updated_at:
        found.append(f"The pair was reviewed or edited since, last on {pair.updated_at}.")
    return list(dict.fromkeys(note for note in found if note))
