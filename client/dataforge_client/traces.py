"""Where a pair comes from, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataforge_client.reading import many, one


def _raw() -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class CallUsage:
    """One call to a teacher, all its attempts together."""

    slots: int = 0
    """Pairs that it was asked for."""
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
    """The model that really answered."""
    reply: str = ""
    attempt: int = 0
    """1: the first reply, 2: its correction, 3: a fresh try."""
    prompt_hash: str = ""
    answered_at: str = ""
    job: str | None = None
    """The provider's batch job that brought the reply; None: it was asked in real time."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    """None: the price is not known."""
    chunk_sha256: str | None = None
    """Of the text into which the evidence points."""
    call: CallUsage = field(default_factory=CallUsage, metadata={"build": one(CallUsage)})
    further: tuple[FurtherChunk, ...] = field(default=(), metadata={"build": many(FurtherChunk)})


@dataclass(frozen=True, slots=True)
class TraceEvidence:
    start: int
    end: int
    text: str
    page: int | None = None
    document_start: int | None = None
    document_end: int | None = None
    chunk_id: str | None = None
    """Of a multi-hop pair: which of its chunks, and the chunk's document."""
    document_id: str | None = None
    holds: bool | None = None
    """Whether the document's text has it there now; None: cannot be told."""


@dataclass(frozen=True, slots=True)
class TraceReply:
    key: str | None = None
    kept: bool = False
    text: str | None = None
    """The part around the pair."""
    finish_reason: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class TraceChunk:
    chunk_id: str = ""
    state: str = "unknown"
    """unchanged, edited, parsed_again, deleted or unknown."""
    content: str | None = None
    heading_path: tuple[str, ...] = field(default=(), metadata={"build": tuple})
    page_number: int | None = None
    position: int | None = None
    start_offset: int | None = None
    end_offset: int | None = None


@dataclass(frozen=True, slots=True)
class TraceDocument:
    """As it was when the pair was made; `state`: present, replaced or deleted since."""

    document_id: str = ""
    state: str = "present"
    name: str | None = None
    checksum: str | None = None
    source: str | None = None
    url: str | None = None
    parsed_at: str | None = None
    text_url: str | None = None
    """The parsed text, signed and short-lived."""


@dataclass(frozen=True, slots=True)
class TraceOrigin:
    """Another chunk that a multi-hop pair needs, and its document."""

    chunk: TraceChunk = field(default_factory=TraceChunk, metadata={"build": one(TraceChunk)})
    document: TraceDocument = field(default_factory=TraceDocument, metadata={"build": one(TraceDocument)})


@dataclass(frozen=True, slots=True)
class Trace:
    pair_id: str
    project_id: str
    generation_id: str
    question: str
    answer: str
    status: str
    model_id: str | None = None
    """The teacher that was asked for."""
    created_at: str = ""
    lineage: Lineage | None = field(default=None, metadata={"build": one(Lineage)})
    reply: TraceReply = field(default_factory=TraceReply, metadata={"build": one(TraceReply)})
    chunk: TraceChunk = field(default_factory=TraceChunk, metadata={"build": one(TraceChunk)})
    document: TraceDocument = field(default_factory=TraceDocument, metadata={"build": one(TraceDocument)})
    further: tuple[TraceOrigin, ...] = field(default=(), metadata={"build": many(TraceOrigin)})
    evidence: tuple[TraceEvidence, ...] = field(default=(), metadata={"build": many(TraceEvidence)})
    notes: tuple[str, ...] = field(default=(), metadata={"build": tuple})
    """What expired, changed or was deleted since."""
    raw: Mapping[str, object] = field(default_factory=_raw, repr=False)
