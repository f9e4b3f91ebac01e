"""Where a pair comes from: bodies of its lineage and its trace (our extension of contract A)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.fields import one_of

ChunkState = Annotated[str, one_of("unchanged", "edited", "parsed_again", "deleted", "unknown")]
DocumentState = Annotated[str, one_of("present", "replaced", "deleted")]


class FurtherChunk(BaseModel):
    """Another chunk that a multi-hop pair needs."""

    chunkId: fields.ChunkId
    documentId: fields.DocumentId
    page: int | None
    """On which the evidence stands, from 1."""
    chunkSha256: fields.Sha256 | None
    """Of the chunk's text then."""


class CallUsage(BaseModel):
    """All attempts of the call together; costUsd is null when the model's price is not known."""

    slots: int
    """Pairs that the call was asked for."""
    attempts: int
    """Requests to the model, corrections included."""
    inputTokens: int
    """That the model read."""
    outputTokens: int
    """That the model wrote."""
    costUsd: float | None
    """Dollars."""


class Lineage(BaseModel):
    """Tokens and costUsd are the pair's share of its call: over all slots of a run they add up to what it spent."""

    teacher: str
    """The model that really answered."""
    reply: str
    """Name of the stored reply."""
    attempt: int
    """1: the first reply, 2: its correction, 3: a fresh try."""
    promptHash: str
    """SHA-256 of all that the teacher was given."""
    answeredAt: str
    """When the reply came, UTC."""
    job: str | None = None
    """The provider's batch job that brought the reply; null: it was asked in real time."""
    inputTokens: int
    """That the model read for this pair."""
    outputTokens: int
    """That the model wrote for this pair."""
    costUsd: float | None
    """Dollars; null: the model's price is not known."""
    chunkSha256: str | None
    """Of the chunk's text into which the evidence points."""
    call: CallUsage
    """The whole call."""
    further: list[FurtherChunk] = []
    """Of a multi-hop pair: its chunks besides `chunkId`."""


class TraceEvidence(BaseModel):
    """text == chunk[start:end] then; == document text[document_start:document_end], if `holds`."""

    start: int
    """In the chunk, in characters."""
    end: int
    """The same, exclusive."""
    text: str
    """The supporting characters."""
    page: int | None = None
    """On which they stand, from 1."""
    document_start: int | None = None
    """In the parsed text of the document, in characters."""
    document_end: int | None = None
    """The same, exclusive."""
    chunk_id: str | None = None
    """Of a multi-hop pair: which of its chunks, and the chunk's document."""
    document_id: str | None = None
    """The chunk's document."""
    holds: bool | None
    """Whether the document's parsed text has it there now; null when that cannot be told."""


class TraceReply(BaseModel):
    """The stored reply of the model."""

    key: str | None
    """Its name in the store."""
    kept: bool
    """false: it has expired."""
    text: str | None
    """The part around the pair, at most 2,000 characters; null once the reply has expired."""
    finishReason: str | None
    """Why the model stopped, such as stop or length."""
    expiresAt: str | None
    """When the reply expires, UTC."""


class TraceChunk(BaseModel):
    """The chunk that the pair was made from, as it is now."""

    chunkId: fields.ChunkId
    state: ChunkState
    """Since the pair was made; unknown for one made before lineage was kept."""
    content: str | None
    """Its text now; null: it is deleted."""
    headingPath: list[str]
    """All headings over it, the outermost first."""
    pageNumber: int | None
    """The page on which it begins, from 1."""
    position: int | None
    """Its place in the document, from 0."""
    startOffset: int | None
    """In the parsed text of the document, in characters."""
    endOffset: int | None
    """The same, exclusive."""


class TraceDocument(BaseModel):
    """The document that the pair was made from, as it is now."""

    documentId: fields.DocumentId
    state: DocumentState
    """replaced: its file is another one than then."""
    name: str | None
    """Its name."""
    checksum: str | None
    """SHA-256 of the file when the pair was made."""
    source: str | None
    """upload, url or text."""
    url: str | None
    """Of a web page: its address."""
    parsedAt: str | None
    """When it was last parsed, UTC."""
    textUrl: str | None
    """Signed, for an hour: the parsed text, UTF-8; offsets count its characters."""


class TraceOrigin(BaseModel):
    """Another chunk that a multi-hop pair needs, and its document."""

    chunk: TraceChunk
    """The chunk."""
    document: TraceDocument
    """Its document."""


class PairFlag(BaseModel):
    """What a check says of a pair."""

    check: str
    """Its name, a key of `config.checks`."""
    words: list[str] = []
    """The words of the pair that show it, as they stand there."""
    detail: str = ""
    """A sentence for a reviewer; empty where the name says it all."""


class PairFinding(PairFlag):
    """What a check says of a pair that was rejected."""

    outcome: Annotated[str, one_of("reject", "review")]
    """Whether it rejects the pair, or only doubts it."""


class Trace(BaseModel):
    """Where a pair comes from, link by link."""

    pairId: fields.PairId
    projectId: fields.ProjectId
    generationId: fields.RunId
    modelId: str | None
    """The teacher that was asked for; `lineage.teacher` is the one that answered."""
    status: fields.ReviewStatus
    """What the review said."""
    question: str
    """The first turn of the user."""
    answer: str
    """The last turn of the assistant."""
    flags: list[PairFlag]
    """Why a person should look at it."""
    rejectedBy: list[PairFinding]
    """What the checks said of a pair that they rejected."""
    createdAt: fields.Created
    lineage: Lineage | None
    """Which call made it; null for pairs of early releases."""
    reply: TraceReply
    """The stored reply."""
    chunk: TraceChunk
    """The chunk that it was made from."""
    document: TraceDocument
    """The chunk's document."""
    further: list[TraceOrigin]
    """Of a multi-hop pair: the other chunks that it needs."""
    evidence: list[TraceEvidence]
    """The characters that support the answer."""
    notes: list[str]
    """Plain sentences about what expired, changed or was deleted since."""
