"""What a job tells whoever follows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dataforge_client.models import Counts
from dataforge_client.reading import many, one


def _raw() -> Mapping[str, object]:
    return {}


@dataclass(frozen=True, slots=True)
class RunEvent:
    """type `progress`: the numbers are set; `log`: `level` and `message`."""

    id: str
    type: str
    timestamp: str
    stage: str
    status: str | None = None
    """Of the job; of a log line only on its last."""
    level: str | None = None
    message: str | None = None
    done: int | None = None
    """Of `total` slots (documents, when parsing) of this round."""
    total: int | None = None
    failed: int | None = None
    rate_per_second: float | None = None
    eta_seconds: float | None = None
    cost_usd: float | None = None
    """Dollars so far; None: the price is not known."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    counts: Counts | None = field(default=None, metadata={"build": one(Counts)})
    raw: Mapping[str, object] = field(default_factory=_raw, repr=False)


@dataclass(frozen=True, slots=True)
class Events:
    """cursor: what to ask `after` next. closed: the job has ended and said all."""

    generation_id: str
    cursor: str
    closed: bool
    events: tuple[RunEvent, ...] = field(default=(), metadata={"build": many(RunEvent)})
