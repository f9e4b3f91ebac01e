"""The input of a state of a run's state machine: names and keys, never data."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from dataforge.platform.ports import Item, Value


@dataclass(frozen=True, slots=True)
class StateInput:
    """What travels between the states of a run's machine: names and keys, never data."""

    org_id: str
    run_id: str
    project_id: str
    kind: str
    round: int = 0
    batch: int = 0
    key: str = ""
    mode: str = "realtime"
    """How the questions of a Map's batch get their replies: see `workflows.batching`."""


def read(raw: Item) -> StateInput:
    """Read a state's input; what other states added is ignored."""
    return StateInput(
        str(raw["org_id"]),
        str(raw["run_id"]),
        str(raw["project_id"]),
        str(raw["kind"]),
        int(str(raw.get("round") or 0)),
        int(str(raw.get("batch") or 0)),
        str(raw.get("key") or ""),
        str(raw.get("mode") or "realtime"),
    )


def failure_of(raw: Item) -> str | None:
    """The message inside what a Catch put under `failure`."""
    failure = raw.get("failure")
    if not isinstance(failure, dict):
        return None
    cause = str(failure.get("Cause") or "")
    try:
        told: Value = orjson.loads(cause)
        if isinstance(told, dict) and told.get("errorMessage"):
            cause = str(told["errorMessage"])
    except ValueError:
        pass
    error = str(failure.get("Error") or "unknown error")
    return f"{error}: {cause}" if cause else error
