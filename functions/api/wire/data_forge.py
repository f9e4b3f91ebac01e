"""Bodies of the Data Forge API, byte for byte as its public document spells them (contract A)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from dataforge.recipes import RECIPES
from functions.api.wire.limits import Ids, JsonObject, MediaType, OneOf, Ratio, Revision, Text, example

Name = Annotated[str, Text(1, 200)]
Description = Annotated[str, Text(0, 2000)]
Filename = Annotated[str, Text(1, 500)]
S3Key = Annotated[str, Text(1, 1024)]
Url = Annotated[str, Text(1, 2048)]
SourceText = Annotated[str, Text(1, 1_000_000)]
ChunkText = Annotated[str, Text(0, 32_000)]
Json = dict[str, Any]


class Health(BaseModel):
    status: str
    api: str
    database: str
    platform: str
    services: dict[str, str]
    """api, database, queue, email: `ok`, `down`, or `disabled` for what this deployment does not have."""


class CreateProject(BaseModel):
    model_config = example(name="Customer Support FAQ", description="From the support handbook", config={})

    name: Name
    description: Description = ""
    source_type: Literal["documents", "urls", "raw_text"] = "documents"
    config: JsonObject = Field(default_factory=dict)


class UpdateProject(BaseModel):
    model_config = example(name="Updated Project Name", config={"pairs_per_chunk": 2})

    name: Name | None = None
    description: Description | None = None
    config: JsonObject | None = None


class ProjectStats(BaseModel):
    total_documents: int
    total_chunks: int
    total_pairs: int
    accepted_pairs: int
    rejected_pairs: int
    pending_pairs: int
    avg_quality_score: float | None


class ExportVersion(BaseModel):
    version: int
    format: str
    s3Key: str
    pairCount: int
    fileSize: int
    includeSystemPrompt: bool
    minQualityScore: float | None
    createdAt: str


class Export(ExportVersion):
    downloadUrl: str
    expires_in: int = 3600


class Project(BaseModel):
    projectId: str
    name: str
    description: str
    status: str
    sourceType: str
    userId: str
    organizationId: str
    s3Prefix: str
    stats: ProjectStats
    defaultConfig: Json
    currentVersion: int
    versions: list[ExportVersion]
    createdAt: str
    updatedAt: str


class Deleted(BaseModel):
    message: str
    deleted: bool = True


class Told(BaseModel):
    message: str


class UploadRequest(BaseModel):
    model_config = example(filename="product-manual.pdf", content_type="application/pdf", file_size=2048576)

    filename: Filename
    content_type: MediaType = "application/octet-stream"
    file_size: Annotated[int, Field(ge=0)] | None = None


class UploadUrl(BaseModel):
    upload_url: str
    s3_key: str
    expires_in: int = 3600


class RegisterDocument(BaseModel):
    """Exactly one of `s3_key` (an uploaded file; then `filename` and `file_size` too), `url` and `content`."""

    model_config = example(
        filename="product-manual.pdf",
        s3_key="data-forge/user_456/proj_abc123/sources/product-manual.pdf",
        content_type="application/pdf",
        file_size=2048576,
        metadata={},
    )

    filename: Filename | None = None
    s3_key: S3Key | None = None
    url: Url | None = None
    content: SourceText | None = None
    content_type: MediaType = "application/octet-stream"
    file_size: Annotated[int, Field(ge=0)] | None = None
    metadata: JsonObject = Field(default_factory=dict)


class DocumentError(BaseModel):
    reason: str
    message: str


class Fetched(BaseModel):
    finalUrl: str
    contentType: str
    fetchedAt: str


class Document(BaseModel):
    documentId: str
    projectId: str
    name: str
    mimeType: str
    fileSize: int
    s3Key: str
    parsingStatus: str
    chunkCount: int
    createdAt: str
    metadata: Json
    source: str
    """upload, url or text."""
    url: str | None
    fetched: Fetched | None
    """Of a URL: where it led, and when it was last read."""
    checksum: str | None
    """SHA-256 of the file, hex, once it was read."""
    verified: bool
    """The stored file was read, is what was announced, and can be parsed."""
    detectedType: str | None
    """What the file is by its content: pdf, docx, markdown, text, html or csv."""
    chunkTypes: dict[str, int]
    pages: int | None
    warnings: list[str]
    error: DocumentError | None
    parsedAt: str | None


class Chunk(BaseModel):
    chunkId: str
    projectId: str
    documentId: str
    content: str
    heading: str | None
    headingPath: list[str]
    pageNumber: int | None
    position: int
    contentType: str
    topic: str | None
    difficulty: str
    pairsGenerated: int
    excluded: bool
    metadata: Json
    tokenCount: int
    startOffset: int
    endOffset: int
    createdAt: str
    updatedAt: str | None
    revision: str
    """Changes with text, metadata and exclusion; send it with an edit to make sure that nobody came between."""


class ChunkPage(BaseModel):
    chunks: list[Chunk]
    total: int
    page: int
    page_size: int


class UpdateChunk(BaseModel):
    model_config = example(content="The corrected passage.", metadata={"checked_by": "Ada"}, excluded=False)

    content: ChunkText | None = None
    metadata: JsonObject | None = None
    excluded: bool | None = None
    revision: Revision | None = None
    """That of the chunk you read: the edit is refused (409) if the chunk has another one now. As `If-Match`."""


class ParseRequest(BaseModel):
    document_ids: Ids | None = None
    force: bool = False


class ParseStarted(BaseModel):
    generation_id: str
    generationId: str
    status: str = "pending"
    message: str = "Parse job started"


class GenerateRequest(BaseModel):
    model_config = example(
        model_id="extractive",
        generation_type="qa",
        num_pairs=500,
        temperature=0.7,
        max_tokens=4096,
        chunk_ids=None,
        config={
            "pairs_per_chunk": 3,
            "difficulty_distribution": {"easy": 0.3, "medium": 0.5, "hard": 0.2},
            "style_template": "mixed",
        },
    )

    model_id: Name
    generation_type: Annotated[str, OneOf(RECIPES)] | None = None
    num_pairs: Annotated[int, Field(ge=1, le=100_000)] | None = None
    temperature: Annotated[float, Ratio(0, 2)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=32_768)] | None = None
    system_prompt: Annotated[str, Text(0, 10_000)] | None = None
    chunk_ids: Ids | None = None
    max_cost_usd: Annotated[float, Ratio(0, 1_000_000)] | None = None
    """The run ends cleanly before it costs more; what was made stays."""
    estimate: bool = False
    """Answer what the run would take, and start nothing."""
    config: JsonObject = Field(default_factory=dict)


class Range(BaseModel):
    low: float
    high: float


class Estimate(BaseModel):
    """cost_usd is null when the model's price is not known."""

    pairs: int
    calls: Range
    input_tokens: Range
    output_tokens: Range
    cost_usd: Range | None


class Quote(BaseModel):
    """The response to `estimate: true`; no run is created."""

    projectId: str
    config: Json
    model: str
    estimate: Estimate


class GenerationStarted(BaseModel):
    generationId: str
    generation_id: str
    projectId: str
    config: Json
    status: str
    progress: int
    createdAt: str


class Counts(BaseModel):
    """asked = delivered + rejected + failed once the run has ended."""

    requested: int
    asked: int
    delivered: int
    rejected: int
    failed: int


class StageProgress(BaseModel):
    stage: str
    done: int
    total: int
    ratePerSecond: float | None = None
    etaSeconds: float | None = None
    costUsd: float | None = None
    """Of the run so far."""


class Tokens(BaseModel):
    input: int
    output: int
    cached: int = 0


class Generation(BaseModel):
    generationId: str
    projectId: str
    kind: str
    config: Json
    status: str
    stage: str
    progress: int
    progressDetail: StageProgress
    jobName: str
    results: Json
    counts: Counts
    reasons: Json
    tokens: Tokens
    costUsd: float | None
    estimate: Estimate | None
    stopReason: str | None
    pausedReason: str | None = None
    """Why an unfinished run stands still, such as a full disk; it goes on by itself."""
    cancelRequested: bool = False
    """The run stops; its status is `cancelled` as soon as the project is free."""
    report: Json | None
    error: str | None
    startedAt: str | None
    completedAt: str | None
    createdAt: str


class Cancelled(BaseModel):
    generation_id: str
    generationId: str
    status: str = "cancelled"
    message: str = "Generation cancelled"


class LogLine(BaseModel):
    timestamp: str
    level: str
    stage: str
    message: str


class Logs(BaseModel):
    generation_id: str
    logs: list[LogLine]


class RunEvent(BaseModel):
    """type progress: the numbers are set; type log: `level` and `message`. WebSockets get the same objects."""

    id: str
    type: Literal["progress", "log"]
    timestamp: str
    stage: str
    status: str | None = None
    """Of the run; of a log line only on the run's last."""
    level: str | None = None
    message: str | None = None
    done: int | None = None
    """Of `total` slots (documents, when parsing) of this round."""
    total: int | None = None
    failed: int | None = None
    rate_per_second: float | None = None
    eta_seconds: float | None = None
    cost_usd: float | None = None
    """Dollars so far; null: the price is not known."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    counts: Counts | None = None


class Events(BaseModel):
    generation_id: str
    events: list[RunEvent]
    cursor: str
    """Pass it as `after` to get what comes next."""
    closed: bool
    """The run has ended and said all."""
    retry_after: float | None = None
    """Seconds to wait before the next request, where the server does not hold requests for `wait` (on AWS, where each
    held request would occupy a function) and had no event; else null."""


class ExportRequest(BaseModel):
    model_config = example(format="chatml", include_system_prompt=True, min_quality_score=0.8)

    format: Literal["chatml", "alpaca"] = "chatml"
    include_system_prompt: bool = True
    min_quality_score: Annotated[float, Ratio(0, 1)] | None = None


class AvailableModel(BaseModel):
    id: str
    name: str
    provider: str
