"""Bodies of projects, documents, chunks and exports, byte for byte as the public document spells them (contract A).

The docstrings of models and fields are the descriptions in the OpenAPI document (`docstrings`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.bodies import Body
from dataforge_functions.api.wire.fields import one_of
from dataforge_functions.api.wire.limits import Flag, JsonObject, MediaType, NotBoolean, Ratio, Revision, Text, example
from dataforge_functions.api.wire.splits import ExportSplits, Shares

Name = Annotated[str, Text(1, 200)]
Description = Annotated[str, Text(0, 2000)]
Filename = Annotated[str, Text(1, 500)]
S3Key = Annotated[str, Text(1, 1024)]
Url = Annotated[str, Text(1, 2048)]
SourceText = Annotated[str, Text(1, 1_000_000)]
ChunkText = Annotated[str, Text(0, 32_000)]
FileSize = Annotated[int, Field(ge=0), NotBoolean()]
Json = dict[str, Any]


class Health(BaseModel):
    """What works and what does not."""

    status: Annotated[str, one_of("ok", "degraded")]
    """degraded: a service is down."""
    api: str
    """`ok`, since it answers."""
    database: Annotated[str, one_of("ok", "down")]
    """Whether the database answers."""
    platform: Annotated[str, one_of("aws", "embedded")]
    """Where the service runs: in an AWS account, or on one machine."""
    services: dict[str, str]
    """api, database, queue, email: `ok`, `down`, or `disabled` for what this deployment does not have."""


class CreateProject(Body):
    """A new project."""

    model_config = example(name="Customer Support FAQ", description="From the support handbook", config={})

    name: Name
    """Shown in lists; need not be unique."""
    description: Description = ""
    """A note for people."""
    source_type: Literal["documents", "urls", "raw_text"] = "documents"
    """What the documents will mostly be; any kind is accepted."""
    config: JsonObject = Field(default_factory=dict)
    """Defaults for the `config` of its runs."""


class UpdateProject(Body):
    """What to change; what is not sent stays."""

    model_config = example(name="Updated Project Name", config={"pairs_per_chunk": 2})

    name: Name | None = None
    """The new name."""
    description: Description | None = None
    """The new description."""
    config: JsonObject | None = None
    """The new defaults; they replace all earlier ones."""


class ProjectStats(BaseModel):
    """Counts of a project. accepted + rejected + pending = total: an edited pair counts as accepted."""

    total_documents: int
    """Documents, failed ones included."""
    total_chunks: int
    """Chunks, excluded ones included."""
    total_pairs: int
    """Pairs that are not deleted."""
    accepted_pairs: int
    """Accepted and edited pairs: those that an export holds."""
    rejected_pairs: int
    """Pairs that a reviewer rejected."""
    pending_pairs: int
    """Pairs that nobody has reviewed yet."""
    avg_quality_score: float | None
    """Mean of all pairs, 0 to 1; null: there are none."""


class ExportLeftOut(BaseModel):
    """How many pairs an export left out, though they were accepted; each is counted once."""

    flagged: int = 0
    """By `include_flagged: false`."""
    duplicates: int = 0
    """By `include_duplicates: false`."""
    below_min_quality: int = 0
    """By `min_quality_score`."""


class ExportVersion(BaseModel):
    """A frozen version of a project's dataset."""

    version: int
    """From 1; every export has the next number."""
    format: Annotated[str, one_of("chatml", "alpaca")]
    """What a line looks like."""
    s3Key: str
    """The file's key in the bucket."""
    pairCount: int
    """Lines in the file."""
    fileSize: int
    """In bytes."""
    includeSystemPrompt: bool
    """Whether chatml lines begin with the system prompt."""
    minQualityScore: float | None
    """Pairs below it were left out; null: none were."""
    createdAt: fields.Created
    escapedCount: int = 0
    """Pairs with control tokens of a chat template, such as `<|im_end|>`, which the file holds as `<\\|im_end|>`."""
    flaggedCount: int = 0
    """Of the lines: pairs that a check flags, and that a person accepted."""
    duplicateCount: int = 0
    """Of the lines: pairs that are too similar to an earlier one, and that a person accepted."""
    leftOut: ExportLeftOut
    """Accepted and edited pairs that are not in the file."""
    splits: ExportSplits | None = None
    """Its parts, where the request asked for some; the file itself holds all of them."""


class Export(ExportVersion):
    """A frozen version of a project's dataset, with a URL to download it."""

    downloadUrl: fields.Link
    """Presigned; no headers are needed."""
    expires_in: fields.Expires = 3600


class Project(BaseModel):
    """A container for documents, chunks, runs and pairs of one purpose."""

    projectId: fields.ProjectId
    name: str
    """Shown in lists."""
    description: str
    """A note for people."""
    status: Annotated[str, one_of("active")]
    """A deleted project is not found."""
    sourceType: Annotated[str, one_of("documents", "urls", "raw_text")]
    """What the documents mostly are."""
    userId: str
    """Who created it."""
    organizationId: str
    """Whom it belongs to."""
    s3Prefix: str
    """What the keys of its files begin with."""
    stats: ProjectStats
    """Counts of documents, chunks and pairs."""
    defaultConfig: Json
    """Defaults for the `config` of its runs."""
    currentVersion: int
    """Number of the latest export; 0: there is none."""
    versions: list[ExportVersion]
    """Its exports, the oldest first."""
    createdAt: fields.Created
    updatedAt: fields.Time
    """When name, description or defaults last changed."""


class Deleted(BaseModel):
    """The project is deleted, with everything in it."""

    message: fields.Message
    deleted: bool = True
    """Always true."""


class Told(BaseModel):
    """The document is deleted, with its chunks and its file."""

    message: fields.Message


class UploadRequest(Body):
    """The file that will be uploaded."""

    model_config = example(filename="product-manual.pdf", content_type="application/pdf", file_size=2048576)

    filename: Filename
    """Its name; what is not allowed in a key is replaced."""
    content_type: MediaType = "application/octet-stream"
    """The upload must be sent with the same Content-Type."""
    file_size: FileSize | None = None
    """In bytes; given, only exactly that many are accepted."""


class UploadUrl(BaseModel):
    """Where to PUT the file, once."""

    upload_url: fields.Link
    """Presigned: send the bytes with PUT and the announced Content-Type; no key is needed."""
    s3_key: str
    """Name it when you register the document."""
    expires_in: fields.Expires = 3600


class RegisterDocument(Body):
    """Exactly one of `s3_key` (an uploaded file; then `filename` and `file_size` too), `url` and `content`."""

    model_config = example(
        filename="product-manual.pdf",
        s3_key="data-forge/user_456/proj_abc123/sources/product-manual.pdf",
        content_type="application/pdf",
        file_size=2048576,
        metadata={},
    )

    filename: Filename | None = None
    """Shown in lists, and the format if the content does not tell it."""
    s3_key: S3Key | None = None
    """Of an uploaded file, as `upload-url` returned it."""
    url: Url | None = None
    """A public http or https address, read by the next parse."""
    content: SourceText | None = None
    """The text itself."""
    content_type: MediaType = "application/octet-stream"
    """Media type of the file or the text."""
    file_size: FileSize | None = None
    """In bytes; must be that of the uploaded file or of the text in UTF-8."""
    metadata: JsonObject = Field(default_factory=dict)
    """Anything you want to keep with the document."""


class DocumentError(BaseModel):
    """Why a document could not be parsed."""

    reason: str
    """A stable word, such as `encrypted`, `no_text` or `too_large`."""
    message: fields.Message


class Fetched(BaseModel):
    """How a URL was read."""

    finalUrl: str
    """Where redirects led."""
    contentType: str
    """As the server said."""
    fetchedAt: str
    """When it was read, UTC."""


class Document(BaseModel):
    """A file, a web page or a text that was registered in a project."""

    documentId: fields.DocumentId
    projectId: fields.ProjectId
    name: str
    """Shown in lists."""
    mimeType: str
    """Media type as it was announced."""
    fileSize: int
    """In bytes."""
    s3Key: str
    """The file's key in the bucket."""
    parsingStatus: fields.DocumentStatus
    """How far it is."""
    chunkCount: int
    """Chunks of the latest parse."""
    createdAt: fields.Created
    metadata: Json
    """As it was registered."""
    source: Annotated[str, one_of("upload", "url", "text")]
    """Where it came from."""
    url: str | None
    """Of a web page: its address as registered."""
    fetched: Fetched | None
    """Of a URL: where it led, and when it was last read."""
    checksum: fields.Sha256 | None
    """SHA-256 of the file, hex, once it was read."""
    verified: bool
    """The stored file was read, is what was announced, and can be parsed."""
    detectedType: str | None
    """What the file is by its content, such as pdf, docx, markdown, text, html or csv."""
    chunkTypes: dict[str, int]
    """Chunks by `contentType`."""
    pages: int | None
    """Of formats that have pages."""
    warnings: list[str]
    """What was left out or looked odd, in sentences."""
    error: DocumentError | None
    """Why it failed."""
    parsedAt: fields.Time | None
    """When it was last parsed."""


class ChunkWarning(BaseModel):
    """A place of a chunk that a reviewer should look at."""

    kind: Literal["injection_override", "injection_order", "injection_role_token"]
    """It tells an AI to forget its instructions, what to answer, or plays a role of a chat template."""
    start: int
    """In the chunk's text, in characters."""
    end: int
    """Of its last character, plus one."""


class Chunk(BaseModel):
    """A part of a document that fits one question."""

    chunkId: fields.ChunkId
    projectId: fields.ProjectId
    documentId: fields.DocumentId
    content: str
    """Its text."""
    heading: str | None
    """The heading directly over it."""
    headingPath: list[str]
    """All headings over it, the outermost first."""
    pageNumber: int | None
    """The page on which it begins, from 1; null: the format has no pages."""
    position: int
    """Its place in the document, from 0."""
    contentType: str
    """paragraph, heading, table, list, code or another kind of content."""
    topic: str | None
    """The outermost heading in the form of an identifier."""
    difficulty: fields.Difficulty
    """How hard the text is to read."""
    pairsGenerated: int
    """Pairs that runs have made from it."""
    excluded: bool
    """true: runs leave it out."""
    metadata: Json
    """What you added."""
    warnings: list[ChunkWarning]
    """Instructions to AI systems that the text hides; the text itself stays as it is."""
    tokenCount: int
    """Length in tokens (o200k_base)."""
    startOffset: int
    """In the parsed text of the document, in characters."""
    endOffset: int
    """The same, exclusive."""
    createdAt: fields.Created
    updatedAt: fields.Time | None
    """When it was last edited."""
    revision: str
    """Changes with text, metadata and exclusion; send it with an edit to make sure that nobody came between."""


class ChunkPage(BaseModel):
    """One page of a project's chunks."""

    chunks: list[Chunk]
    """By document, then position."""
    total: fields.Total
    page: fields.Page
    page_size: fields.PageSize


class UpdateChunk(Body):
    """What to change; what is not sent stays."""

    model_config = example(content="The corrected passage.", metadata={"checked_by": "Ada"}, excluded=False)

    content: ChunkText | None = None
    """The corrected text."""
    metadata: JsonObject | None = None
    """Merged into what is there."""
    excluded: Flag | None = None
    """true: runs leave it out."""
    revision: Revision | None = None
    """That of the chunk you read: the edit is refused (409) if the chunk has another one now. As `If-Match`."""


class ExportRequest(Body):
    """What to export; without a body: all accepted and edited pairs as chatml."""

    model_config = example(format="chatml", include_system_prompt=True, min_quality_score=0.8)

    format: Literal["chatml", "alpaca"] = "chatml"
    """What a line looks like."""
    include_system_prompt: Flag = True
    """Whether chatml lines begin with the system prompt."""
    min_quality_score: Annotated[float, Ratio(0, 1)] | None = None
    """Leave out pairs that score less."""
    include_flagged: Flag = True
    """false: leave out accepted pairs that a check flags."""
    include_duplicates: Flag = True
    """false: leave out accepted pairs that are too similar to an earlier one."""
    split: Shares | None = None
    """Parts in percent, which add up to 100, each in a file of its own: {"train": 90, "validation": 10}. No document or
    passage, and no two pairs that are nearly alike, stand on both sides."""
