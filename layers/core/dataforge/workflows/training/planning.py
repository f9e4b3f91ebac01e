"""State PlanRun of a training, and of the recovery of one."""

from __future__ import annotations

from dataforge import clock
from dataforge.platform.ports import Item
from dataforge.store import run_status, runs
from dataforge.store.runs import Run
from dataforge.workflows.state_input import StateInput
from dataforge.workflows.training import jobs


def plan(run: Run, e: StateInput) -> Item:
    """There is nothing to plan: the data are prepared next."""
    if run.cancel_requested:
        return {**e.base(), "next": "close"}
    run_status.change(
        run,
        {"status": "training", "stage": "preparing", "started_at": run.started_at or clock.now()},
        where={"status": runs.ACTIVE},
    )
    return {**e.base(), "next": "prepare"}


def plan_recovery(run: Run, e: StateInput) -> Item:
    """What an execution that died has started goes on, and its model is registered; a training that it had not started
    is not started any more."""
    number = jobs.noted_attempt(run)
    if number is None:
        return {**e.base(), "next": "close"}
    attempt = jobs.Attempt(number=number, began=clock.epoch())
    return {**e.base(), "next": "check", "attempt": attempt.to_item()}
