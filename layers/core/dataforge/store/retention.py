"""How long rows that only serve a run are kept; it reads no table."""

from __future__ import annotations

from dataforge import clock, settings


def expiry() -> int:
    """For the attribute `expires_at` of a row that is written now: seconds since 1970."""
    return clock.epoch() + settings.get().retention_days * 86_400
