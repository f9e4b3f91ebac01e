"""What all workers of an account share while they ask: start times of a model's line, and what a run may still spend.

| question                                  | access                                         |
|---|---|
| when may a model be asked next?           | get, update where version (scope `rate#<model>`)  |
| what may this run still spend?            | get, update where version (scope `budget#<run>`)  |
| what has it spent, as far as is known?    | get (scope `budget#<run>`)                        |

Both are read, decided on and written back only if nobody wrote between; who came second decides again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from dataforge import clock
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import contention, own_writes

T = TypeVar("T")
DAY = 86_400


def update(scope: str, decision: Callable[[Item], tuple[Item, T]], *, days: int = 1) -> T:
    """decision: from the attributes that are stored (none at first) to those to set, and its own result; it may be
    called several times. Blocks for some milliseconds. Raises Busy when too many write at once.
    """
    mark, result = own_writes.new_mark(), None
    for _ in contention.attempts(f"too many workers write {scope}"):
        stored = current().tables.get("admissions", {"scope": scope}) or {}
        if result is not None and stored.get(own_writes.MARK) == mark:  # written before, only the answer was lost
            return result[0]
        version = stored.get("version")
        fresh, decided = decision(stored)
        result = (decided,)
        number = version + 1 if isinstance(version, int) else 1
        item: Item = {
            **fresh,
            "version": number,
            "expires_at": clock.epoch() + days * DAY,
            own_writes.MARK: mark,
        }
        try:
            if version is None:
                current().tables.put_new("admissions", {**item, "scope": scope})
            else:
                current().tables.update("admissions", {"scope": scope}, set=item, where={"version": version})
        except ConditionFailed:
            continue
        return decided
    raise AssertionError("unreachable: the last attempt raises")


def budget_scope(run_id: str) -> str:
    """`parts`: dollars that each batch has taken of the run's budget, at its end what it spent; `lost`: those of them
    for calls whose cost no reply told, at the most that they can have cost."""
    return f"budget#{run_id}"


def spent_by(run_id: str) -> tuple[float, float]:
    """The sums of `parts` and of `lost`; zeros for a run without any budget."""
    stored = current().tables.get("admissions", {"scope": budget_scope(run_id)}) or {}
    parts, lost = (cast("dict[str, float]", stored.get(name) or {}) for name in ("parts", "lost"))
    return sum(map(float, parts.values())), sum(map(float, lost.values()))
