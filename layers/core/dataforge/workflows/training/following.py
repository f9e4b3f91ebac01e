"""States WaitForTraining and CheckTraining, and the event of a training whose state has changed.

Between two looks the machine waits, for a fiftieth of the time that the training has taken, at least
`settings.training_poll` seconds and at most an hour: an execution holds 25,000 events, and a training may take 28 days.
The end of a job is announced, and so is a new line of its progress; a look only finds what was announced in vain.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import cast

from dataforge import clock, settings
from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.platform.ports import TRAINING_ENDED, Item, TrainingState
from dataforge.store import run_log, run_status, runs, task_tokens
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.state_input import StateInput
from dataforge.workflows.training import jobs, status
from dataforge.workflows.training.jobs import Attempt

SHARE = 50
LONGEST_PAUSE = 3600
WHILE_STOPPING = 5
MOST_STALLED = 3
"""Attempts in a row that may be interrupted without a step forward."""
MOST_ATTEMPTS = 100


def pause(attempt: Attempt) -> int:
    """Seconds until the next look."""
    waited = clock.epoch() - attempt.began if attempt.began else 0
    least = settings.get().training_poll
    # One machine has no limit of events, and nobody pays for a look.
    longest = least if current().name == "embedded" else LONGEST_PAUSE
    return max(1, min(longest, max(least, waited // SHARE)))


def wait_for_training(raw: Item) -> Item:
    """Keep the token with which the machine goes on before its pause is over. raw: `token`, and the run's `state`."""
    state = cast(Item, raw["state"])
    e = state_input.read(state)
    task_tokens.keep(e.run_id, str(raw["token"]))
    if lifecycle.run_of(e).cancel_requested and not jobs.attempt_of(state).stopping:  # stopped since the last look
        task_tokens.wake(e.run_id)
    return {}


def changed(job_id: str) -> bool:
    """The trainer reports that a job has changed. Whether its run waited for it."""
    tail = jobs.run_ulid(job_id)
    return tail is not None and task_tokens.wake(tail)


def progressed(key: str) -> bool:
    """The training program has written to `<run>/checkpoints/progress.jsonl`: whether that was pushed to followers."""
    parts = key.split("/")
    if len(parts) != 7 or parts[:2] != ["data-forge", "training"] or parts[3] != "runs":
        return False
    try:
        run = runs.get(parts[2], parts[4])
    except NotFound:
        return False
    if run.status not in runs.ACTIVE:
        return False
    status.publish(run)
    return True


def check_training(raw: Item) -> Item:
    """`next` says what follows: wait, start (another attempt), register, close."""
    e, attempt = state_input.read(raw), jobs.attempt_of(raw)
    run = lifecycle.run_of(e)
    job_id = jobs.job_name(run, attempt.number)
    trainer = current().trainer
    state = trainer.describe(job_id)
    if state is None:  # it was never made: its start was cut off
        return jobs.state_output(e, attempt, "close" if run.cancel_requested else "start")
    if state.status not in TRAINING_ENDED:
        if run.cancel_requested and not attempt.stopping:
            trainer.stop(job_id)
            attempt = replace(attempt, stopping=1)
        trainer.refresh(job_id)
        _publish(run, state)
        seconds = min(WHILE_STOPPING, pause(attempt)) if attempt.stopping else pause(attempt)
        return jobs.state_output(e, replace(attempt, seconds=seconds), "wait")
    _publish(run, state)
    return _ended(run, e, attempt, state)


def _ended(run: Run, e: StateInput, attempt: Attempt, state: TrainingState) -> Item:
    if run.cancel_requested:  # whoever stopped it was told that it is stopped, also if it was done just then
        return jobs.state_output(e, attempt, "close")
    if state.status == "completed":
        return jobs.state_output(e, attempt, "register")
    if state.status == "failed":
        return _failed(e, attempt, "TrainingFailed", state.failure or "the trainer gave no reason")
    if state.status == "stopped":
        return _failed(e, attempt, "TrainingStopped", "The training job was stopped from outside of Data Forge")
    return _again(run, e, attempt, state)


def _again(run: Run, e: StateInput, attempt: Attempt, state: TrainingState) -> Item:
    """An interrupted attempt is followed by one from its last checkpoint, unless they come no further."""
    seen = status.last_line(run)
    step = int(str(seen.get("step") or 0)) if seen else 0
    stalled = 0 if step > attempt.step else attempt.stalled + 1
    if stalled >= MOST_STALLED or attempt.number + 1 >= MOST_ATTEMPTS:
        why = f"It was interrupted {attempt.number + 1} times, the last {stalled} without a step forward"
        return _failed(e, attempt, "TrainingInterrupted", f"{why}{f': {state.failure}' if state.failure else ''}")
    run_log.write(
        run.run_id, "training", f"Interrupted at step {step:,}; it goes on from its last checkpoint", level="warning"
    )
    following = replace(
        attempt,
        number=attempt.number + 1,
        stalled=stalled,
        step=max(step, attempt.step),
        stopping=0,
        billed=attempt.billed + _billed(state),
    )
    return jobs.state_output(e, following, "start")


def _billed(state: TrainingState) -> int:
    """Seconds; of a job that says nothing of that, as long as it ran."""
    if state.billable_seconds is not None:
        return state.billable_seconds
    if not (state.started_at and state.ended_at):
        return 0
    began, ended = (datetime.fromisoformat(at) for at in (state.started_at, state.ended_at))
    return max(0, int((ended - began).total_seconds()))


def _publish(run: Run, state: TrainingState) -> None:
    """Push how far the training is to whoever follows it, and note its stage."""
    line = status.last_line(run)
    if line is None and state.metrics:  # the backup: what the trainer read from the log
        run_files.write_json(run, status.LOG_METRICS, dict(state.metrics))
    if state.message and line is None:
        run_files.write_json(run, status.MESSAGE, {"message": state.message})
    stage = str(line.get("stage") or "training") if line else "loading"
    stage = "finalizing" if stage == status.DONE else stage
    if run.status in runs.ACTIVE and run.stage != stage:
        run = run_status.advance(run, "training", stage)
    status.publish(run)


def _failed(e: StateInput, attempt: Attempt, error: str, cause: str) -> Item:
    return {**jobs.state_output(e, attempt, "close"), "failure": {"Error": error, "Cause": cause}}
