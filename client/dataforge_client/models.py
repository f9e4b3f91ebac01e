"""The API's responses as frozen dataclasses. Unknown fields are kept in `raw` and are never an error.

Times are in UTC (`raw` has the text), sizes bytes, scores 0-1, money US dollars.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from dataforge_client.base_errors import UnexpectedAnswer
from dataforge_client.decoding import TIME, decode, decode_list, error_text, nested, nested_list
from dataforge_client.literals import (
    Difficulty,
    DocumentSource,
    ExportFormat,
    GenerationKind,
    GenerationStatus,
    LogLevel,
    MemberRole,
    MessageRole,
    PairStatus,
    PairType,
    ParsingStatus,
    ProjectStatus,
    Scope,
    SourceType,
)
from dataforge_client.reviews import ExportLeftOut, PairFlag
from dataforge_client.traces import Lineage

Json: TypeAlias = Mapping[str, object]
Item = TypeVar("Item")

OPEN = frozenset({"pending", "parsing", "generating", "validating"})
"""States of a generation that is still running."""


def _raw() -> Json:
    return {}


@dataclass(frozen=True, slots=True)
class ProjectStats:
    total_documents: int = 0
    total_chunks: int = 0
    total_pairs: int = 0
    accepted_pairs: int = 0
    rejected_pairs: int = 0
    pending_pairs: int = 0
    avg_quality_score: float | None = None


@dataclass(frozen=True, slots=True)
class Export:
    version: int
    format: ExportFormat
    pair_count: int
    file_size: int
    s3_key: str = ""
    download_url: str | None = None
    """Signed and short-lived; `get_export` returns a new one."""
    include_system_prompt: bool = True
    min_quality_score: float | None = None
    created_at: datetime | None = field(default=None, metadata=TIME)
    escaped_count: int = 0
    """Pairs with control tokens of a chat template, which the file holds escaped."""
    flagged_count: int = 0
    """Pairs in the file that a check flags."""
    duplicate_count: int = 0
    """Pairs in the file that repeat an earlier one."""
    splits: dict[str, Any] | None = None
    """Its parts: `by`, `groups`, `notes`, `leaks` and `files`, by name; None: the export asked for none."""
    left_out: ExportLeftOut = field(default_factory=ExportLeftOut, metadata={"decode": nested(ExportLeftOut)})
    expires_in: int | None = None
    """Seconds that `download_url` is valid."""
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Project:
    project_id: str
    name: str
    description: str | None = None
    status: ProjectStatus = "active"
    source_type: SourceType = "documents"
    user_id: str = ""
    organization_id: str = ""
    s3_prefix: str = ""
    stats: ProjectStats = field(default_factory=ProjectStats, metadata={"decode": nested(ProjectStats)})
    default_config: Json = field(default_factory=_raw)
    current_version: int = 0
    versions: tuple[Export, ...] = field(default=(), metadata={"decode": nested_list(Export)})
    created_at: datetime | None = field(default=None, metadata=TIME)
    updated_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class UploadTarget:
    upload_url: str
    s3_key: str
    expires_in: int = 3600
    """Seconds."""


@dataclass(frozen=True, slots=True)
class DocumentError:
    """reason: encrypted, corrupted, empty, no_text, too_large, unsupported, too_complex, timed_out ..."""

    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    document_id: str
    project_id: str
    name: str
    mime_type: str = "application/octet-stream"
    file_size: int = 0
    s3_key: str = ""
    parsing_status: ParsingStatus = "pending"
    """pending, parsing, parsed or failed; `deleting` once its deletion has started."""
    chunk_count: int = 0
    chunk_types: Mapping[str, int] = field(default_factory=dict)
    source: DocumentSource = "upload"
    """upload, url or text."""
    url: str | None = None
    fetched: Json | None = None
    """Of a URL: the address after redirects, and when it was last fetched."""
    checksum: str | None = None
    """SHA-256 of the file in hex, once it is parsed."""
    verified: bool = False
    detected_type: str | None = None
    pages: int | None = None
    error: DocumentError | None = field(default=None, metadata={"decode": nested(DocumentError)})
    warnings: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    metadata: Json = field(default_factory=_raw)
    created_at: datetime | None = field(default=None, metadata=TIME)
    parsed_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Chunk:
    chunk_id: str
    project_id: str
    document_id: str
    content: str
    heading: str | None = None
    heading_path: tuple[str, ...] = field(default=(), metadata={"decode": tuple})
    """The headings above the chunk, from the document's title to `heading`."""
    page_number: int | None = None
    position: int = 0
    content_type: str = "paragraph"
    topic: str | None = None
    difficulty: Difficulty | None = None
    pairs_generated: int = 0
    excluded: bool = False
    token_count: int | None = None
    start_offset: int | None = None
    end_offset: int | None = None
    metadata: Json = field(default_factory=_raw)
    warnings: tuple[Json, ...] = field(default=(), metadata={"decode": tuple})
    """Instructions to AI systems in the text: `kind`, `start` and `end` of each."""
    created_at: datetime | None = field(default=None, metadata=TIME)
    updated_at: datetime | None = field(default=None, metadata=TIME)
    revision: str | None = None
    """Send it with an edit, to be refused if somebody changed this meanwhile."""
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """A job that was started (parse) or cancelled (cancel)."""

    generation_id: str
    status: GenerationStatus
    message: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """asked == delivered + rejected + failed once the job is closed; `requested` is the number in the request."""

    requested: int = 0
    asked: int = 0
    delivered: int = 0
    rejected: int = 0
    failed: int = 0
    flagged: int = 0
    """Of the delivered: a check doubts them."""


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why slots were rejected or failed: reason -> number of slots."""

    rejected: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageProgress:
    stage: str = ""
    """planning, parsing, generating, validating or finalizing."""
    done: int = 0
    total: int = 0
    rate_per_second: float | None = None
    eta_seconds: float | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    input: int = 0
    output: int = 0
    cached: int = 0
    """Input tokens that came from the provider's prompt cache."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`range` reads "0.8-0.9": the lower bound is included, the upper is not (except 1.0)."""

    range: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """The quality report of a job; the full report is in `raw`."""

    histogram: tuple[Bucket, ...] = ()
    """Best bucket first."""
    avg_quality_score: float | None = None
    question_types: Mapping[str, int] = field(default_factory=dict)
    difficulty: Mapping[str, int] = field(default_factory=dict)
    flagged_by_check: Mapping[str, int] = field(default_factory=dict)
    verification: Mapping[str, object] = field(default_factory=dict)
    """What a verifier said of the records, how often, and what it cost; empty: nobody was asked."""
    raw: Json = field(default_factory=_raw, repr=False)


def _report(wire: object) -> Report:
    """Decode a report; the histogram is `{range: count}` or a list of buckets, the mean is a field or in `quality`."""
    if not isinstance(wire, Mapping):
        raise UnexpectedAnswer(f"Expected a report, got {type(wire).__name__}")
    histogram = wire.get("quality_histogram") or wire.get("histogram") or []
    buckets = [{"range": r, "count": n} for r, n in histogram.items()] if isinstance(histogram, Mapping) else histogram
    quality = wire.get("quality")
    report = decode(Report, {k: v for k, v in wire.items() if k != "histogram"})
    return replace(
        report,
        histogram=tuple(decode_list(Bucket, buckets)),
        raw=dict(wire),
        avg_quality_score=quality.get("mean") if isinstance(quality, Mapping) else report.avg_quality_score,
    )


@dataclass(frozen=True, slots=True)
class Generation:
    project_id: str
    generation_id: str = ""
    """Empty in an estimate, which starts no job."""
    status: GenerationStatus = "estimated"
    kind: GenerationKind = "generate"
    """parse or generate."""
    stage: str | None = None
    progress: float = 0
    """0-100."""
    config: Mapping[str, object] = field(default_factory=dict)
    job_name: str = ""
    results: Mapping[str, object] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts, metadata={"decode": nested(Counts)})
    reasons: Reasons = field(default_factory=Reasons, metadata={"decode": nested(Reasons)})
    progress_detail: StageProgress | None = field(default=None, metadata={"decode": nested(StageProgress)})
    cost_usd: float | None = None
    """None: the price of the teacher is not known."""
    estimate: Json | None = None
    """Calls, tokens and dollars as ranges `{"low": ..., "high": ...}`, calculated before the first call."""
    stop_reason: str | None = None
    """Why it ended before all slots were tried: budget_reached or monthly_budget_reached."""
    paused_reason: str | None = None
    """Why an unfinished job stands still, such as a full disk; it goes on by itself."""
    cancel_requested: bool = False
    """The job stops; its status is `cancelled` as soon as the project is free."""
    tokens: Tokens = field(default_factory=Tokens, metadata={"decode": nested(Tokens)})
    report: Report | None = field(default=None, metadata={"decode": _report})
    error: str | None = field(default=None, metadata={"decode": error_text})
    started_at: datetime | None = field(default=None, metadata=TIME)
    completed_at: datetime | None = field(default=None, metadata=TIME)
    created_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=_raw, repr=False)

    @property
    def closed(self) -> bool:
        return self.status not in OPEN


@dataclass(frozen=True, slots=True)
class LogLine:
    timestamp: datetime = field(metadata=TIME)
    level: LogLevel
    stage: str
    message: str
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    role: MessageRole
    content: str


@dataclass(frozen=True, slots=True)
class Pair:
    pair_id: str
    project_id: str
    question: str
    answer: str
    status: PairStatus
    chunk_id: str = ""
    document_id: str = ""
    generation_id: str = ""
    type: PairType = "single_turn"
    system_prompt: str | None = None
    messages: tuple[Message, ...] = field(default=(), metadata={"decode": nested_list(Message)})
    quality_score: float | None = None
    grounding_score: float | None = None
    complexity_level: Difficulty | None = None
    question_type: str | None = None
    is_duplicate: bool = False
    flags: tuple[PairFlag, ...] = field(default=(), metadata={"decode": nested_list(PairFlag)})
    """Why a person should look at it."""
    rejected_by: tuple[PairFlag, ...] = field(default=(), metadata={"decode": nested_list(PairFlag)})
    """What the checks said of a pair that they rejected, also after a reviewer brought it back."""
    reviewer_notes: str | None = None
    evidence: tuple[Json, ...] = field(default=(), metadata={"decode": tuple})
    """The passages of the chunk that support the answer: start, end, text, and their offsets in the document."""
    lineage: Lineage | None = field(default=None, metadata={"decode": nested(Lineage)})
    metadata: Json = field(default_factory=_raw)
    created_at: datetime | None = field(default=None, metadata=TIME)
    updated_at: datetime | None = field(default=None, metadata=TIME)
    revision: str | None = None
    """Send it with an edit, to be refused if somebody changed this meanwhile."""
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list; `total` counts every page."""

    items: tuple[Item, ...]
    total: int
    page: int
    page_size: int

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Analytics:
    project_id: str
    project_name: str
    documents: Mapping[str, int] = field(default_factory=dict)
    chunks: Json = field(default_factory=_raw)
    pairs: Json = field(default_factory=_raw)
    quality_distribution: tuple[Bucket, ...] = field(default=(), metadata={"decode": nested_list(Bucket)})
    generations: Mapping[str, int] = field(default_factory=dict)
    exports_count: int = 0
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """A teacher that this server can use."""

    id: str
    name: str
    provider: str


@dataclass(frozen=True, slots=True)
class WhoAmI:
    organization_id: str
    user_id: str
    organization_name: str = ""
    role: MemberRole = "member"
    """owner or member."""
    email_verified: bool = True
    key_id: str = ""
    key_name: str = ""
    scopes: tuple[str, ...] = field(default=(), metadata={"decode": tuple})


@dataclass(frozen=True, slots=True)
class SocketTicket:
    ticket: str = field(repr=False)
    """Opens one connection: `wss://.../?ticket=...`."""
    expires_in: int
    """Seconds in which it must be used."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    name: str
    prefix: str
    """The first characters of the key."""
    scopes: tuple[Scope, ...] = field(default=(), metadata={"decode": tuple})
    user_id: str = ""
    created_at: datetime | None = field(default=None, metadata=TIME)
    last_used_at: datetime | None = field(default=None, metadata=TIME)
    key: str | None = field(default=None, repr=False)
    """The key itself; only in the response that created it."""
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    user_id: str
    name: str | None = None
    email: str | None = None
    email_verified: bool = True
    role: MemberRole = "member"
    created_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=_raw, repr=False)
