"""From the states of a job to steps of the bars."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from dataforge_client.cli.bars import Reporter, Stage, Step

if TYPE_CHECKING:
    from dataforge_client.models import Generation

_BAR: dict[str, Stage] = {"validating": "validate", "finalizing": "validate"}
_UNIT: dict[Stage, str] = {"parse": "documents", "generate": "pairs", "validate": "pairs"}


class Watch:
    """Give it to `DataForge.wait` as on_event; it works out rates where the server does not tell them."""

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
        if self._current is not None and self._current.stage != stage:
            self._done(self._current.stage, self._current.total, job.cost_usd)
        self._current = self._step(job, stage)
        self._say.step(self._current)

    def _step(self, job: Generation, stage: Stage) -> Step:
        detail, cost = job.progress_detail, _cost(stage, job)
        if detail is None:
            return Step(stage, job.progress, 100, "percent", None, cost)
        now = self._clock()
        if self._began is None or self._began[0] != stage:
            self._began = (stage, now, detail.done)
        elapsed, done = now - self._began[1], detail.done - self._began[2]
        own = done / elapsed if elapsed > 0 and done > 0 else None
        return Step(stage, detail.done, detail.total, _UNIT[stage], detail.rate_per_second or own, cost)

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
