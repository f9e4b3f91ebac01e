"""From the states of a job to steps of the bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge_client.cli.bars import Reporter, Stage, Step
from dataforge_client.models import OPEN

if TYPE_CHECKING:
    from dataforge_client.events import RunEvent
    from dataforge_client.models import Generation

_BAR: dict[str, Stage] = {"validating": "validate", "finalizing": "validate"}
_UNIT: dict[Stage, str] = {"parse": "documents", "generate": "pairs", "validate": "pairs"}


class Watch:
    """Give it to `DataForge.wait` as on_event; rate, time left and dollars are those of the job's last event.

    A job that tops up goes through its stages again: the bars count all.
    """

    def __init__(self, say: Reporter) -> None:
        self._say = say
        self._current: Step | None = None

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
        return Step(stage, done, total, _UNIT[stage], detail.rate_per_second, cost)

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


def step_of(event: RunEvent) -> Step:
    """A progress event as a step of its bar, counted like `Watch` does."""
    stage: Stage = "parse" if event.stage == "parsing" else _BAR.get(event.stage, "generate")
    c, done, total = event.counts, event.done or 0, event.total or 0
    settled = 0 if stage == "parse" or c is None or event.status not in OPEN else c.delivered + c.rejected + c.failed
    return Step(
        stage,
        settled + done,
        settled + total,
        _UNIT[stage],
        event.rate_per_second,
        None if stage == "parse" else event.cost_usd,
        finished=event.status not in OPEN,
    )
