"""Where a pair comes from: bodies of its lineage and its trace (our extension of contract A)."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FurtherChunk(BaseModel):
    """Another chunk that a multi-hop pair needs."""

    chunkId: str
    documentId: str
    page: int | None
    chunkSha256: str | None


class CallUsage(BaseModel):
    """All attempts of the call together; costUsd is null when the model's price is not known."""

    slots: int
    """Pairs that the call was asked for."""
    attempts: int
    inputTokens: int
    outputTokens: int
    costUsd: float | None


class Lineage(BaseModel):
    """Tokens and costUsd are the pair's share of its call: over all slots of a run they add up to what it spent."""

    teacher: str
    """The model that really answered."""
    reply: str
    attempt: int
    """1: the first reply, 2: its correction, 3: a fresh try."""
    promptHash: str
    """SHA-256 of all that the teacher was given."""
    answeredAt: str
    job: str | None = None
    """The provider's batch job that brought the reply; null: it was asked in real time."""
    inputTokens: int
    outputTokens: int
    costUsd: float | None
    chunkSha256: str | None
    """Of the chunk's text into which the evidence points."""
    call: CallUsage
    further: list[FurtherChunk] = []
    """Of a multi-hop pair: its chunks besides `chunkId`."""


class TraceEvidence(BaseModel):
    """text == chunk[start:end] then; == document text[document_start:document_end], if `holds`."""

    start: int
    end: int
    text: str
    page: int | None = None
    document_start: int | None = None
    document_end: int | None = None
    chunk_id: str | None = None
    """Of a multi-hop pair: which of its chunks, and the chunk's document."""
    document_id: str | None = None
    holds: bool | None
    """Whether the document's parsed text has it there now; null when that cannot be told."""


class TraceReply(BaseModel):
    key: str | None
    kept: bool
    text: str | None
    """The part around the pair, at most 2,000 characters; null once the reply has expired."""
    finishReason: str | None
    expiresAt: str | None


class TraceChunk(BaseModel):
    chunkId: str
    state: str = Field(examples=["unchanged"])
    """unchanged, edited, parsed_again, deleted, or unknown for a pair made before lineage was kept."""
    content: str | None
    headingPath: list[str]
    pageNumber: int | None
    position: int | None
    startOffset: int | None
    endOffset: int | None


class TraceDocument(BaseModel):
    documentId: str
    state: str
    """present, replaced (its file is another one than then) or deleted."""
    name: str | None
    checksum: str | None
    """SHA-256 of the file when the pair was made."""
    source: str | None
    url: str | None
    parsedAt: str | None
    textUrl: str | None
    """Signed, for an hour: the parsed text, UTF-8; offsets count its characters."""


class TraceOrigin(BaseModel):
    """Another chunk that a multi-hop pair needs, and its document."""

    chunk: TraceChunk
    document: TraceDocument


class Trace(BaseModel):
    pairId: str
    projectId: str
    generationId: str
    modelId: str | None
    """The teacher that was asked for; `lineage.teacher` is the one that answered."""
    status: str
    question: str
    answer: str
    createdAt: str
    lineage: Lineage | None
    reply: TraceReply
    chunk: TraceChunk
    document: TraceDocument
    further: list[TraceOrigin]
    evidence: list[TraceEvidence]
    notes: list[str]
    """Plain sentences about what expired, changed or was deleted since."""
