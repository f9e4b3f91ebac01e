"""Times on the wire: ISO 8601, UTC, `Z`, whole seconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now() -> str:
    return iso(datetime.now(UTC))


def at(epoch_seconds: int) -> str:
    return iso(datetime.fromtimestamp(epoch_seconds, UTC))


def epoch() -> int:
    """Whole seconds since 1970."""
    return int(datetime.now(UTC).timestamp())


def milliseconds() -> int:
    """Since 1970, for what is measured inside a minute."""
    return time.time_ns() // 1_000_000


def seconds_since(moment: str) -> float:
    """Seconds from an ISO time until now."""
    return datetime.now(UTC).timestamp() - datetime.fromisoformat(moment).timestamp()
