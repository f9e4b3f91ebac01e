"""Bodies of the review: pairs, filters, bulk actions, analytics (contract A)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.bodies import Body, Strict
from dataforge_functions.api.wire.fields import one_of
from dataforge_functions.api.wire.limits import (
    MAX_PAGE,
    MAX_PAIR_IDS,
    Flag,
    Id,
    JsonObject,
    Ratio,
    Revision,
    Text,
    example,
)
from dataforge_functions.api.wire.trace import Lineage, PairFinding, PairFlag

PairText = Annotated[str, Text(0, 200_000)]
Search = Annotated[str, Text(0, 500)]
Json = dict[str, Any]


class Message(BaseModel):
    """One turn of a conversation."""

    role: Annotated[str, one_of("system", "user", "assistant")]
    """Who speaks."""
    content: str
    """What is said."""


class Pair(BaseModel):
    """One training example: a question and its answer, or a longer conversation."""

    pairId: fields.PairId
    projectId: fields.ProjectId
    chunkId: fields.ChunkId
    documentId: fields.DocumentId
    generationId: fields.RunId
    type: fields.PairType
    """single_turn: one question and one answer."""
    systemPrompt: str | None
    """First in chatml lines, if the export includes it."""
    messages: list[Message]
    """All turns, as an export writes them."""
    question: str
    """The first turn of the user."""
    answer: str
    """The last turn of the assistant."""
    qualityScore: float
    """0 to 1, from all checks together."""
    groundingScore: float
    """0 to 1: how well the passage supports the answer."""
    complexityLevel: fields.Difficulty
    """How hard the question is."""
    questionType: str
    """Such as how-to, factual or comparison."""
    isDuplicate: bool
    """Too similar to an earlier pair; rejected, unless a person decides otherwise."""
    flags: list[PairFlag]
    """Why a person should look at it; a flagged pair is never accepted by itself."""
    rejectedBy: list[PairFinding]
    """What the checks said of a pair that they rejected, also after a reviewer brought it back."""
    status: fields.ReviewStatus
    """What the review said; an export holds accepted and edited pairs."""
    reviewerNotes: str | None
    """Set by `metadata.reviewer_notes` of an edit."""
    evidence: list[Json]
    """The passages that support the answer: start, end, text, page, and their offsets in the document."""
    metadata: Json
    """What the run and reviewers added."""
    lineage: Lineage | None
    """Which call of which model made it, and its share of the cost; null for pairs of early releases."""
    createdAt: fields.Created
    updatedAt: fields.Time | None
    """When it was last edited."""
    revision: str
    """Changes with text, status, notes and metadata; send it with an edit to make sure that nobody came between."""


class PairPage(BaseModel):
    """One page of the pairs that match."""

    pairs: list[Pair]
    """In the order in which they were made."""
    total: fields.Total
    page: fields.Page
    page_size: fields.PageSize


class UpdatePair(Body):
    """What to change; what is not sent stays."""

    model_config = example(status="accepted", metadata={"reviewer_notes": "Checked against the manual"})

    input_text: PairText | None = None
    """The corrected question."""
    output_text: PairText | None = None
    """The corrected answer."""
    status: Literal["pending", "accepted", "rejected", "edited"] | None = None
    """What the review says; new text alone makes it `edited`."""
    metadata: JsonObject | None = None
    """Merged into what is there; `reviewer_notes` sets the notes."""
    revision: Revision | None = None
    """That of the pair you read: the edit is refused (409) if the pair has another one now. As `If-Match`."""


class PairFilters(Body):
    """Which pairs; all that are given must match."""

    status: Literal["pending", "accepted", "rejected", "edited"] | None = None
    """What the review said."""
    generation_id: Id | None = None
    """Only pairs of this run."""
    search: Search | None = None
    """Text in any turn, whatever its case and however its accents are encoded."""
    document_id: Id | None = None
    """Only pairs of this document."""
    chunk_id: Id | None = None
    """Only pairs of this chunk."""
    min_quality_score: Annotated[float, Ratio(0, 1)] | None = None
    """Only pairs that score at least this."""
    max_quality_score: Annotated[float, Ratio(0, 1)] | None = None
    """Only pairs that score at most this."""
    is_duplicate: Flag | None = None
    """Only pairs that are, or are not, too similar to an earlier one."""
    type: Literal["single_turn", "multi_turn"] | None = None
    """Only conversations of one question, or longer ones."""
    complexity_level: Literal["easy", "medium", "hard"] | None = None
    """Only pairs of this difficulty."""
    flagged: Flag | None = None
    """Only pairs that a check flags, or that none does."""
    flag: Annotated[str, Text(1, 100)] | None = None
    """Only pairs that this check flags."""


class PairQuery(PairFilters):
    """Filters, and the page of what they find."""

    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 1
    """Which page, from 1."""
    page_size: Annotated[int, Field(ge=1, le=500)] = 50
    """Pairs per page."""


class BulkFilters(PairFilters, Strict):
    """All given filters must match; `{}` matches every pair. An unknown filter is rejected."""


class BulkRequest(Body):
    """What to do with which pairs: exactly one of `pair_ids` and `filters`."""

    model_config = example(action="accept", pair_ids=["pair_001", "pair_002", "pair_003"], filters=None)

    action: Literal["accept", "reject", "delete", "reset"]
    """reset: back to pending."""
    pair_ids: Annotated[list[Id], Field(max_length=MAX_PAIR_IDS)] | None = None
    """These pairs; unknown ids are ignored."""
    filters: BulkFilters | None = None
    """The pairs that match."""
    include_flagged: Flag = False
    """accept by `filters`: also pairs that a check flags."""
    include_rejected: Flag = False
    """accept by `filters`: also pairs that a check rejected."""
    include_duplicates: Flag = False
    """accept by `filters`: also pairs that are too similar to an earlier one."""


class BulkLeftOut(BaseModel):
    """Pairs that match the filters and were not accepted; each is counted once."""

    flagged: int
    """A check flags them: `include_flagged`."""
    rejected: int
    """A check rejected them: `include_rejected`."""
    duplicates: int
    """They repeat another pair: `include_duplicates`."""


class BulkResult(BaseModel):
    """What the action changed."""

    action: Annotated[str, one_of("accept", "reject", "delete", "reset")]
    """As it was sent."""
    affected_count: int
    """Pairs that really changed."""
    message: fields.Message = "Bulk action completed"
    undo_token: str | None
    """Takes the action back; null: nothing changed."""
    undo_expires_at: fields.Time | None
    """Until when the token is accepted."""
    left_out: BulkLeftOut
    """What an accept by filters left to a person; else zeros."""


class UndoRequest(Body):
    """Which action to take back."""

    undo_token: Id
    """As the bulk action returned it."""


class Undone(BaseModel):
    """What was restored."""

    restored_count: int
    """Pairs that have their earlier status again."""
    skipped_count: int
    """Pairs that were changed since, and stay as they are."""
    message: fields.Message = "Bulk action undone"


class DocumentNumbers(BaseModel):
    """Counts of documents."""

    total: int
    """All of them."""
    parsed: int
    """Those that have chunks."""
    failed: int
    """Those that could not be parsed."""


class ChunkNumbers(BaseModel):
    """Counts of chunks."""

    total: int
    """All of them."""
    by_type: dict[str, int]
    """By `contentType`."""


class PairNumbers(BaseModel):
    """Counts of pairs. accepted + rejected + pending = total."""

    total: int
    """All that are not deleted."""
    accepted: int
    """Accepted and edited ones."""
    rejected: int
    """Rejected by a reviewer."""
    pending: int
    """Not reviewed yet."""
    flagged: int
    """Those that a check flags, whatever their status."""
    flagged_pending: int
    """Of these: not reviewed yet."""
    by_flag: dict[str, int]
    """By check: how many it flags; a pair can have several flags."""
    avg_quality_score: float | None
    """Mean of all pairs, 0 to 1; null: there are none."""


class QualityRange(BaseModel):
    """How many pairs score in this range."""

    range: Annotated[str, one_of("0.9-1.0", "0.8-0.9", "0.7-0.8", "0.0-0.7")]
    """From (inclusive) to (exclusive, but for 1.0)."""
    count: int
    """Pairs in it."""


class GenerationNumbers(BaseModel):
    """Counts of runs, parses included."""

    total: int
    """All of them, cancelled ones included."""
    completed: int
    """Those that ended well."""
    running: int
    """Those that have not ended."""
    failed: int
    """Those that failed."""


class Analytics(BaseModel):
    """The state of a project in numbers."""

    projectId: fields.ProjectId
    projectName: str
    """The project's name."""
    documents: DocumentNumbers
    """Counts of documents."""
    chunks: ChunkNumbers
    """Counts of chunks."""
    pairs: PairNumbers
    """Counts of pairs."""
    qualityDistribution: list[QualityRange]
    """Always these four ranges, the best first."""
    generations: GenerationNumbers
    """Counts of runs."""
    exportsCount: int
    """Exports so far."""
