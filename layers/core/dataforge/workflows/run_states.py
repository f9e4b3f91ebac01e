"""The states of a run's machine: what each function of the catalog calls, whatever the kind of run."""

from __future__ import annotations

from dataclasses import replace

from dataforge.platform.ports import Item
from dataforge.store import runs
from dataforge.workflows import kinds, lifecycle, state_input
from dataforge.workflows.state_input import StateInput


def plan_run(raw: Item) -> Item:
    """A run that was closed meanwhile, by the deletion of its project for instance, gets no batches: nothing may be
    written or asked any more. After a state that failed for good, `failure` says how: then it plans the recovery."""
    e = state_input.read(raw)
    run = lifecycle.run_of(e)
    if (why := state_input.failure_of(raw)) and run.status not in runs.FINISHED:
        e = replace(e, recovering=lifecycle.note_recovery(run, f"A state of the run ended with {why}"))
    if run.status in runs.FINISHED:
        return {**e.base(), "batches": 0, "batches_key": ""}
    step = "recover" if e.recovering else "plan"
    output: Item = kinds.of(e.kind).step(step)(run, e)
    return output


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """Run a batch to its end and write its part file; run again, it asks only what has no stored reply.

    seconds: what is left of this invocation. Raises BatchUnfinished in time before they are over: a slow teacher needs
    several invocations, and none of them loses anything.
    """
    e = state_input.read(raw)
    if e.mode == "batch":
        from dataforge.workflows.engine.provider_batch import pending  # only where batch jobs are used

        return pending.generate_batch(e, seconds=seconds)
    from dataforge.workflows.engine import batch

    return batch.generate_batch(e, seconds=seconds)


def assess_run(raw: Item) -> Item:
    e = state_input.read(raw)
    output: Item = kinds.of(e.kind).step("assess")(lifecycle.run_of(e), e)
    return output


def close_run(raw: Item) -> Item:
    """The last state of every run, reached from every path. Safe to repeat; a closed run stays as it is."""
    e = state_input.read(raw)
    run = lifecycle.run_of(e)
    if run.status in runs.FINISHED:
        run = lifecycle.finish(run, run.status)
    else:
        run = kinds.of(run.kind).step("close")(run, _error(raw, e))
    lifecycle.after_end(run)
    return {"run_id": run.run_id, "status": run.status}


def record_failure(raw: Item) -> Item:
    """The Catch of a Map child."""
    output: Item = kinds.of(state_input.read(raw).kind).step("record_failure")(raw)
    return output


def _error(raw: Item, e: StateInput) -> str | None:
    return e.recovering or state_input.failure_of(raw)
