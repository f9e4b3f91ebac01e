"""Begin a training: check the request and the machine, take the organisation's one place, start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from dataforge import clock, ids
from dataforge.errors import Conflict, Invalid, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item, Put
from dataforge.store import runs, training_state
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from dataforge.training import options
from dataforge.training.options import Options
from dataforge.workflows import kinds, lifecycle
from dataforge.workflows.training import attempts, base_models, closing, data_in, jobs
from dataforge.workflows.training.data_in import Sources

NOT_INSTALLED = "TRAINING_NOT_AVAILABLE"


def start(org_id: str, user_id: str, request: Mapping[str, Any]) -> Run:
    """Raises Invalid naming the field, NotFound for a dataset that does not exist, Conflict while another training of
    the organisation goes on or where this deployment cannot train, Busy as `lifecycle.start_or_withdraw`."""
    chosen = options.read(request)
    if chosen.estimate:
        raise Invalid("estimate: nothing is started by a request that asks for an estimate", field="estimate")
    if lacks := current().trainer.missing():
        raise Conflict(lacks, code=NOT_INSTALLED)
    if current().name == "aws":
        attempts.machine_of(chosen)
    if chosen.max_cost_usd is not None:
        _check_budget(chosen)
    base_models.check(org_id, chosen)
    sources = data_in.check(org_id, chosen)
    _release_if_finished(org_id)
    run = _run(org_id, user_id, request, sources)
    training_state.occupy(org_id, run.run_id, Put("runs", to_item(run)))
    lifecycle.start_or_withdraw(run)
    return run


def _check_budget(chosen: Options) -> None:
    """Raises Invalid for a budget that pays for less than the shortest training."""
    instance = attempts.machine_of(chosen)
    shortest = attempts.SHORTEST + chosen.warm_pool_seconds
    least = instance.usd_per_hour * chosen.instance_count * shortest / 3600
    if current().name == "aws" and cast(float, chosen.max_cost_usd) < least:
        raise Invalid(
            f"max_cost_usd: {shortest} s of {chosen.instance_count} x {instance.name} cost ${least:.2f}; name "
            "more, or a smaller instance",
            field="max_cost_usd",
        )


def _run(org_id: str, user_id: str, request: Mapping[str, Any], sources: Sources) -> Run:
    run_id = ids.new("train")
    return Run(
        org_id=org_id,
        run_id=run_id,
        project_id=jobs.project_of(org_id),
        user_id=user_id,
        kind=kinds.TRAIN.name,
        config={"request": cast(Item, dict(request)), "data": sources.to_item()},
        files_prefix=f"{jobs.folder_of(org_id)}/runs/{run_id}",
        created_at=clock.now(),
        sequence=ids.tail(run_id),
        requested=1,
        asked=1,
    )


def _release_if_finished(org_id: str) -> None:
    """A run that ended without releasing the organisation (a crash between two writes) does not block the next."""
    active = training_state.of(org_id).active_run
    if active is None:
        return
    try:
        run = lifecycle.reconcile(runs.get(org_id, active))
    except NotFound:
        training_state.vacate(org_id, active)
        return
    if run.status in runs.FINISHED:
        closing.release(run)
