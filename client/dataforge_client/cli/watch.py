"""From the states of a job to steps of the bars."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dataforge_client.cli.bars import Reporter, Stage, Step

if TYPE_CHECKING:
    from dataforge_client.models import Generation

_BAR: dict[str, Stage] = {"validating": "validate", "finalizing": "validate"}
MEASURE = 3.0
"""Seconds to watch before our own rate is better than the server's."""
_UNIT: dict[Stage, str] = {"parse": "documents", "generate": "pairs", "validate": "pairs"}


class Watch:
    """Give it to `DataForge.wait` as on_event. A job that tops up goes through its stages again: the bars count all."""

    def __init__(self, say: Reporter, clock: Callable[[], float] = time.monotonic) -> None:
        self._say, self._clock = say, clock
        self._current: Step | None = None
        self._began: tuple[Stage, float, float] | None = None

    def __call__(self, job: Generation) -> None:
        if job.status == "completed":
            self._finish(job)
            return
        if job.closed:
            return
        stage: Stage = "parse" if job.kind == "parse" else _BAR.get(job.stage or job.status, "generate")
        if stage == "validate" and self._current is not None and self._current.stage == "generate":
            self._done("generate", self._current.total, job.cost_usd)
        self._current = self._step(job, stage)
        self._say.step(self._current)

    def _step(self, job: Generation, stage: Stage) -> Step:
        detail, cost = job.progress_detail, _cost(stage, job)
        if detail is None:
            return Step(stage, job.progress, 100, "percent", None, cost)
        settled = 0 if stage == "parse" else job.counts.delivered + job.counts.rejected + job.counts.failed
        done, total = settled + detail.done, max(settled + detail.total, job.counts.asked)
        rate = self._rate(stage, done) or detail.rate_per_second
        return Step(stage, done, total, _UNIT[stage], rate, cost)

    def _rate(self, stage: Stage, done: float) -> float | None:
        """Measured here once there is something to measure: a resumed job's own mean counts the pause as well."""
        now = self._clock()
        if self._began is None or self._began[0] != stage:
            self._began = (stage, now, done)
        elapsed, moved = now - self._began[1], done - self._began[2]
        return moved / elapsed if elapsed >= MEASURE and moved > 0 else None

    def _finish(self, job: Generation) -> None:
        if job.kind == "parse":
            done = [job.results.get(k) for k in ("documents_processed", "documents_failed")]
            self._done("parse", sum(n for n in done if isinstance(n, int)), None)
            return
        self._done("generate", job.counts.asked, job.cost_usd)
        self._done("validate", job.counts.delivered + job.counts.rejected, job.cost_usd)

    def _done(self, stage: Stage, total: float, cost: float | None) -> None:
        unit = self._current.unit if self._current and self._current.stage == stage else _UNIT[stage]
        self._say.step(Step(stage, total, total, unit, cost=cost if stage != "parse" else None, finished=True))


def _cost(stage: Stage, job: Generation) -> float | None:
    return None if stage == "parse" else job.cost_usd
