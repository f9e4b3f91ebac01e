"""How long rows that only serve a run are kept."""

from __future__ import annotations

from dataforge import clock, settings


def expiry() -> int:
    return clock.epoch() + settings.get().retention_days * 86_400
