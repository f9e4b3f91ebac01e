"""The states and events of a job as progress updates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataforge_client.cli.progress import ProgressUpdate, Reporter, Stage
from dataforge_client.models import OPEN

if TYPE_CHECKING:
    from dataforge_client.events import RunEvent
    from dataforge_client.models import Generation

_STAGE: dict[str, Stage] = {"validating": "validate", "finalizing": "validate"}
_UNIT: dict[Stage, str] = {"parse": "documents", "generate": "pairs", "validate": "pairs"}


class PauseNotes:
    """Says once that a job stands still and why, and that it goes on. Called with each state's reason."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter, self._paused = reporter, False

    def __call__(self, reason: str | None) -> None:
        if reason is not None and not self._paused:
            self._reporter.note(f"Paused: {reason}. It goes on by itself; Ctrl-C keeps what is done")
        if reason is None and self._paused:
            self._reporter.note("Goes on")
        self._paused = reason is not None


class JobProgress:
    """An `on_event` callback for `DataForge.wait` that reports progress.

    Rate, time left and cost are those of the job's latest state. A job may go through its stages several times, for
    further rounds of slots; the numbers then count all rounds.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._pauses = PauseNotes(reporter)
        self._current: ProgressUpdate | None = None

    def __call__(self, job: Generation) -> None:
        self._pauses(job.paused_reason)
        if job.status == "completed":
            self._finish_job(job)
            return
        if job.closed:
            return
        stage: Stage = "parse" if job.kind == "parse" else _STAGE.get(job.stage or job.status, "generate")
        if stage == "validate" and self._current is not None and self._current.stage == "generate":
            self._finish_stage("generate", self._current.total, job.cost_usd)
        self._current = _update_of_job(job, stage)
        self._reporter.update(self._current)

    def _finish_job(self, job: Generation) -> None:
        if job.kind == "parse":
            counts = [job.results.get(k) for k in ("documents_processed", "documents_failed")]
            self._finish_stage("parse", sum(n for n in counts if isinstance(n, int)), None)
            return
        self._finish_stage("generate", job.counts.asked, job.cost_usd)
        self._finish_stage("validate", job.counts.delivered + job.counts.rejected, job.cost_usd)

    def _finish_stage(self, stage: Stage, total: float, cost: float | None) -> None:
        unit = self._current.unit if self._current and self._current.stage == stage else _UNIT[stage]
        shown_cost = None if stage == "parse" else cost
        self._reporter.update(ProgressUpdate(stage, total, total, unit, cost=shown_cost, finished=True))


def _update_of_job(job: Generation, stage: Stage) -> ProgressUpdate:
    detail, cost = job.progress_detail, None if stage == "parse" else job.cost_usd
    if detail is None:
        return ProgressUpdate(stage, job.progress, 100, "percent", cost=cost)
    earlier_rounds = 0 if stage == "parse" else job.counts.delivered + job.counts.rejected + job.counts.failed
    return ProgressUpdate(
        stage,
        done=earlier_rounds + detail.done,
        total=max(earlier_rounds + detail.total, job.counts.asked),
        unit=_UNIT[stage],
        rate=detail.rate_per_second,
        cost=cost,
    )


def update_of_event(event: RunEvent) -> ProgressUpdate:
    """A progress event as a progress update; counts as `JobProgress` does."""
    stage: Stage = "parse" if event.stage == "parsing" else _STAGE.get(event.stage, "generate")
    counts, running = event.counts, event.status in OPEN
    count_rounds = stage != "parse" and counts is not None and running
    earlier_rounds = counts.delivered + counts.rejected + counts.failed if counts and count_rounds else 0
    return ProgressUpdate(
        stage,
        done=earlier_rounds + (event.done or 0),
        total=earlier_rounds + (event.total or 0),
        unit=_UNIT[stage],
        rate=event.rate_per_second,
        cost=None if stage == "parse" else event.cost_usd,
        finished=not running,
    )
