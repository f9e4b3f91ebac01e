"""What an organisation trains now, and the number of its last model.

| question                              | access                                                              |
|---|---|
| which run trains now?                 | get models (org_id, model_id = 0)                                   |
| one training at a time                | transact: the run's row, and active_run where there is none         |
| the next run may begin                | update models (0), remove active_run where it is this run           |
| the next model's number               | transact in `trained_models.add`: last_model_id where it was read   |

The row has the number 0, which no model has: a function that writes models needs no right to another table for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.errors import ConditionFailed, Conflict
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Key, Put, Update

IN_PROGRESS = "TRAINING_IN_PROGRESS"
TABLE = "models"


@dataclass(frozen=True, slots=True)
class TrainingSlot:
    active_run: str | None = None
    last_run: str | None = None
    """The run that was begun last, active or not."""
    last_model_id: int = 0


def key(org_id: str) -> Key:
    return {"org_id": org_id, "model_id": 0}


def of(org_id: str) -> TrainingSlot:
    item = current().tables.get(TABLE, key(org_id)) or {}
    active, last = item.get("active_run"), item.get("last_run")
    return TrainingSlot(
        str(active) if active is not None else None,
        str(last) if last is not None else None,
        int(str(item.get("last_model_id") or 0)),
    )


def occupy(org_id: str, run_id: str, put_run: Put) -> None:
    """Write the run and make it the only training of its organisation. Raises Conflict (TRAINING_IN_PROGRESS)."""
    _ensure(org_id)
    take = Update(TABLE, key(org_id), set={"active_run": run_id, "last_run": run_id}, where={"active_run": ABSENT})
    try:
        current().tables.transact([put_run, take])
    except ConditionFailed:
        found = of(org_id)
        if found.active_run == run_id:  # written by an attempt whose answer was lost
            return
        raise Conflict(
            f"A training is already in progress ({found.active_run}): wait for its end or stop it first",
            code=IN_PROGRESS,
        ) from None


def vacate(org_id: str, run_id: str) -> None:
    """Let the next training in; harmless when another one, or none, is active."""
    try:
        current().tables.update(TABLE, key(org_id), remove=["active_run"], where={"active_run": run_id})
    except ConditionFailed:
        return


def _ensure(org_id: str) -> None:
    try:
        current().tables.put_new(TABLE, {**key(org_id), "last_model_id": 0})
    except ConditionFailed:
        return
