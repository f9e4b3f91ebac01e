"""What every run has in common: its files, its event, its end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import cast

from dataforge import clock, metrics
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.log import redact
from dataforge.platform import current
from dataforge.platform.ports import Execution, Item, Put
from dataforge.store import progress, projects, run_log, run_status, runs, task_tokens
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from dataforge.workflows.state_input import StateInput

logger = logging.getLogger(__name__)

MACHINES = {"synthetic": "generate"}
"""Kinds of runs that another kind's state machine carries."""

RECONCILE_AFTER = 30.0
"""Seconds a run may be open before a reader of it asks whether its machine still runs."""


def run_of(e: StateInput) -> Run:
    return runs.get(e.org_id, e.run_id)


def begin(project: projects.Project, run: Run) -> None:
    """Write the run, take the project, start the machine. Raises Conflict while another run holds the project."""
    release_if_finished(project)
    projects.occupy(project, run.run_id, Put("runs", to_item(run)))
    start_machine(run)


def machine_of(kind: str) -> str:
    return MACHINES.get(kind, kind)


def start_machine(run: Run) -> None:
    """Idempotent by run id, so it may be called again for a run whose start was cut off."""
    e = StateInput(run.org_id, run.run_id, run.project_id, run.kind)
    current().workflows.start(machine_of(run.kind), run.run_id, {**asdict(e)})


def release_if_finished(project: projects.Project) -> None:
    """A project whose run ended without letting go (a crash between two writes, a machine that is gone) is free."""
    if project.active_run is not None and active_run(project) is None:
        projects.vacate(project.org_id, project.project_id, project.active_run)


def active_run(project: projects.Project) -> Run | None:
    """The run that works on the project now."""
    if project.active_run is None:
        return None
    try:
        run = reconcile(runs.get(project.org_id, project.active_run))
    except NotFound:  # a deletion of the project that was cut off took it
        return None
    return run if run.status in runs.ACTIVE else None


def reconcile(run: Run, *, bury: Callable[[Run, Execution], Run] | None = None) -> Run:
    """The run as it really is: one whose machine never started is started, one whose machine is gone is failed.

    Asked of the workflows port only for a run that has been open for a while, since that costs a call.
    bury: closes a run whose machine is gone, where that takes more than to fail it.
    """
    if run.status in runs.FINISHED or clock.seconds_since(run.created_at) < RECONCILE_AFTER:
        return run
    execution = current().workflows.describe(machine_of(run.kind), run.run_id)
    if execution is None:
        start_machine(run)
        return run
    if execution.status == "RUNNING":
        return run
    run = runs.get(run.org_id, run.run_id)
    if run.status in runs.FINISHED:
        return run
    if bury is not None:
        return bury(run, execution)
    why = f"The state machine ended as {execution.status} ({execution.error or 'no error'}: {execution.cause or ''})"
    run = finish(run, "failed", error=why, values={**unassessed_as_failed(run, "run_failed"), **usage(run)})
    start_waiting_parse(run)
    return run


def start_waiting_parse(run: Run) -> None:
    """What waits for the end of any run: the parse of documents that came meanwhile (`auto_parse`)."""
    from dataforge.workflows.documents import parsing  # a parse is a run, too

    of_this_run = run.config.get("document_ids")
    parsing.start_waiting(run.org_id, run.project_id, but=of_this_run if isinstance(of_this_run, list) else ())


def usage(run: Run) -> Item:
    """Calls, tokens and dollars of every reply, as the batches noted them; those of a batch that died count too."""
    spent = progress.of_run(run.run_id)
    cost = None if spent.cost_usd is None else round(spent.cost_usd, 8)
    return {
        "teacher_calls": spent.teacher_calls,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "cached_tokens": spent.cached_tokens,
        "cost_usd": cost,
    }


def unassessed_as_failed(run: Run, reason: str) -> Item:
    """The counts after slots that no assessment reached have failed with this reason; empty when there are none."""
    missing = run.asked - run.delivered - run.rejected - run.failed
    if missing <= 0:
        return {}
    failed = cast("dict[str, int]", run.reasons.get("failed") or {})
    reasons: Item = {
        "rejected": run.reasons.get("rejected") or {},
        "failed": {**failed, reason: failed.get(reason, 0) + missing},
    }
    return {"failed": run.failed + missing, "reasons": reasons}


def cancel(run: Run) -> Run:
    """Flag an unfinished run; its batches stop at their next slot. Again for a cancelled run is fine.

    Raises Conflict when the run completed or failed before; nothing once the flag is set.
    """
    if run.status == "cancelled" or run.cancel_requested:
        return run
    try:
        run = run_status.change(run, {"cancel_requested": True}, where={"status": runs.ACTIVE})
    except ConditionFailed:
        now = runs.get(run.org_id, run.run_id)
        if now.status == "cancelled":  # another cancel was first, and the run has ended since
            return now
        raise Conflict(f"Generation {run.run_id} is already {now.status}") from None
    try:
        run_log.write(run.run_id, run.stage, "Cancel requested", level="warning")
        task_tokens.wake(run.run_id)
    except Exception:  # a waiting run sees the flag at its next look
        logger.warning("run %s is cancelled, but was not woken", run.run_id, exc_info=True)
    return run


def finish(run: Run, status: str, *, error: str | None = None, values: Item | None = None) -> Run:
    """Close a run once and let the project's next run in; a run that is closed already stays as it is."""
    closing: Item = {**(values or {}), "status": status, "completed_at": clock.now()}
    if error:
        closing["error"] = redact(error)[:2000]
    try:
        run = run_status.change(run, closing, where={"status": runs.ACTIVE})
        _emit_metrics(run)
        level = "error" if status == "failed" else "info"
        run_log.write(run.run_id, "finalizing", error or f"Run {status}", level=level, status=status)
    except ConditionFailed:
        run = runs.get(run.org_id, run.run_id)
    projects.vacate(run.org_id, run.project_id, run.run_id)
    return run


def _emit_metrics(run: Run) -> None:
    """Only where the run was really closed, so each counts once."""
    values: dict[str, float] = {"Delivered": run.delivered, "Failed": run.failed}
    if run.kind != "parse":
        values |= {
            "Rejected": run.rejected,
            "TeacherCalls": run.teacher_calls,
            "InputTokens": run.input_tokens,
            "OutputTokens": run.output_tokens,
        }
        if run.cost_usd is not None:  # a model without a known price
            values["Dollars"] = run.cost_usd
    values["Seconds"] = round(max(0.0, clock.seconds_since(run.created_at)), 3)
    metrics.emit(run.kind, values, org_id=run.org_id, run_id=run.run_id, status=run.status)
