"""The events of a running job: log lines and progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dataforge_client.decoding import TIME, nested, nested_list
from dataforge_client.literals import EventType, GenerationStatus, LogLevel
from dataforge_client.models import Counts


def _raw() -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class RunEvent:
    """type: `progress` sets the numbers, `log` sets `level` and `message`."""

    id: str
    type: EventType
    timestamp: datetime = field(metadata=TIME)
    stage: str
    status: GenerationStatus | None = None
    """Status of the job; for log lines only on the last one."""
    level: LogLevel | None = None
    message: str | None = None
    done: int | None = None
    """Finished slots (documents in a parse job) out of `total` in this round."""
    total: int | None = None
    failed: int | None = None
    rate_per_second: float | None = None
    eta_seconds: float | None = None
    cost_usd: float | None = None
    """US dollars so far; None: the price is not known."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    counts: Counts | None = field(default=None, metadata={"decode": nested(Counts)})
    raw: Mapping[str, object] = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Events:
    """cursor: the value for `after` in the next request. closed: the job has ended and there are no more events.
    retry_after: seconds to pause before it, where the server does not wait for events; else None."""

    generation_id: str
    cursor: str
    closed: bool
    retry_after: float | None = None
    events: tuple[RunEvent, ...] = field(default=(), metadata={"decode": nested_list(RunEvent)})
