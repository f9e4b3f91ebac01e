"""What differs between one deployment and another; everything else is the same template."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    name: str
    requests_per_second: int
    """Steady rate that the API takes from all callers together; beyond it and `burst` they get 429."""
    burst: int
    log_days: int
    """How long logs are kept: 7, 14, 30, 90 or 365."""
    snap_start: bool
    """Restore the API function from a snapshot instead of starting it cold. The kept snapshot is paid per GB and
    second: about 3.90 USD a month for the 1 GB function, used or not."""
    trace: bool = True

    @property
    def prefix(self) -> str:
        """Begins every name that must be known before the resource exists."""
        return f"dataforge-{self.name}-"


STAGES = {
    stage.name: stage
    for stage in (
        Stage("dev", requests_per_second=50, burst=100, log_days=14, snap_start=False),
        Stage("prod", requests_per_second=500, burst=1000, log_days=90, snap_start=True),
    )
}
