"""Bodies of the synthetic API, as its public documents spell them (contract B).

Every single limit stands here; what one value demands of another is `recipes.synthetic.checking`. Unknown keys are
refused: a misspelt option would otherwise be paid for and not be there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from dataforge.recipes.synthetic.spec import SCHEMAS
from functions.api.wire.limits import Text

Json = dict[str, Any]
MAX_COUNT = 100_000
Word = Annotated[str, Text(1, 100)]
Sentence = Annotated[str, Text(1, 2000)]
Percentage = Annotated[float, Field(ge=0, le=100)]
Tokens = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Whole = Annotated[int, Field(strict=True)]


def _filled(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("limit", "must not be blank")
    return value.strip()


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class ModelName(Strict):
    provider: Word
    model: Annotated[str, Text(1, 200)]


class Models(Strict):
    generator: ModelName
    critic: ModelName | None = None


class Constraints(Strict):
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    tone: Annotated[str, Text(1, 200)] | None = None
    difficulty: Annotated[str, Text(1, 200)] | None = None
    min_tokens: Tokens | None = None
    max_tokens: Annotated[int, Field(strict=True, ge=50, le=4000)] | None = None


class Category(Strict):
    percentage: Percentage
    description: Annotated[str, Text(0, 2000)] | None = None


class Dimension(Strict):
    name: Word
    values: Annotated[list[Annotated[str, Text(1, 200)]], Field(min_length=1, max_length=20)]


class Coverage(Strict):
    dimensions: Annotated[list[Dimension], Field(min_length=1, max_length=5)]
    mode: Literal["all_combinations", "each_value"]
    min_per_cell: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)] | None = None


class Invariant(Strict):
    rule: Annotated[str, Text(10, 500)]
    enforcement: Literal["strict", "soft"] = "strict"


class CustomTechnique(Strict):
    name: Word
    description: Annotated[str, Text(1, 1000)]


class HardNegatives(Strict):
    enabled: StrictBool
    percentage: Annotated[float, Field(ge=1, le=100)] = 20
    techniques: Annotated[list[Word | CustomTechnique], Field(min_length=1, max_length=50)] | None = None


class ResponseConstraints(Strict):
    min_tokens: Tokens | None = None
    max_tokens: Tokens | None = None


class MetadataField(Strict):
    name: Word
    type: Literal["auto_increment", "from_category", "uuid", "constant", "llm_assessed"]
    prefix: Annotated[str, Text(0, 50)] | None = None
    value: StrictBool | Whole | float | Annotated[str, Text(0, 1000)] | None = None


SplitName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$")]
"""It becomes a file's name."""


class Advanced(Strict):
    categories: Annotated[dict[Word, Category], Field(min_length=1, max_length=100)] | None = None
    coverage: Coverage | None = None
    invariants: Annotated[list[Invariant], Field(min_length=1, max_length=10)] | None = None
    response_policy: Annotated[dict[Word, Annotated[str, Text(1, 4000)]], Field(max_length=30)] | None = None
    style_rules: Annotated[list[Annotated[str, Text(1, 1000)]], Field(max_length=50)] | None = None
    hard_negatives: HardNegatives | None = None
    response_constraints: ResponseConstraints | None = None
    output_split: (
        Annotated[dict[SplitName, Annotated[int, Field(strict=True, ge=1, le=100)]], Field(min_length=2, max_length=5)]
        | None
    ) = None
    metadata_fields: Annotated[list[MetadataField], Field(min_length=1, max_length=20)] | None = None


class Drive(Strict):
    name: Word
    description: Annotated[str, Text(0, 1000)] | None = None


class DrivePair(Strict):
    """Either the long form (axis_name, drives) or the short one (a, b)."""

    axis_name: Word | None = None
    description: Annotated[str, Text(0, 1000)] | None = None
    drives: Annotated[list[Drive], Field(min_length=2, max_length=2)] | None = None
    a: Word | None = None
    b: Word | None = None

    @model_validator(mode="after")
    def _one_form(self) -> DrivePair:
        short, long = (self.a, self.b), (self.axis_name, self.drives)
        if all(short) and self.drives is None:
            return self
        if all(long) and not any(short):
            return self
        raise PydanticCustomError("limit", "needs axis_name and exactly two drives, or a and b")


class ConflictConfig(Strict):
    drive_pairs: Annotated[list[DrivePair], Field(min_length=1, max_length=20)]
    axis_distribution: Annotated[dict[Word, Percentage], Field(max_length=20)] | None = None
    resolution_mode: Literal["annotated", "graded", "none"] = "annotated"
    override_vocabulary: Annotated[list[Annotated[str, Text(1, 200)]], Field(max_length=50)] | None = None


class SyntheticRequest(Strict):
    model_config = ConfigDict(
        extra="forbid",
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
        json_schema_extra={
            "examples": [
                {
                    "schema": "instruction_v1",
                    "domain": "customer support for a SaaS product",
                    "count": 50,
                    "model": "balanced",
                }
            ]
        },
    )

    schema_: Annotated[Literal[*SCHEMAS], Field(alias="schema")]  # type: ignore[valid-type]  # not a static tuple
    domain: Annotated[Sentence, AfterValidator(_filled)]
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)]
    model: Literal["fast", "balanced", "diverse", "deep", "economy", "standard", "premium"] | None = None
    models: Models | None = None
    system_prompt: Annotated[str, Text(0, 4000)] | None = None
    verified: StrictBool = False
    constraints: Constraints | None = None
    advanced: Advanced | None = None
    conflict_config: ConflictConfig | None = None
    license: Annotated[str, Text(1, 200)] | None = None
    max_cost_usd: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    """Stop before the accepted records cost more than this; what was made stays."""
    mode: Literal["realtime", "batch"] | None = None
    """batch: the models are asked by their providers' batch jobs where they have any, within a day each; the price of
    the records stays."""
    concurrency: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    """Calls to the models in flight at most, for a small server; never more than DATAFORGE_CONCURRENCY."""
    estimate: StrictBool = False
    dry_run: StrictBool = False
    """Either of the two: answer what it would cost, make nothing."""

    def plain(self) -> Json:
        """The request as JSON, without what was not given."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"estimate", "dry_run"})


class Named(BaseModel):
    model_config = ConfigDict(protected_namespaces=(), validate_by_name=True, validate_by_alias=True)

    schema_: Annotated[str, Field(alias="schema")]
    domain: str
    count: int
    model: str
    estimated_cost_usd: float


class SyntheticStarted(Named):
    """A job that was started, or (status `estimated`, no job_id) what it would cost."""

    job_id: str | None
    status: Literal["queued", "estimated"]
    created_at: str | None
    generator: str
    """The teacher that really writes."""
    price_per_1000_usd: float
    most_generated: int
    """Records that may be tried for it, top-ups included."""


class Summary(BaseModel):
    pass_rate: float | None
    diversity_score: float | None
    mean_judge_score: float | None
    rejection_breakdown: dict[str, int]


class JobModels(BaseModel):
    generator: str
    critic: str | None = None
    judge: str | None = None


class SyntheticJob(Named):
    job_id: str
    status: str
    created_at: str
    count_requested: int
    count_generated: int
    count_accepted: int
    count_rejected: int
    count_failed: int
    progress: int
    stage: str
    quality_grade: str | None
    summary: Summary | None
    models: JobModels
    mode: Literal["realtime", "batch"]
    """How the models are asked."""
    cost_usd: float | None
    started_at: str | None
    completed_at: str | None
    expires_at: str | None
    """When its files are deleted."""
    error: str | None
    paused_reason: str | None = None
    """Why an unfinished job stands still, such as a full disk; it goes on by itself."""


class SyntheticJobPage(BaseModel):
    jobs: list[SyntheticJob]
    next_cursor: str | None


class SyntheticUrl(BaseModel):
    url: str
    expires_in: int = 3600


class SyntheticSplits(BaseModel):
    splits: dict[str, str]
    counts: dict[str, int]
    expires_in: int = 3600


class Balance(BaseModel):
    plan: str
    currency: str = "USD"
    balance_usd: float | None
    reserved_usd: float | None
    available_usd: float | None
    quota_records: float | None
    quota_used: float | None
    quota_reserved: float | None
    period: str | None


class LedgerEntry(BaseModel):
    entry_id: str
    kind: str
    amount_usd: float
    records: float
    job_id: str | None
    note: str | None
    created_at: str


class LedgerPage(BaseModel):
    entries: list[LedgerEntry]
    next_cursor: str | None


class TierPrices(BaseModel):
    tier: str
    alias: str | None
    provider: str
    model: str
    subscription: bool
    """May be paid from a subscription's quota."""
    prices: dict[str, float | None]
    """By schema; null: not offered on this tier."""


class ModelPrices(BaseModel):
    provider: str
    model: str
    prices: dict[str, float]


class Pricing(BaseModel):
    currency: str
    unit: str
    as_of: str
    tiers: list[TierPrices]
    models: list[ModelPrices]
    """Further models, named explicitly."""
    other_models: dict[str, float]
    addons: dict[str, float]
    verified_quota_factor: float
    free_records_per_month: int
