"""The input of a state of a run's state machine: names and keys, never data."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import orjson

from dataforge.platform.ports import Item, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class StateInput:
    """What travels between the states of a run."""

    org_id: str
    run_id: str
    project_id: str
    kind: str
    round: int = 0
    batch: int = 0
    key: str = ""
    """Of the file that a state of a Map works on; of a parse: the document's id."""
    mode: str = "realtime"
    """How the questions of a batch get their replies. realtime: asked one by one; batch: by jobs of the provider;
    stopped: stored replies only, nothing is asked any more."""
    recovering: str = ""
    """Why the first execution of the run ended before it closed the run; empty in that execution."""

    def base(self) -> Item:
        """What every state passes on."""
        passed: Item = {
            "org_id": self.org_id,
            "run_id": self.run_id,
            "project_id": self.project_id,
            "kind": self.kind,
        }
        return {**passed, "recovering": self.recovering} if self.recovering else passed

    def to_item(self) -> Item:
        return {**asdict(self)}


def read(raw: Item) -> StateInput:
    """Read a state's input; what other states added is ignored."""
    return StateInput(
        org_id=str(raw["org_id"]),
        run_id=str(raw["run_id"]),
        project_id=str(raw["project_id"]),
        kind=str(raw["kind"]),
        round=int(str(raw.get("round") or 0)),
        batch=int(str(raw.get("batch") or 0)),
        key=str(raw.get("key") or ""),
        mode=str(raw.get("mode") or "realtime"),
        recovering=str(raw.get("recovering") or ""),
    )


def failure_of(raw: Item) -> str | None:
    """The message inside what a Catch put under `failure`."""
    failure = raw.get("failure")
    if not isinstance(failure, dict):
        return None
    cause = str(failure.get("Cause") or "")
    try:
        decoded: Value = orjson.loads(cause)
        if isinstance(decoded, dict) and decoded.get("errorMessage"):
            cause = str(decoded["errorMessage"])
    except ValueError:
        pass
    error = str(failure.get("Error") or "unknown error")
    return f"{error}: {cause}" if cause else error
