"""Orphan recovery: a batch, or a whole run, whose execution died is closed with what it has paid for.

A run is an orphan when its execution ended without closing it (see `lifecycle.reconcile`). Its recovery is a second
execution of the same state machine; after a state that failed for good it is the same execution, once more from
PlanRun. The batches of the last round read their stored replies, in mode `stopped`, then the round is assessed and the
run closed as failed. Nothing is asked of any teacher. In batch mode the jobs that the first execution left at the
provider come before that: those that ended are collected, those that run are cancelled, and collected once they have
stopped. Safe to repeat.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from dataforge.platform.ports import Item
from dataforge.store import run_log, run_status, runs
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.engine import batch, batches, config, outcomes
from dataforge.workflows.engine.provider_batch import job_state, polling
from dataforge.workflows.engine.provider_batch.job_state import PollState
from dataforge.workflows.state_input import StateInput

logger = logging.getLogger(__name__)


def plan_recovery(run: Run, e: StateInput) -> Item:
    """What PlanRun does in a recovery execution: no new slots; the last round's batches without asking.

    Nothing of a provider is touched here: `next` of the output leads to CheckJobs where jobs are left.
    """
    last = _last_round(run)
    base: Item = {**e.base(), "round": max(0, last), "mode": "stopped"}
    items = [] if run.assessed_round >= last else batches.items_of(run, last) or []
    if items:
        batch.stop_round(run, last, "run_failed", detail=e.recovering)
        run_status.advance(run, "generating", "generating")
    recovering = [{**item, "mode": "stopped"} for item in items]
    key = run_files.write_json(run, "recovery.json", recovering)
    if items and config.of(run).in_batch_mode and (left := list(job_state.under_way(run, last))):
        poll = PollState(wave=max(job.wave for job in left))
        run_log.write(run.run_id, "generating", "Collecting what the provider's batch jobs answered", level="warning")
        return {**job_state.state_output(replace(e, round=last), poll, "check", batches_key=key), "batches": len(items)}
    return {**base, "batches": len(items), "batches_key": key}


def _last_round(run: Run) -> int:
    """The last one whose slots are promised; -1: none is."""
    promised, number = 0, -1
    while promised < run.asked and batches.items_of(run, number + 1) is not None:
        number += 1
        promised += sum(1 for _ in batches.planned_slots(run, number))
    return number


def record_failure(raw: Item) -> Item:
    """The Catch of a batch that died for good: its slots fail with that reason, except those that a stored reply
    holds a record for."""
    e = state_input.read(raw)
    run, reason = lifecycle.run_of(e), state_input.failure_of(raw) or "unknown error"
    run_files.write_json(run, outcomes.failure_file(e.round, e.batch), {"error": reason})
    run_log.write(run.run_id, "generating", f"Batch {e.batch + 1} failed: {reason}", level="error")
    try:
        return {"batch": e.batch, "made": batch.save_stored(batch.open_batch(e), e)}
    except Exception:  # what killed the batch may kill this too; then its slots are failed ones
        logger.exception("nothing can be saved of batch %s of %s", e.batch, e.run_id)
        return {"batch": e.batch, "made": 0}


def give_up(run: Run, error: str) -> Run:
    """The recovery died as well: what was assessed before counts, every other slot is failed."""
    if run.status in runs.FINISHED:
        return run
    polling.cancel_jobs(run)
    values = {**lifecycle.unassessed_as_failed(run, "run_failed"), **lifecycle.usage(run)}
    return lifecycle.finish(run, "failed", error=error, values=values)
