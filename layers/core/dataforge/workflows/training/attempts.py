"""State StartTraining: one attempt to train; a later one goes on from the checkpoint of the one before."""

from __future__ import annotations

from dataclasses import replace

from dataforge import clock, settings
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import Item, TrainingRequest
from dataforge.store import run_log, run_status, runs
from dataforge.store.runs import Run
from dataforge.training import instances, memory
from dataforge.training.instances import Instance
from dataforge.training.options import Options
from dataforge.workflows import lifecycle, state_input
from dataforge.workflows.training import base_models, following, jobs

SHORTEST = instances.SHORTEST_SECONDS


def start_training(raw: Item) -> Item:
    """Idempotent by the number of the attempt. The number is noted before the job is made: whoever finds the run later
    knows which job may exist."""
    e, attempt = state_input.read(raw), jobs.attempt_of(raw)
    run = lifecycle.run_of(e)
    if run.cancel_requested or run.status in runs.FINISHED:
        return {**e.base(), "next": "close"}
    if seconds_left(run, attempt.billed) < SHORTEST:
        cause = f"max_cost_usd is used up by {attempt.number} interrupted attempts"
        return {**jobs.state_output(e, attempt, "close"), "failure": {"Error": "BudgetReached", "Cause": cause}}
    try:
        run = run_status.change(
            run,
            {"stage": "loading", "results": {**run.results, "attempt": attempt.number}},
            where={"status": runs.ACTIVE},
        )
    except ConditionFailed:
        return {**e.base(), "next": "close"}
    current().trainer.start(request_of(run, attempt.number, billed=attempt.billed))
    what = "Training started" if attempt.number == 0 else f"Training goes on (attempt {attempt.number + 1})"
    run_log.write(run.run_id, "loading", what)
    begun = replace(attempt, began=attempt.began or clock.epoch(), stopping=0)
    return jobs.state_output(e, replace(begun, seconds=following.pause(begun)), "wait")


def request_of(run: Run, number: int, *, billed: int = 0) -> TrainingRequest:
    """billed: see `jobs.Attempt`."""
    chosen = jobs.options_of(run)
    channels = {name: jobs.data_key(run, name) for name in ("config", "train")}
    for name, file in (("validation", jobs.VALIDATION), ("eval", jobs.EVAL)):
        if current().files.info(jobs.data_key(run, file)) is not None:
            channels[name] = jobs.data_key(run, name)
    staged = base_models.staged(run.org_id, chosen)
    if staged is not None:
        channels["model"] = staged
    instance = machine_of(chosen)
    return TrainingRequest(
        job_id=jobs.job_name(run, number),
        files_prefix=run.files_prefix,
        channels=channels,
        image=settings.get().training_image_unsloth if chosen.provider == "unsloth" else "",
        instance_type=instance.name,
        instance_count=chosen.instance_count,
        spot=chosen.spot,
        warm_pool_seconds=chosen.warm_pool_seconds,
        volume_gb=chosen.volume_gb,
        max_runtime_seconds=max(SHORTEST, seconds_left(run, billed)),
        network_isolation=staged is not None,
        tags={"application": "dataforge", "stage": settings.get().stage, "run": run.run_id, "org": run.org_id},
    )


def machine_of(chosen: Options) -> Instance:
    """The instance that was asked for, else the cheapest of the size that the model fits. Raises Invalid where none
    does; on one machine nothing is chosen."""
    if current().name == "aws":
        return memory.choose(chosen)
    return instances.get(chosen.instance_type or instances.table().sizes[chosen.compute_specs][0])


def seconds_left(run: Run, billed: int) -> int:
    """Seconds that an attempt may run: max_runtime_seconds, or less where max_cost_usd pays for less after the earlier
    attempts. Spot instances are counted at the price on demand, so that they cost less than that; instances that are
    kept warm are paid for, too. One machine costs nothing."""
    chosen = jobs.options_of(run)
    if current().name == "embedded" or chosen.max_cost_usd is None:
        return chosen.max_runtime_seconds
    paid = instances.paid_seconds(machine_of(chosen), chosen.instance_count, chosen.max_cost_usd)
    return min(chosen.max_runtime_seconds, paid - billed - chosen.warm_pool_seconds)
