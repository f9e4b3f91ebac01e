"""Why an unfinished run stands still: the store takes no replies.

A batch that is refused notes it in the run's row, where it can. On one machine the row lies on the same disk as the
replies; there whoever reads a run that has been quiet tries a write of its own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from dataforge import clock
from dataforge.errors import Busy
from dataforge.platform import current
from dataforge.store import replies, run_events, runs
from dataforge.store.runs import Run

QUIET_SECONDS = 4.0
"""Without news of the run, before a write is tried."""
AGAIN_SECONDS = 2.0
"""Between two tries while they are refused."""
MOST_SECONDS = 60.0
"""Between two tries while they are taken, of a run that is quiet for long: a job at a provider takes hours."""


@dataclass(slots=True)
class _Probe:
    due: float = 0.0
    """time.monotonic() of the next one."""
    refusal: str | None = None


_probe = _Probe()


def reason(run: Run) -> str | None:
    """In words for a person; None: nothing is known to hold it up."""
    if run.status not in runs.ACTIVE:
        return None
    return run.paused or (_refusal(run) if current().name == "embedded" else None)


def _refusal(run: Run) -> str | None:
    latest = run_events.latest(run.run_id)
    quiet = clock.seconds_since(latest.timestamp if latest else run.created_at)
    if quiet < QUIET_SECONDS:
        return None
    now = time.monotonic()
    if now >= _probe.due:
        try:
            replies.probe(run.run_id)
            _probe.refusal, _probe.due = None, now + min(MOST_SECONDS, max(QUIET_SECONDS, quiet / 3))
        except Busy as refused:
            _probe.refusal, _probe.due = refused.message, now + AGAIN_SECONDS
    return _probe.refusal
