"""The last state of a training: what still runs is stopped, what nobody needs is deleted, the run is closed."""

from __future__ import annotations

import logging

from dataforge.errors import Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import TRAINING_ENDED, Item
from dataforge.store import run_log, runs, trained_models, training_state
from dataforge.store.runs import Run
from dataforge.store.trained_models import TrainedModel
from dataforge.workflows import lifecycle
from dataforge.workflows.training import jobs, models, status
from dataforge.workflows.training.registering import EVALUATION

logger = logging.getLogger(__name__)


def close(run: Run, error: str | None) -> Run:
    """cancelled where somebody has stopped it, also after its model was registered; else completed with a model, or
    failed with the reason. Safe to repeat."""
    made = trained_models.of_run(run)
    if run.cancel_requested and (made is None or _is_withdrawn(made)):
        return _end(run, "cancelled", None)
    if "model_id" in run.results:
        if error:
            run_log.write(run.run_id, run.stage, f"After the model was registered: {error}", level="warning")
        if made is not None:
            trained_models.change(made, {"status": "ready"})
            trained_models.release(made, EVALUATION)
        return _end(run, "completed", None)
    return _end(run, "failed", error or "The training ended without a model")


def _is_withdrawn(made: TrainedModel) -> bool:
    """The model is gone, with its files; False: somebody uses it already, so it stays."""
    trained_models.release(made, EVALUATION)
    try:
        trained_models.mark_deleted(made)
    except (Conflict, NotFound):
        return False
    models.erase_files(made)
    return True


def give_up(run: Run, error: str) -> Run:
    """The recovery died as well, or the machine could not be started."""
    return run if run.status in runs.FINISHED else close(run, error)


def release(run: Run) -> None:
    """Let the organisation's next training in."""
    training_state.vacate(run.org_id, run.run_id)


def _end(run: Run, word: str, error: str | None) -> Run:
    _stop_what_runs(run)
    _clean_up(run)
    delivered = int(word == "completed")
    reason = "cancelled" if word == "cancelled" else "run_failed"
    values: Item = {
        "delivered": delivered,
        "failed": 1 - delivered,
        "reasons": {"rejected": {}, "failed": {} if delivered else {reason: 1}},
    }
    run = lifecycle.finish(run, word, error=error, values=values)
    status.publish(run)
    return run


def _stop_what_runs(run: Run) -> None:
    number = jobs.noted_attempt(run)
    if number is None:
        return
    job_id, trainer = jobs.job_name(run, number), current().trainer
    state = trainer.describe(job_id)
    if state is not None and state.status not in TRAINING_ENDED:
        trainer.stop(job_id)


def _clean_up(run: Run) -> None:
    """Checkpoints take as much room as the model, several times over. Never raises: the run must end."""
    try:
        current().files.delete_prefix(jobs.checkpoints(run, "checkpoint-"))
        number = jobs.noted_attempt(run)
        if number is not None:
            current().trainer.forget(jobs.job_name(run, number), run.files_prefix)
    except Exception:
        logger.warning("files of training %s could not be cleaned up", run.run_id, exc_info=True)
