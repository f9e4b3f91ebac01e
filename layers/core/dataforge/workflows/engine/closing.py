"""What the last state of a run does alike for every kind that asks teachers."""

from __future__ import annotations

from typing import cast

from dataforge.platform.ports import Item
from dataforge.store import run_status
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files
from dataforge.workflows.engine.provider_batch import polling


def begin_closing(run: Run, error: str | None) -> Run:
    """The run with an outcome for each slot: what no assessment reached is failed, jobs under way are cancelled."""
    run = run_status.advance(run, run.status, "finalizing")
    if error:
        polling.cancel_jobs(run)
    reason = "cancelled" if run.cancel_requested and error is None else "run_failed"
    values = lifecycle.unassessed_as_failed(run, reason)
    return run_status.change(run, values) if values else run


def finish(run: Run, error: str | None, values: Item, *, nothing_delivered: str, nothing_asked: str) -> Run:
    """completed, cancelled, or failed: with an error, or when no record was delivered.

    nothing_delivered: what to say of a run without any record; nothing_asked: of one whose plan had no slots."""
    if error is None and run.delivered == 0 and not run.cancel_requested:
        error = why_nothing(run, nothing_delivered, nothing_asked)
    status = "failed" if error else "cancelled" if run.cancel_requested else "completed"
    return lifecycle.finish(run, status, error=error, values={**values, **lifecycle.usage(run)})


def stop_reason(run: Run) -> str | None:
    """The budget that kept slots from being asked; None: none did."""
    failed = cast("dict[str, int]", run.reasons.get("failed") or {})
    return next((reason for reason in lifecycle.STOPPED if any(r.endswith(reason) for r in failed)), None)


def why_nothing(run: Run, nothing_delivered: str, nothing_asked: str) -> str:
    """The most frequent reason why slots brought no record, with the detail of one of them."""
    rejected = cast("dict[str, int]", run.reasons.get("rejected") or {})
    failed = cast("dict[str, int]", run.reasons.get("failed") or {})
    counts = {**failed, **rejected}
    if not counts:
        return nothing_asked
    reason, number = max(counts.items(), key=lambda kv: kv[1])
    lines = run_files.read_lines(run, "failed.jsonl")
    detail = next((str(line["detail"]) for line in lines if line["reason"] == reason), "")
    what = f"{nothing_delivered}: {reason} ({number} of {run.asked} slots)"
    return what + (f": {detail}" if detail else "")
