"""What is known of a training run: its options, its attempts, where its files lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from dataforge import ids, settings
from dataforge.errors import NotFound
from dataforge.platform.ports import Item
from dataforge.store import runs, training_state
from dataforge.store.runs import Run
from dataforge.training import options
from dataforge.training.options import Options
from dataforge.workflows import kinds, lifecycle
from dataforge.workflows.state_input import StateInput

CONFIG, TRAIN, VALIDATION = "config/training.json", "train/train.jsonl", "validation/validation.jsonl"
EVAL = "eval/eval.jsonl"
"""Below `input/data/`."""


def project_of(org_id: str) -> str:
    """Runs are listed by project; an organisation's trainings stand together under this name."""
    return f"training_{ids.tail(org_id)}"


def folder_of(org_id: str) -> str:
    """Of everything that an organisation trains with and makes."""
    return f"data-forge/training/{org_id}"


def options_of(run: Run) -> Options:
    return options.read(cast("dict[str, Any]", run.config["request"]))


def data_key(run: Run, name: str) -> str:
    """name: CONFIG, TRAIN, VALIDATION, EVAL."""
    return f"{run.files_prefix}/input/data/{name}"


def checkpoints(run: Run, name: str) -> str:
    """The key of a file that the training program keeps up to date: progress.jsonl, result/metrics.json."""
    return f"{run.files_prefix}/checkpoints/{name}"


def job_name(run: Run, attempt: int) -> str:
    """Unique in the account, and the same however often it is made; at most 63 letters, digits and hyphens."""
    return f"{settings.get().table_prefix}{ids.tail(run.run_id)}-a{attempt}"


def run_ulid(job_id: str) -> str | None:
    """The tail of its run's id. None for a name that is not ours."""
    name = job_id.removeprefix(settings.get().table_prefix)
    tail, _, attempt = name.partition("-a")
    return tail if len(tail) == 26 and attempt.isdigit() else None


def model_prefix(run: Run, job_id: str) -> str:
    """Where the trainer puts the model that a job has made."""
    return f"{run.files_prefix}/output/{job_id}/output/model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What passes between the states beside their input, under `attempt`."""

    number: int = 0
    stalled: int = 0
    """Attempts in a row that were interrupted before they came further."""
    step: int = 0
    """How far the last interrupted attempt had come."""
    began: int = 0
    """Epoch seconds of the first attempt's start."""
    seconds: int = 0
    """The last pause."""
    stopping: int = 0
    """1: the job was asked to stop."""
    billed: int = 0
    """Seconds of earlier attempts that are paid for, of each instance."""

    def to_item(self) -> Item:
        return {name: getattr(self, name) for name in self.__slots__}


def attempt_of(raw: Item) -> Attempt:
    stored = raw.get("attempt")
    return Attempt(**cast("dict[str, int]", stored)) if isinstance(stored, dict) else Attempt()


def state_output(e: StateInput, attempt: Attempt, following: str) -> Item:
    """The output of a state, and the input of the next."""
    return {**e.base(), "attempt": attempt.to_item(), "next": following, "seconds": max(1, attempt.seconds)}


def noted_attempt(run: Run) -> int | None:
    """The number of the attempt that was started last; None: none was."""
    number = run.results.get("attempt")
    return number if isinstance(number, int) else None


def get(org_id: str, job_id: str) -> Run:
    """As it really is now. Raises NotFound, also for another organisation's job and for runs of other kinds."""
    try:
        run = runs.get(org_id, job_id)
    except NotFound:
        run = None
    if run is None or run.kind != kinds.TRAIN.name:
        raise NotFound(f"Training job {job_id} not found")
    return lifecycle.reconcile(run)


def last(org_id: str) -> Run | None:
    """The active training of an organisation, else the one that was begun last."""
    slot = training_state.of(org_id)
    job_id = slot.active_run or slot.last_run
    try:
        return get(org_id, job_id) if job_id else None
    except NotFound:
        return None
