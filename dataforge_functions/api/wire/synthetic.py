"""The request of the synthetic API, as its public documents spell it (contract B).

Every single limit stands here; what one value demands of another is `recipes.synthetic.checking`. Unknown keys are
refused: a misspelt option would otherwise be paid for and not be there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from dataforge.recipes.synthetic.spec import SCHEMAS
from dataforge_functions.api.wire.bodies import Strict
from dataforge_functions.api.wire.limits import NotBoolean, Text

Json = dict[str, Any]
MAX_COUNT = 100_000
Word = Annotated[str, Text(1, 100)]
Sentence = Annotated[str, Text(1, 2000)]
Percentage = Annotated[float, Field(ge=0, le=100), NotBoolean()]
Tokens = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Whole = Annotated[int, Field(strict=True)]


def _filled(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("limit", "must not be blank")
    return value.strip()


class ModelName(Strict):
    """A model by provider and name."""

    provider: Word
    """Such as openai, anthropic or bedrock."""
    model: Annotated[str, Text(1, 200)]
    """The provider's name for it."""


class Models(Strict):
    """The models that write and score."""

    generator: ModelName
    """Writes the records."""
    critic: ModelName | None = None
    """Scores preference and conflict records; a light model if not given."""


class Constraints(Strict):
    """What every record should be like."""

    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    """Of the records, as an ISO 639-1 code; English if not given."""
    tone: Annotated[str, Text(1, 200)] | None = None
    """Such as formal or friendly."""
    difficulty: Annotated[str, Text(1, 200)] | None = None
    """Such as easy, expert or mixed."""
    min_tokens: Tokens | None = None
    """Least length of an answer."""
    max_tokens: Annotated[int, Field(strict=True, ge=50, le=4000)] | None = None
    """Greatest length of an answer."""


class Category(Strict):
    """One category of records."""

    percentage: Percentage
    """Its share of the records."""
    description: Annotated[str, Text(0, 2000)] | None = None
    """What belongs to it, for the model."""


class Dimension(Strict):
    """One dimension that the records vary in."""

    name: Word
    """Records carry `metadata.coverage_<name>`."""
    values: Annotated[list[Annotated[str, Text(1, 200)]], Field(min_length=1, max_length=20)]
    """What it can be."""


class Coverage(Strict):
    """Dimensions whose values must all occur; excludes `categories`."""

    dimensions: Annotated[list[Dimension], Field(min_length=1, max_length=5)]
    """What the records vary in."""
    mode: Literal["all_combinations", "each_value"]
    """all_combinations: every cell of the cross product, at most 100; each_value: every value at least once."""
    min_per_cell: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)] | None = None
    """Least records for each combination."""


class Invariant(Strict):
    """A rule that every record must keep, checked by a model."""

    rule: Annotated[str, Text(10, 500)]
    """In a sentence."""
    enforcement: Literal["strict", "soft"] = "strict"
    """strict: a record that breaks it is rejected; soft: it is kept, with `metadata.invariant_soft_flags`."""


class CustomTechnique(Strict):
    """A technique of your own for hard negatives."""

    name: Word
    """Records carry it as `metadata.technique`."""
    description: Annotated[str, Text(1, 1000)]
    """What to do, for the model."""


class HardNegatives(Strict):
    """Records that are difficult on purpose."""

    enabled: StrictBool
    """false: as if the option were not given."""
    percentage: Annotated[float, Field(ge=1, le=100), NotBoolean()] = 20
    """Their share of the records."""
    techniques: Annotated[list[Word | CustomTechnique], Field(min_length=1, max_length=50)] | None = None
    """Built-in ones by name, or your own; all 14 built-in ones if not given."""


class ResponseConstraints(Strict):
    """How long answers are."""

    min_tokens: Tokens | None = None
    """At least."""
    max_tokens: Tokens | None = None
    """At most."""


class MetadataField(Strict):
    """A field that every record gets under `metadata`."""

    name: Word
    """The field's name."""
    type: Literal["auto_increment", "from_category", "uuid", "constant", "llm_assessed"]
    """How it is filled."""
    prefix: Annotated[str, Text(0, 50)] | None = None
    """With auto_increment: stands before the zero-padded number."""
    value: StrictBool | Whole | float | Annotated[str, Text(0, 1000)] | None = None
    """With constant: the value."""


SplitName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,49}$")]
"""It becomes a file's name."""


class Advanced(Strict):
    """Further options."""

    categories: Annotated[dict[Word, Category], Field(min_length=1, max_length=100)] | None = None
    """By name; the percentages add up to 100. Excludes `coverage`."""
    coverage: Coverage | None = None
    """Dimensions whose values must all occur."""
    invariants: Annotated[list[Invariant], Field(min_length=1, max_length=10)] | None = None
    """Rules that every record must keep."""
    response_policy: Annotated[dict[Word, Annotated[str, Text(1, 4000)]], Field(max_length=30)] | None = None
    """Labelled sections of policy that go into the prompt as they are."""
    style_rules: Annotated[list[Annotated[str, Text(1, 1000)]], Field(max_length=50)] | None = None
    """Rules of style that go into the prompt as they are."""
    hard_negatives: HardNegatives | None = None
    """Records that are difficult on purpose."""
    response_constraints: ResponseConstraints | None = None
    """How long answers are; wins over `constraints`."""
    output_split: (
        Annotated[dict[SplitName, Annotated[int, Field(strict=True, ge=1, le=100)]], Field(min_length=2, max_length=5)]
        | None
    ) = None
    """Named parts of the dataset in percent, which add up to exactly 100."""
    metadata_fields: Annotated[list[MetadataField], Field(min_length=1, max_length=20)] | None = None
    """Fields that every record gets."""


class Drive(Strict):
    """One of two drives that pull in different directions."""

    name: Word
    """Such as safety."""
    description: Annotated[str, Text(0, 1000)] | None = None
    """What it wants, for the model."""


class DrivePair(Strict):
    """Either the long form (axis_name, drives) or the short one (a, b)."""

    axis_name: Word | None = None
    """Name of the conflict."""
    description: Annotated[str, Text(0, 1000)] | None = None
    """What it is about, for the model."""
    drives: Annotated[list[Drive], Field(min_length=2, max_length=2)] | None = None
    """Exactly two."""
    a: Word | None = None
    """Short form: the first drive."""
    b: Word | None = None
    """Short form: the second drive."""

    @model_validator(mode="after")
    def _one_form(self) -> DrivePair:
        short, long = (self.a, self.b), (self.axis_name, self.drives)
        if all(short) and self.drives is None:
            return self
        if all(long) and not any(short):
            return self
        raise PydanticCustomError("limit", "needs axis_name and exactly two drives, or a and b")


class ConflictConfig(Strict):
    """Needed by conflict_v1, and by no other schema."""

    drive_pairs: Annotated[list[DrivePair], Field(min_length=1, max_length=20)]
    """The conflicts."""
    axis_distribution: Annotated[dict[Word, Percentage], Field(max_length=20)] | None = None
    """Percent for each axis_name, adding up to 100; even if not given."""
    resolution_mode: Literal["annotated", "graded", "none"] = "annotated"
    """annotated: records say which drive is preferred and why; graded: with scores, too; none: without `resolution`."""
    override_vocabulary: Annotated[list[Annotated[str, Text(1, 200)]], Field(max_length=50)] | None = None
    """The only values of `override_condition`."""


class SyntheticRequest(Strict):
    """The dataset to make. Unknown keys are refused: a misspelt option would be paid for and not be there."""

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
    """What a record looks like."""
    domain: Annotated[Sentence, AfterValidator(_filled)]
    """What the dataset is about, in plain words; checked for typing mistakes."""
    count: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)]
    """Records to deliver; each accepted one is charged."""
    model: Literal["fast", "balanced", "diverse", "deep", "economy", "standard", "premium"] | None = None
    """A price level; economy, standard and premium are other names of fast, balanced and deep."""
    models: Models | None = None
    """The models by name, instead of `model`."""
    system_prompt: Annotated[str, Text(0, 4000)] | None = None
    """Additional instructions; the form and safety of records stay as they are."""
    verified: StrictBool = False
    """A model judges every record; those below 6 of 10 are rejected."""
    constraints: Constraints | None = None
    """What every record should be like."""
    advanced: Advanced | None = None
    """Further options."""
    conflict_config: ConflictConfig | None = None
    """Needed by conflict_v1, and by no other schema."""
    license: Annotated[str, Text(1, 200)] | None = None
    """Stands in the manifest, such as cc-by-4.0."""
    max_cost_usd: Annotated[float, Field(gt=0, le=1_000_000), NotBoolean()] | None = None
    """At most as many records as this pays for are made; `limited_to` says how many, if fewer than `count`."""
    mode: Literal["realtime", "batch"] | None = None
    """batch: the models are asked by their providers' batch jobs where they have any, within a day each; the price of
    the records stays."""
    concurrency: Annotated[int, Field(strict=True, ge=1, le=1000)] | None = None
    """Calls to the models in flight at most, for a small server; never more than DATAFORGE_CONCURRENCY."""
    estimate: StrictBool = False
    """Answer what it would cost, make nothing."""
    dry_run: StrictBool = False
    """The same as `estimate`."""

    def plain(self) -> Json:
        """The request as JSON, without what was not given."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"estimate", "dry_run"})
