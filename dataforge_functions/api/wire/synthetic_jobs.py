"""Answers of the synthetic API: jobs, their files, prices (contract B)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.fields import one_of

JobStatus = Annotated[str, one_of("queued", "running", "succeeded", "failed")]


class Named(BaseModel):
    """What was asked for."""

    model_config = ConfigDict(protected_namespaces=(), validate_by_name=True, validate_by_alias=True)

    schema_: Annotated[str, Field(alias="schema")]
    """What a record looks like."""
    domain: str
    """What the dataset is about."""
    count: int
    """Records that were asked for."""
    limited_to: int | None = None
    """Records that `max_cost_usd` pays for, if fewer than `count`: no more are made. null: all of them."""
    model: str
    """The price level or model, as it was named."""
    estimated_cost_usd: float
    """Price if all records are accepted."""


class SyntheticStarted(Named):
    """A job that was started, or (status `estimated`, no job_id) what it would cost."""

    job_id: str | None
    """Id of the job; null in an estimate."""
    status: Literal["queued", "estimated"]
    """estimated: nothing was started."""
    created_at: fields.Time | None
    """When it was created; null in an estimate."""
    generator: str
    """The teacher that really writes."""
    price_per_1000_usd: float
    """Of accepted records."""
    most_generated: int
    """Records that may be tried for it, top-ups included."""


class Summary(BaseModel):
    """The quality report in short."""

    pass_rate: float | None
    """Accepted of generated records, 0 to 1."""
    diversity_score: float | None
    """0 to 1: how different the accepted records are."""
    mean_judge_score: float | None
    """1 to 10; null: the job is not `verified`."""
    rejection_breakdown: dict[str, int]
    """Rejected records by reason."""


class JobModels(BaseModel):
    """Who really answers, by role; null: the role is not needed."""

    generator: str
    """Writes the records."""
    critic: str | None = None
    """Scores preference and conflict records."""
    judge: str | None = None
    """Judges records, and checks invariants."""


class SyntheticJob(Named):
    """A job of the synthetic API."""

    job_id: fields.JobId
    status: JobStatus
    """How far it is."""
    created_at: fields.Created
    count_requested: int
    """The same as `count`."""
    count_generated: int
    """Records that were written and assessed."""
    count_accepted: int
    """Records in the results."""
    count_rejected: int
    """Written, but not good enough."""
    count_failed: int
    """No usable record."""
    progress: int
    """0 to 100; 100 only when it has succeeded."""
    stage: str
    """What it does now: planning, generating, waiting (for batch jobs), validating or finalizing."""
    stop_reason: str | None = None
    """Why it ended with fewer records than `count`: `budget_reached` (its `max_cost_usd`) or
    `monthly_budget_reached` (the organisation's); else null."""
    quality_grade: Annotated[str, one_of("A", "B", "C", "D")] | None
    """Once it has ended."""
    summary: Summary | None
    """Once it has ended."""
    models: JobModels
    """Who really answers."""
    mode: Literal["realtime", "batch"]
    """How the models are asked."""
    cost_usd: float | None
    """What was charged; null: it has not ended."""
    started_at: fields.Time | None
    """When the work began."""
    completed_at: fields.Time | None
    """When it ended."""
    expires_at: fields.Time | None
    """When its files are deleted."""
    error: str | None
    """Why it failed."""
    paused_reason: str | None = None
    """Why an unfinished job stands still, such as a full disk; it goes on by itself."""


class SyntheticJobPage(BaseModel):
    """Jobs, newest first."""

    jobs: list[SyntheticJob]
    """The jobs of this page."""
    next_cursor: fields.NextCursor


class SyntheticUrl(BaseModel):
    """Where to download the file."""

    url: fields.Link
    """Presigned; no headers are needed."""
    expires_in: fields.Expires = 3600


class SyntheticSplits(BaseModel):
    """Where to download the named parts of the dataset."""

    splits: dict[str, str]
    """Presigned URLs by name."""
    counts: dict[str, int]
    """Records by name."""
    expires_in: fields.Expires = 3600


class TierPrices(BaseModel):
    """A price level."""

    tier: str
    """What to send as `model`."""
    alias: str | None
    """Another name for it."""
    provider: str
    """Of its model."""
    model: str
    """That writes the records, unless this deployment maps it to another one."""
    subscription: bool
    """May be paid from a subscription's quota."""
    prices: dict[str, float | None]
    """By schema; null: not offered on this tier."""


class ModelPrices(BaseModel):
    """A model that can be named explicitly."""

    provider: str
    """What to send as `models.generator.provider`."""
    model: str
    """What to send as `models.generator.model`."""
    prices: dict[str, float]
    """By schema."""


class Pricing(BaseModel):
    """The price list."""

    currency: str
    """USD."""
    unit: str
    """What the prices are for: 1,000 accepted records."""
    as_of: str
    """The day of the list."""
    tiers: list[TierPrices]
    """Price levels, the cheapest first."""
    models: list[ModelPrices]
    """Further models, named explicitly."""
    other_models: dict[str, float]
    """By schema, for every other model."""
    addons: dict[str, float]
    """What options add to the price."""
    verified_quota_factor: float
    """Records of the quota that a verified record takes."""
    free_records_per_month: int
    """Of the plan `quota` as it is delivered."""
