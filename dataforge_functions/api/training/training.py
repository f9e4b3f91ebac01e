from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from dataforge.training import options
from dataforge.workflows.training import jobs, quoting, starting, status, stopping
from dataforge_functions.api.callers import AnyCallerDep as Who
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import training as wire
from dataforge_functions.api.wire.limits import Id

router = APIRouter(tags=["training"], route_class=Route)

JobId = Annotated[Id | None, Query(description="Id of the training; the active one, else the last, if absent")]


@router.get("/info", operation_id="training_info")
def info() -> wire.TrainingInfo:
    """Public. What can be trained, and how."""
    return wire.TrainingInfo(
        providers=list(options.PROVIDERS), strategies=list(options.STRATEGIES), tasks=list(options.TASKS)
    )


@router.get("/health", operation_id="training_health")
def health() -> wire.TrainingHealth:
    """Public. Says that the training API answers; `/health` also checks what it stands on."""
    return wire.TrainingHealth()


@router.post("/start_training", operation_id="start_training")
def start_training(who: Who, body: wire.StartTraining) -> wire.TrainingStarted:
    """Starts a training and returns at once. One at a time in an organisation: 409 while another goes on.

    With `estimate: true` nothing is started: the answer says what it would take.
    """
    request: dict[str, Any] = body.root
    if request.get("estimate") is True:
        found = quoting.quote(who.org_id, request).to_json()
        return wire.TrainingStarted(status="estimated", job_id=None, message="Nothing was started", estimate=found)
    run = starting.start(who.org_id, who.user_id, request)
    return wire.TrainingStarted(job_id=run.run_id)


@router.get("/training_status", operation_id="training_status")
def training_status(who: Who, job_id: JobId = None) -> wire.TrainingStatus:
    """How far the training is: numbers of its last step, at most a few seconds old."""
    run = jobs.get(who.org_id, job_id) if job_id else jobs.last(who.org_id)
    found = status.of_run(run) if run else status.IDLE
    return wire.TrainingStatus.model_validate(status.body(found))


@router.post("/stop_training", operation_id="stop_training")
def stop_training(who: Who, body: wire.StopTraining | None = None) -> wire.TrainingStopped:
    """Stops the training and its machine. What was not finished is discarded; 404 when none goes on."""
    run = stopping.stop(who.org_id, body.job_id if body else None)
    return wire.TrainingStopped(job_id=run.run_id)
