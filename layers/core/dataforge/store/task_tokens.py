"""Runs whose state machine waits for something outside, and the task tokens that let them go on.

| question                              | access                                        |
|---|---|
| what does this run's machine wait on? | get, put, delete admissions (scope `wait#<run>`) |

A token that is lost costs nothing but time: the machine goes on by itself after its pause.
"""

from __future__ import annotations

from dataforge import clock, ids
from dataforge.platform import current
from dataforge.platform.ports import Item

DAY = 86_400


def keep(run_id: str, token: str) -> None:
    item: Item = {"scope": _scope(ids.tail(run_id)), "token": token, "expires_at": clock.epoch() + DAY}
    current().tables.put("admissions", item)


def wake(run_id: str) -> bool:
    """Let the run's machine go on, if it waits. run_id: the tail of it will do."""
    key = {"scope": _scope(ids.tail(run_id))}
    found = current().tables.get("admissions", key)
    if found is None:
        return False
    current().tables.delete("admissions", key)
    current().workflows.send_task_success(str(found["token"]))
    return True


def _scope(tail: str) -> str:
    return f"wait#{tail}"
