"""Stop a training that goes on."""

from __future__ import annotations

import logging

from dataforge.errors import Conflict, NotFound
from dataforge.platform import current
from dataforge.store import runs, training_state
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle
from dataforge.workflows.training import jobs

logger = logging.getLogger(__name__)

NONE_ACTIVE = "NO_ACTIVE_TRAINING"


def stop(org_id: str, job_id: str | None = None) -> Run:
    """The active training, or this one. Its machine is told at once; again for one that is being stopped is fine. A
    model that was registered already is removed when the run is closed.

    Raises NotFound: there is no such job, or (NO_ACTIVE_TRAINING) it does not go on.
    """
    wanted = job_id or training_state.of(org_id).active_run
    if wanted is None:
        raise NotFound("No training is in progress", code=NONE_ACTIVE)
    run = jobs.get(org_id, wanted)
    if run.status in runs.FINISHED:
        raise _ended(run)
    try:
        run = lifecycle.cancel(run)
    except Conflict:
        raise _ended(runs.get(org_id, wanted)) from None
    _stop_job(run)
    return run


def _stop_job(run: Run) -> None:
    """At once, whatever the state machine is doing. Never raises: its next look stops what goes on."""
    number = jobs.noted_attempt(run)
    if number is None:
        return
    try:
        current().trainer.stop(jobs.job_name(run, number))
    except Exception:
        logger.warning("training %s is stopped at the next look of its machine", run.run_id, exc_info=True)


def _ended(run: Run) -> NotFound:
    return NotFound(f"Training {run.run_id} has ended ({run.status}): there is nothing to stop", code=NONE_ACTIVE)
