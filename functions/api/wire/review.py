"""Bodies of the review: pairs, filters, bulk actions, analytics (contract A)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from functions.api.wire.limits import MAX_PAGE, MAX_PAIR_IDS, Id, JsonObject, Ratio, Revision, Text, example
from functions.api.wire.trace import Lineage

PairText = Annotated[str, Text(0, 200_000)]
Search = Annotated[str, Text(0, 500)]
Json = dict[str, Any]


class Message(BaseModel):
    role: str
    content: str


class Pair(BaseModel):
    pairId: str
    projectId: str
    chunkId: str
    documentId: str
    generationId: str
    type: str
    systemPrompt: str | None
    messages: list[Message]
    question: str
    answer: str
    qualityScore: float
    groundingScore: float
    complexityLevel: str
    questionType: str
    isDuplicate: bool
    status: str
    reviewerNotes: str | None
    evidence: list[Json]
    metadata: Json
    lineage: Lineage | None
    createdAt: str
    updatedAt: str | None
    revision: str
    """Changes with text, status, notes and metadata; send it with an edit to make sure that nobody came between."""


class PairPage(BaseModel):
    pairs: list[Pair]
    total: int
    page: int
    page_size: int


class UpdatePair(BaseModel):
    model_config = example(status="accepted", metadata={"reviewer_notes": "Checked against the manual"})

    input_text: PairText | None = None
    output_text: PairText | None = None
    status: Literal["pending", "accepted", "rejected", "edited"] | None = None
    metadata: JsonObject | None = None
    revision: Revision | None = None
    """That of the pair you read: the edit is refused (409) if the pair has another one now. As `If-Match`."""


class PairFilters(BaseModel):
    status: Literal["pending", "accepted", "rejected", "edited"] | None = None
    generation_id: Id | None = None
    search: Search | None = None
    document_id: Id | None = None
    chunk_id: Id | None = None
    min_quality_score: Annotated[float, Ratio(0, 1)] | None = None
    max_quality_score: Annotated[float, Ratio(0, 1)] | None = None
    is_duplicate: bool | None = None
    type: Literal["single_turn", "multi_turn"] | None = None
    complexity_level: Literal["easy", "medium", "hard"] | None = None


class PairQuery(PairFilters):
    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 1
    page_size: Annotated[int, Field(ge=1, le=500)] = 50


class BulkFilters(PairFilters):
    """All given filters must match; `{}` matches every pair. An unknown filter is rejected."""

    model_config = ConfigDict(extra="forbid")


class BulkRequest(BaseModel):
    model_config = example(action="accept", pair_ids=["pair_001", "pair_002", "pair_003"], filters=None)

    action: Literal["accept", "reject", "delete", "reset"]
    pair_ids: Annotated[list[Id], Field(max_length=MAX_PAIR_IDS)] | None = None
    filters: BulkFilters | None = None


class BulkResult(BaseModel):
    action: str
    affected_count: int
    message: str = "Bulk action completed"
    undo_token: str | None
    undo_expires_at: str | None


class UndoRequest(BaseModel):
    undo_token: Id


class Undone(BaseModel):
    restored_count: int
    skipped_count: int
    message: str = "Bulk action undone"


class DocumentNumbers(BaseModel):
    total: int
    parsed: int
    failed: int


class ChunkNumbers(BaseModel):
    total: int
    by_type: dict[str, int]


class PairNumbers(BaseModel):
    total: int
    accepted: int
    rejected: int
    pending: int
    avg_quality_score: float | None


class QualityRange(BaseModel):
    range: str
    count: int


class GenerationNumbers(BaseModel):
    total: int
    completed: int
    running: int
    failed: int


class Analytics(BaseModel):
    projectId: str
    projectName: str
    documents: DocumentNumbers
    chunks: ChunkNumbers
    pairs: PairNumbers
    qualityDistribution: list[QualityRange]
    generations: GenerationNumbers
    exportsCount: int
