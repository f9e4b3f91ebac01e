"""Synthetic jobs and the ledger as frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dataforge_client.decoding import TIME, nested_list
from dataforge_client.literals import EntryKind, Grade, Mode, SyntheticStart, SyntheticStatus
from dataforge_client.models import Json


@dataclass(frozen=True, slots=True)
class SyntheticStarted:
    """status: queued, or estimated (then there is no job_id)."""

    status: SyntheticStart
    schema: str
    domain: str
    count: int
    model: str
    generator: str
    estimated_cost_usd: float
    price_per_1000_usd: float
    most_generated: int
    limited_to: int | None = None
    """Records that `max_cost_usd` pays for, if fewer than `count`."""
    job_id: str | None = None
    created_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SyntheticJob:
    """status: queued, running, succeeded, failed."""

    job_id: str
    status: SyntheticStatus
    schema: str
    domain: str
    count: int
    model: str = ""
    estimated_cost_usd: float = 0.0
    count_requested: int = 0
    count_generated: int = 0
    count_accepted: int = 0
    count_rejected: int = 0
    count_failed: int = 0
    progress: int = 0
    stage: str = ""
    limited_to: int | None = None
    """Records that `max_cost_usd` pays for, if fewer than `count`."""
    stop_reason: str | None = None
    """Why it ended with fewer records than `count`: budget_reached or monthly_budget_reached."""
    quality_grade: Grade | None = None
    summary: Json | None = None
    models: Json = field(default_factory=dict)
    mode: Mode = "realtime"
    cost_usd: float | None = None
    created_at: datetime | None = field(default=None, metadata=TIME)
    started_at: datetime | None = field(default=None, metadata=TIME)
    completed_at: datetime | None = field(default=None, metadata=TIME)
    expires_at: datetime | None = field(default=None, metadata=TIME)
    error: str | None = None
    paused_reason: str | None = None
    """Why an unfinished job stands still, such as a full disk; it goes on by itself."""
    raw: Json = field(default_factory=dict, repr=False)

    @property
    def closed(self) -> bool:
        return self.status in ("succeeded", "failed")


@dataclass(frozen=True, slots=True)
class SyntheticJobPage:
    jobs: tuple[SyntheticJob, ...] = field(default=(), metadata={"decode": nested_list(SyntheticJob)})
    next_cursor: str | None = None
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SyntheticUrl:
    url: str
    expires_in: int = 3600
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class SyntheticSplits:
    """splits: name -> signed URL. counts: name -> number of records."""

    splits: Json = field(default_factory=dict)
    counts: Json = field(default_factory=dict)
    expires_in: int = 3600
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    entry_id: str
    kind: EntryKind
    amount_usd: float
    records: float = 0.0
    job_id: str | None = None
    note: str | None = None
    created_at: datetime | None = field(default=None, metadata=TIME)
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class LedgerPage:
    entries: tuple[LedgerEntry, ...] = field(default=(), metadata={"decode": nested_list(LedgerEntry)})
    next_cursor: str | None = None
    raw: Json = field(default_factory=dict, repr=False)
