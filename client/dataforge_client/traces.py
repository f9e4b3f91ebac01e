"""The origin of a pair: call, reply, chunk and document, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dataforge_client.decoding import TIME, nested, nested_list
from dataforge_client.literals import ChunkState, DocumentState, PairStatus
from dataforge_client.reviews import PairFlag


def _raw() -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class CallUsage:
    """Usage of one call to a teacher, summed over its attempts."""

    slots: int = 0
    """Number of pairs that the call requested."""
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class FurtherChunk:
    """Another chunk that a multi-hop pair needs."""

    chunk_id: str
    document_id: str
    page: int | None = None
    chunk_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """Tokens and cost are the pair's share of its call."""

    teacher: str = ""
    """The model that answered, as the provider reports it."""
    reply: str = ""
    attempt: int = 0
    """1: the first reply, 2: its correction, 3: a new call."""
    prompt_hash: str = ""
    answered_at: datetime | None = field(default=None, metadata=TIME)
    job: str | None = None
    """The provider's batch job that returned the reply; None: a realtime call."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    """None: the price is not known."""
    chunk_sha256: str | None = None
    """SHA-256 of the chunk text that the evidence offsets refer to."""
    call: CallUsage = field(default_factory=CallUsage, metadata={"decode": nested(CallUsage)})
    further: tuple[FurtherChunk, ...] = field(default=(), metadata={"decode": nested_list(FurtherChunk)})


@dataclass(frozen=True, slots=True)
class TraceEvidence:
    start: int
    end: int
    text: str
    page: int | None = None
    document_start: int | None = None
    document_end: int | None = None
    chunk_id: str | None = None
    """For a multi-hop pair: the chunk of this evidence, and its document."""
    document_id: str | None = None
    holds: bool | None = None
    """Whether the document still has this text at this place; None: not known."""


@dataclass(frozen=True, slots=True)
class TraceReply:
    key: str | None = None
    kept: bool = False
    text: str | None = None
    """The part of the reply that contains the pair."""
    finish_reason: str | None = None
    expires_at: datetime | None = field(default=None, metadata=TIME)


@dataclass(frozen=True, slots=True)
class TraceChunk:
    chunk_id: str = ""
    state: ChunkState = "unknown"
    """unchanged, edited, parsed_again, deleted or unknown."""
    content: str | None = None
    heading_path: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    page_number: int | None = None
    position: int | None = None
    start_offset: int | None = None
    end_offset: int | None = None


@dataclass(frozen=True, slots=True)
class TraceDocument:
    """The document as it was when the pair was generated. state: present, replaced or deleted (today)."""

    document_id: str = ""
    state: DocumentState = "present"
    name: str | None = None
    checksum: str | None = None
    source: str | None = None
    url: str | None = None
    parsed_at: datetime | None = field(default=None, metadata=TIME)
    text_url: str | None = None
    """Signed, short-lived URL of the parsed text."""


@dataclass(frozen=True, slots=True)
class TraceOrigin:
    """Another chunk that a multi-hop pair needs, and its document."""

    chunk: TraceChunk = field(default_factory=TraceChunk, metadata={"decode": nested(TraceChunk)})
    document: TraceDocument = field(default_factory=TraceDocument, metadata={"decode": nested(TraceDocument)})


@dataclass(frozen=True, slots=True)
class Trace:
    pair_id: str
    project_id: str
    generation_id: str
    question: str
    answer: str
    status: PairStatus
    model_id: str | None = None
    """The teacher in the request."""
    flags: tuple[PairFlag, ...] = field(default=(), metadata={"decode": nested_list(PairFlag)})
    """Why a person should look at the pair."""
    rejected_by: tuple[PairFlag, ...] = field(default=(), metadata={"decode": nested_list(PairFlag)})
    """What the checks said of a pair that they rejected."""
    created_at: datetime | None = field(default=None, metadata=TIME)
    lineage: Lineage | None = field(default=None, metadata={"decode": nested(Lineage)})
    reply: TraceReply = field(default_factory=TraceReply, metadata={"decode": nested(TraceReply)})
    chunk: TraceChunk = field(default_factory=TraceChunk, metadata={"decode": nested(TraceChunk)})
    document: TraceDocument = field(default_factory=TraceDocument, metadata={"decode": nested(TraceDocument)})
    further: tuple[TraceOrigin, ...] = field(default=(), metadata={"decode": nested_list(TraceOrigin)})
    evidence: tuple[TraceEvidence, ...] = field(default=(), metadata={"decode": nested_list(TraceEvidence)})
    notes: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    """What has expired, changed or been deleted since the pair was generated."""
    raw: Mapping[str, object] = field(default_factory=_raw, repr=False)
