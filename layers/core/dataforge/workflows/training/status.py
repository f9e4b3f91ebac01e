"""How far a training is, in the words of the public API (contract D.4), read from what the program writes.

idle       nothing was trained yet
training   from the request on: preparing, waiting for a machine, loading, training, evaluating, saving
completed, stopped, error
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, cast

import orjson

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import runs
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.training import jobs

LOG_METRICS, MESSAGE = "log-metrics.json", "message.json"
TOPIC = "training"
"""What clients of the WebSocket subscribe to: every training of their organisation."""
_TAIL_BYTES = 16_384
_WORDS = {"completed": "completed", "cancelled": "stopped", "failed": "error"}
DONE = "done"
"""The last stage of the training program."""
_OURS = ("planning", "preparing", "finalizing")
"""Stages in which the training program does not run: its last message is of an earlier one."""
_STAGES = {
    "planning": "Waiting to begin",
    "preparing": "Preparing the training data",
    "loading": "Starting the training machine and loading the model",
    "training": "Training",
    "evaluating": "Evaluating the model",
    "saving": "Saving the model",
    "finalizing": "Registering the model",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    """progress: percent of all steps, one decimal. Numbers that are not known yet are 0, losses None."""

    status: str = "idle"
    progress: float = 0.0
    current_epoch: int = 0
    total_epochs: int = 0
    current_step: int = 0
    total_steps: int = 0
    loss: float | None = None
    learning_rate: float | None = None
    job_id: str | None = None
    stage: str | None = None
    message: str | None = None
    eval_loss: float | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None
    memory_mb: float | None = None
    seconds_left: float | None = None
    updated_at: str | None = None
    """When the training program wrote these numbers."""
    model_id: int | None = None
    error: str | None = None


IDLE = TrainingProgress()


def of_run(run: Run, *, live: bool = True) -> TrainingProgress:
    """live: bring the newest figures from the machine that trains first."""
    number = jobs.noted_attempt(run)
    if live and number is not None and run.status in runs.ACTIVE:
        current().trainer.refresh(jobs.job_name(run, number))
    return projected(run, last_line(run) or _from_log(run))


def projected(run: Run, line: dict[str, Any] | None) -> TrainingProgress:
    """The run's row and the last line of its progress, as one body."""
    line = line or {}
    word = _WORDS.get(run.status, "training")
    request = cast("dict[str, Any]", run.config.get("request") or {})
    epochs = _whole(line.get("total_epochs")) or _whole(request.get("num_train_epochs") or 1)
    step, steps = _whole(line.get("step")), _whole(line.get("total_steps"))
    if word == "completed":
        step = steps
    progress = 100.0 if word == "completed" else round(100 * step / steps, 1) if steps else 0.0
    epoch = _number(line.get("epoch")) or 0.0
    model = run.results.get("model_id")
    return TrainingProgress(
        status=word,
        progress=min(100.0, progress),
        current_epoch=epochs if word == "completed" else min(epochs, math.floor(epoch) + 1) if step else 0,
        total_epochs=epochs,
        current_step=step,
        total_steps=steps,
        job_id=run.run_id,
        stage=_stage(run, line) if word == "training" else None,
        message=_message(run, line, word),
        updated_at=str(line["time"]) if line.get("time") else None,
        model_id=model if isinstance(model, int) and word != "stopped" else None,
        error=run.error if word == "error" else None,
        **{name: _number(line.get(name)) for name in _FIGURES},
    )


_FIGURES = ("loss", "learning_rate", "eval_loss", "tokens_per_second", "mfu", "memory_mb", "seconds_left")


def last_line(run: Run) -> dict[str, Any] | None:
    """The newest whole line of progress.jsonl."""
    key = jobs.checkpoints(run, "progress.jsonl")
    info = current().files.info(key)
    if info is None:
        return None
    try:
        tail = current().files.read(key, start=max(0, info.size - _TAIL_BYTES))
    except FileNotFoundError:
        return None
    for line in reversed(tail.split(b"\n")):
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:  # an empty one, or half of one
            continue
        if isinstance(found, dict):
            return found
    return None


def publish(run: Run) -> None:
    """Push it to whoever follows the organisation's trainings, or this one. Best effort."""
    message = body(of_run(run, live=False))
    for topic in (topic_of(run.org_id), run.run_id):
        current().publisher.publish(topic, {**message, "topic": TOPIC})


def topic_of(org_id: str) -> str:
    return f"{TOPIC}#{org_id}"


def body(found: TrainingProgress) -> Item:
    """As it is sent: the eight fields of the public document always, null or not; others where they are known."""
    always = {f.name for f in fields(TrainingProgress)[:8]}
    return {**{name: getattr(found, name) for name in sorted(always)}, **to_item(found)}


def _message(run: Run, line: dict[str, Any], word: str) -> str | None:
    if word == "error":
        return run.error
    if word != "training":
        return None
    if run.cancel_requested:
        return "Stopping"
    stage = _stage(run, line)
    if line.get("message") and stage not in _OURS:
        return str(line["message"])
    if run.stage == "loading" and (said := run_files.read_json(run, MESSAGE)):
        return str(cast("dict[str, Any]", said)["message"])
    return _STAGES.get(stage, "Training")


def _stage(run: Run, line: dict[str, Any]) -> str:
    """What follows when the program is done is ours; until the next look the run's row does not say so."""
    return "finalizing" if line.get("stage") == DONE else run.stage


def _from_log(run: Run) -> dict[str, Any] | None:
    return cast("dict[str, Any] | None", run_files.read_json(run, LOG_METRICS))


def _number(value: object) -> float | None:
    """None for anything else, NaN and infinity too: JSON has no such numbers."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(cast(float, value)) if good else None


def _whole(value: object) -> int:
    number = _number(value)
    return max(0, int(number)) if number is not None else 0
