"""The life of a run, whatever its kind: begun, reconciled with its state machine, cancelled, finished.

A run whose state machine ended before it closed the run is an orphan. It is recovered at once (`machine_broke`, which
the runner of one machine calls, and on AWS an event), or else by whoever reads it next: a second execution, named
`<run id>-recovery`, saves what was paid for, assesses it and closes the run; nothing is asked of a teacher.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import NoReturn, cast

from dataforge import clock, metrics
from dataforge.errors import Busy, ConditionFailed, Conflict, NotFound
from dataforge.log import redact
from dataforge.platform import current
from dataforge.platform.ports import Execution, Item, Put
from dataforge.store import (
    progress,
    projects,
    retention,
    run_events,
    run_log,
    run_status,
    runs,
    shared_state,
    spending,
    task_tokens,
)
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from dataforge.workflows import kinds, state_input
from dataforge.workflows.state_input import StateInput

logger = logging.getLogger(__name__)

RECONCILE_AFTER = 30.0
"""Seconds a run may be open before a reader of it asks whether its machine still runs."""
RECONCILE_EVERY = 30.0
"""Seconds between two such questions about one run, in one process: each is a call that AWS counts and limits."""
NOT_BEGUN = "pending"
"""The status of a run until its first state has planned it."""
SHORT_ABSENCE = 3600.0
"""Seconds without a server that may count towards the days that rows of a run are kept."""
MAX_REMEMBERED = 10_000
"""Runs whose last question is remembered."""

_RECOVERY = "-recovery"
_asked: OrderedDict[str, float] = OrderedDict()
"""By run id: time.monotonic() when its execution was looked up last."""


def run_of(e: StateInput) -> Run:
    return runs.get(e.org_id, e.run_id)


def begin(project: projects.Project, run: Run) -> None:
    """Write the run, take the project, start the machine.

    Raises Conflict while another run holds the project, Busy as `start_or_withdraw`.
    """
    release_if_finished(project)
    projects.occupy(project, run.run_id, Put("runs", to_item(run)))
    start_or_withdraw(run)


def start_or_withdraw(run: Run) -> None:
    """Start the machine of a run that was just written. Raises Busy when it cannot be started: then the run has ended
    as failed, its project is free and nothing is charged.

    Where not even that can be written the run stands, and whoever reads it next starts it.
    """
    try:
        start_machine(run)
    except Exception as problem:
        logger.warning("run %s cannot be started", run.run_id, exc_info=True)
        try:
            # Nothing is asked any more, should the machine have started all the same; it closes the run itself.
            withdrawn = run_status.change(run, {"cancel_requested": True}, where={"status": NOT_BEGUN})
        except ConditionFailed:  # it has started, only the answer was lost
            return
        except Exception:
            logger.exception("run %s is started by its next reader", run.run_id)
            return
        _withdraw(withdrawn, problem)


def _withdraw(run: Run, problem: Exception) -> NoReturn:
    why = f"The run could not be started and was withdrawn: {type(problem).__name__}: {problem}"
    try:
        kinds.of(run.kind).step("give_up")(run, why)
    except Exception:
        logger.exception("run %s is closed by its next reader", run.run_id)
    raise Busy(
        f"Run {run.run_id} could not be started and was withdrawn; nothing was asked or charged. Send the request again"
    ) from problem


def start_machine(run: Run) -> None:
    """Idempotent by run id, so it may be called again for a run whose start was cut off."""
    current().workflows.start(kinds.of(run.kind).machine, run.run_id, _input(run).to_item())


def release_if_finished(project: projects.Project) -> None:
    """A project whose run ended without releasing it (a crash between two writes) is free again."""
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


def reconcile(run: Run) -> Run:
    """The run as it really is: one whose machine never started is started, the recovery of an orphan is begun.

    Cheap: at most one look at the execution each RECONCILE_EVERY seconds, and no work on the run's records.
    """
    if run.status in runs.FINISHED or clock.seconds_since(run.created_at) < RECONCILE_AFTER or not _is_due(run.run_id):
        return run
    return _look_after(run)


def machine_broke(last_input: Item) -> None:
    """An execution ended without success: its run is recovered now. last_input: of its last state. Safe to repeat."""
    if last_input.get("kind") not in kinds.KINDS or not kinds.of(str(last_input["kind"])).close:
        return  # a deletion has no run; whoever reads the project goes on with it
    e = state_input.read(last_input)
    try:
        run = run_of(e)
        if kinds.of(run.kind).belongs_to == "project":
            projects.get(run.org_id, run.project_id)
    except NotFound:  # deleted, or its project is being deleted, which has stopped the execution
        return
    if run.status not in runs.FINISHED:
        _look_after(run)


def _look_after(run: Run) -> Run:
    machine = kinds.of(run.kind).machine
    execution = current().workflows.describe(machine, run.run_id)
    if execution is None:
        start_machine(run)
        return run
    if execution.status == "RUNNING":
        return run
    run = runs.get(run.org_id, run.run_id)
    return run if run.status in runs.FINISHED else _recover(run, machine, execution)


def _recover(run: Run, machine: str, ended: Execution) -> Run:
    why = f"The state machine ended as {_outcome(ended)}"
    name = recovery_name(run.run_id)
    recovery = current().workflows.describe(machine, name)
    if recovery is None:
        current().workflows.start(machine, name, {**_input(run).to_item(), "recovering": _shown(why)})
        note_recovery(run, why)
        return run
    if recovery.status == "RUNNING":
        return run
    run = runs.get(run.org_id, run.run_id)  # the recovery may have counted, or closed it, since it was read
    if run.status in runs.FINISHED:
        return run
    run = kinds.of(run.kind).step("give_up")(run, f"{why}; its recovery ended as {_outcome(recovery)}")
    after_end(run)
    return run


def note_recovery(run: Run, why: str) -> str:
    """In the run's log; `StateInput.recovering`."""
    message = f"{why}. What was paid for is saved, then the run is closed"
    run_log.write(run.run_id, run.stage, message, level="error")
    return _shown(why)


def _shown(why: str) -> str:
    return redact(why)[:1000]


def recovery_name(run_id: str) -> str:
    """Of the execution that closes an orphan."""
    return f"{run_id}{_RECOVERY}"


def runs_of(executions: Iterable[str]) -> list[str]:
    """The ids of the runs over documents and of the synthetic jobs among them."""
    names = (name.removesuffix(_RECOVERY) for name in executions)
    return sorted({name for name in names if name.startswith(("gen_", "syn_job_"))})


def was_away(executions: Iterable[str], seconds: float) -> None:
    """These executions stood still for so long, with the server: what their runs have paid for, and the figures of
    their bills, are kept that much longer. Called before they go on."""
    if seconds >= SHORT_ABSENCE:
        for name in executions:
            retention.prolong(name.removesuffix(_RECOVERY), seconds)


def _outcome(execution: Execution) -> str:
    reason = f"{execution.error or 'no error'}: {execution.cause or ''}".rstrip(": ")
    return f"{execution.status}: {reason}"


def _is_due(run_id: str) -> bool:
    now, last = time.monotonic(), _asked.get(run_id)
    if last is not None and now - last < RECONCILE_EVERY:
        return False
    _asked[run_id] = now
    _asked.move_to_end(run_id)
    while len(_asked) > MAX_REMEMBERED:
        _asked.popitem(last=False)
    return True


def _input(run: Run) -> StateInput:
    return StateInput(org_id=run.org_id, run_id=run.run_id, project_id=run.project_id, kind=run.kind)


def after_end(run: Run) -> None:
    """What waits for the end of a project's run: the parse of documents that came meanwhile (`auto_parse`)."""
    if kinds.of(run.kind).belongs_to == "project":
        of_this_run = run.config.get("document_ids")
        kinds.start_parse_of_waiting_documents(run.org_id, run.project_id, but=of_this_run)


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
    if status != "completed" and run.status in runs.ACTIVE:
        closing["progress"] = run_events.percent(run, run_events.measure(run)[0])
    if error:
        closing["error"] = redact(error)[:2000]
    if kinds.of(run.kind).calls_teachers:  # first: whoever finds a closed run looks no further
        _settle(run, cast("float | None", closing.get("cost_usd", run.cost_usd)))
    try:
        run = run_status.change(run, closing, where={"status": runs.ACTIVE})
        _emit_metrics(run)
        level = "error" if status == "failed" else "warning" if run.stop_reason else "info"
        run_log.write(run.run_id, "finalizing", _last_words(run, error), level=level, status=status)
    except ConditionFailed:
        run = runs.get(run.org_id, run.run_id)
    kind = kinds.of(run.kind)
    if kind.release:
        kind.step("release")(run)
    elif kind.belongs_to == "project":
        projects.vacate(run.org_id, run.project_id, run.run_id)
    return run


def _settle(run: Run, cost_usd: float | None) -> None:
    """What the run took of its organisation's budget is exchanged for its cost; calls that got no answer, and may be
    billed all the same, are part of it."""
    held, lost = shared_state.spent_by(run.run_id)
    cost = held if cost_usd is None else cost_usd + lost
    spending.settle(run.org_id, run.run_id, spending.month_of(run.created_at), cost=spending.micro(cost))


STOPPED = {
    "monthly_budget_reached": "the organization's monthly budget is used up",
    "budget_reached": "more would cost more than max_cost_usd",
}
"""Why a run may end before it has all that was asked for (`Run.stop_reason`)."""


def _last_words(run: Run, error: str | None) -> str:
    said = error or f"Run {run.status}"
    if run.stop_reason is None:
        return said
    return f"{said}; it stopped after {run.delivered:,}: {STOPPED.get(run.stop_reason, run.stop_reason)}"


def _emit_metrics(run: Run) -> None:
    """Only where the run was really closed, so each counts once."""
    values: dict[str, float] = {"Delivered": run.delivered, "Failed": run.failed}
    if kinds.of(run.kind).calls_teachers:
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
