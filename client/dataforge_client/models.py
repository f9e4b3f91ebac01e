"""What the API answers, as frozen records. Names are Python's; unknown fields are kept in `raw`, never an error.

Times are ISO 8601 strings in UTC, sizes bytes, scores 0-1, money US dollars.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from dataforge_client.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json: TypeAlias = Mapping[str, object]
T = TypeVar("T", bound="DataclassInstance")
Item = TypeVar("Item")

OPEN = frozenset({"pending", "parsing", "generating", "validating"})
"""Generation states that still move."""


def read(kind: type[T], wire: object) -> T:
    """`{"projectId": ...}` or `{"project_id": ...}` -> a record. Raises UnexpectedAnswer when a needed field lacks."""
    if not isinstance(wire, Mapping):
        raise UnexpectedAnswer(f"Expected a {kind.__name__}, got {type(wire).__name__}")
    values: dict[str, object] = {}
    for f, names in _plan(kind):
        name = next((n for n in names if n in wire), None)
        if f.name == "raw":
            values["raw"] = dict(wire)
        elif name is not None and (wire[name] is not None or not _has_default(f)):
            build = f.metadata.get("build")
            values[f.name] = build(wire[name]) if build else wire[name]
    try:
        return kind(**values)
    except TypeError as problem:
        raise UnexpectedAnswer(f"The server's {kind.__name__} is incomplete: {problem}") from None


def read_list(kind: type[T], wire: object) -> list[T]:
    if not isinstance(wire, list):
        raise UnexpectedAnswer(f"Expected a list of {kind.__name__}, got {type(wire).__name__}")
    return [read(kind, entry) for entry in wire]


@cache
def _plan(kind: type[DataclassInstance]) -> list[tuple[Field[object], tuple[str, str]]]:
    return [(f, (_camel(f.name), f.name)) for f in fields(kind)]


def _has_default(f: Field[object]) -> bool:
    return f.default is not MISSING or f.default_factory is not MISSING


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _one(kind: type[T]) -> Callable[[object], T]:
    return lambda wire: read(kind, wire)


def _many(kind: type[T]) -> Callable[[object], tuple[T, ...]]:
    return lambda wire: tuple(read_list(kind, wire))


def _text(value: object) -> str:
    """An error that is an object is shown by its message."""
    return str(value.get("message") or value) if isinstance(value, Mapping) else str(value)


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
    format: str
    pair_count: int
    file_size: int
    s3_key: str = ""
    download_url: str | None = None
    """Signed and short-lived; `get_export` gives a fresh one."""
    include_system_prompt: bool = True
    min_quality_score: float | None = None
    created_at: str | None = None
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Project:
    project_id: str
    name: str
    description: str | None = None
    status: str = "active"
    source_type: str = "documents"
    user_id: str = ""
    organization_id: str = ""
    s3_prefix: str = ""
    stats: ProjectStats = field(default_factory=ProjectStats, metadata={"build": _one(ProjectStats)})
    default_config: Json = field(default_factory=_raw)
    current_version: int = 0
    versions: tuple[Export, ...] = field(default=(), metadata={"build": _many(Export)})
    created_at: str = ""
    updated_at: str = ""
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class UploadTarget:
    upload_url: str
    s3_key: str


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
    parsing_status: str = "pending"
    """pending, parsing, parsed or failed; deleting once its deletion has begun."""
    chunk_count: int = 0
    source: str = "upload"
    """upload, url or text."""
    url: str | None = None
    checksum: str | None = None
    """SHA-256 of the file, hex, once the server read it."""
    verified: bool = False
    detected_type: str | None = None
    chunk_types: Json = field(default_factory=_raw)
    error: DocumentError | None = field(default=None, metadata={"build": _one(DocumentError)})
    warnings: tuple[str, ...] = field(default=(), metadata={"build": tuple})
    metadata: Json = field(default_factory=_raw)
    created_at: str = ""
    parsed_at: str | None = None
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Chunk:
    chunk_id: str
    project_id: str
    document_id: str
    content: str
    heading: str | None = None
    page_number: int | None = None
    position: int = 0
    content_type: str = "paragraph"
    topic: str | None = None
    difficulty: str | None = None
    pairs_generated: int = 0
    excluded: bool = False
    token_count: int | None = None
    metadata: Json = field(default_factory=_raw)
    created_at: str = ""
    updated_at: str | None = None
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Started:
    """A job that was accepted (parse) or stopped (cancel)."""

    generation_id: str
    status: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """asked == delivered + rejected + failed once the job is closed; `requested` is what the caller wanted."""

    requested: int = 0
    asked: int = 0
    delivered: int = 0
    rejected: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why slots were rejected or failed: reason -> how many."""

    rejected: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StageProgress:
    stage: str = ""
    """planning, parsing, generating, validating or finalizing."""
    done: int = 0
    total: int = 0
    rate_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    input: int = 0
    output: int = 0


@dataclass(frozen=True, slots=True)
class Bucket:
    """`range` reads "0.8-0.9": the lower end is in, the upper is not (except 1.0)."""

    range: str
    count: int


@dataclass(frozen=True, slots=True)
class Report:
    """What quality control found; everything it said is in `raw`."""

    histogram: tuple[Bucket, ...] = ()
    """Best bucket first."""
    avg_quality_score: float | None = None
    question_types: Mapping[str, int] = field(default_factory=dict)
    difficulty: Mapping[str, int] = field(default_factory=dict)
    raw: Json = field(default_factory=_raw, repr=False)


def _report(wire: object) -> Report:
    """The histogram comes as `{range: count}` or as a list of buckets, the mean alone or under `quality`."""
    if not isinstance(wire, Mapping):
        raise UnexpectedAnswer(f"Expected a report, got {type(wire).__name__}")
    held = wire.get("quality_histogram") or wire.get("histogram") or []
    buckets = [{"range": r, "count": n} for r, n in held.items()] if isinstance(held, Mapping) else held
    quality = wire.get("quality")
    report = read(Report, {k: v for k, v in wire.items() if k != "histogram"})
    return replace(
        report, histogram=tuple(read_list(Bucket, buckets)), raw=dict(wire),
        avg_quality_score=quality.get("mean") if isinstance(quality, Mapping) else report.avg_quality_score,
    )


@dataclass(frozen=True, slots=True)
class Generation:
    generation_id: str
    project_id: str
    status: str
    kind: str = "generate"
    """parse or generate."""
    stage: str | None = None
    progress: float = 0
    """0-100."""
    config: Mapping[str, object] = field(default_factory=dict)
    job_name: str = ""
    results: Mapping[str, object] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts, metadata={"build": _one(Counts)})
    reasons: Reasons = field(default_factory=Reasons, metadata={"build": _one(Reasons)})
    progress_detail: StageProgress | None = field(default=None, metadata={"build": _one(StageProgress)})
    cost_usd: float | None = None
    """None: the teacher's price is not known."""
    tokens: Tokens = field(default_factory=Tokens, metadata={"build": _one(Tokens)})
    report: Report | None = field(default=None, metadata={"build": _report})
    error: str | None = field(default=None, metadata={"build": _text})
    started_at: str | None = None
    completed_at: str | None = None
    created_at: str = ""
    raw: Json = field(default_factory=_raw, repr=False)

    @property
    def closed(self) -> bool:
        return self.status not in OPEN


@dataclass(frozen=True, slots=True)
class LogLine:
    timestamp: str
    level: str
    stage: str
    message: str


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Pair:
    pair_id: str
    project_id: str
    question: str
    answer: str
    status: str
    chunk_id: str = ""
    document_id: str = ""
    generation_id: str = ""
    type: str = "single_turn"
    system_prompt: str | None = None
    messages: tuple[Message, ...] = field(default=(), metadata={"build": _many(Message)})
    quality_score: float | None = None
    grounding_score: float | None = None
    complexity_level: str | None = None
    question_type: str | None = None
    is_duplicate: bool = False
    reviewer_notes: str | None = None
    metadata: Json = field(default_factory=_raw)
    created_at: str = ""
    updated_at: str | None = None
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
class BulkResult:
    action: str
    affected_count: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Analytics:
    project_id: str
    project_name: str
    documents: Mapping[str, int] = field(default_factory=dict)
    chunks: Json = field(default_factory=_raw)
    pairs: Json = field(default_factory=_raw)
    quality_distribution: tuple[Bucket, ...] = field(default=(), metadata={"build": _many(Bucket)})
    generations: Mapping[str, int] = field(default_factory=dict)
    exports_count: int = 0
    raw: Json = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """A teacher that this deployment can run."""

    id: str
    name: str
    provider: str


@dataclass(frozen=True, slots=True)
class WhoAmI:
    organization_id: str
    user_id: str
    key_id: str = ""
    scopes: tuple[str, ...] = field(default=(), metadata={"build": tuple})
