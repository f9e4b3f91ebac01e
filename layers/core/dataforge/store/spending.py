"""What an organisation may use and spend over all its runs, and what they have spent: whole micro-dollars.

| question                                 | access                                                          |
|---|---|
| its limits                               | get ledger (org_id, entry: `limits`)                            |
| what its runs took of a month's budget   | get ledger (org_id, entry: `month#<month>`)                     |
| what one run took                        | get ledger (org_id, entry: `run#<run id>`)                      |
| a run takes more, or is settled          | transact month and run, each if it is what was read             |

A run takes parts of the budget before it spends them, so runs that go on at the same time cannot take the same dollar;
when it ends, what it took is exchanged for what it cost. It counts in the month in which it was started. Runs without
a budget over them are counted at their end, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dataforge.errors import ConditionFailed, Invalid
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Put, Update, Write
from dataforge.store import contention, ledger
from dataforge.store.item_codec import from_item

MOST_MODELS = 100
MOST_DOLLARS = 1_000_000_000
SHARE = 8
"""A run takes at most this part of what is free, beyond what it needs now: others need some too."""
OPEN, SETTLED = "open", "settled"


@dataclass(frozen=True, slots=True)
class Limits:
    org_id: str
    models: list[str] | None = None
    """Patterns of models that runs may ask; `*` is any text. None: all."""
    monthly_budget: int | None = None
    """Micro-dollars that the models of all runs may cost in a calendar month (UTC). None: no limit."""

    def allows(self, *names: str) -> bool:
        """names: of one model. Whether one of them matches."""
        return self.models is None or any(_matches(pattern, name) for pattern in self.models for name in names)


@dataclass(frozen=True, slots=True)
class MonthUse:
    spent: int = 0
    """Micro-dollars, of runs that have ended."""
    held: int = 0
    """Taken by runs that have not ended."""


def limits_of(org_id: str) -> Limits:
    item = current().tables.get("ledger", _key(org_id, "limits"))
    return from_item(Limits, item) if item else Limits(org_id)


def put_limits(limits: Limits) -> None:
    """For the operator. Raises Invalid."""
    for pattern in limits.models or ():
        if not 1 <= len(pattern) <= 200:
            raise Invalid("models: a name has 1 to 200 characters", field="models")
    if len(limits.models or ()) > MOST_MODELS:
        raise Invalid(f"models: at most {MOST_MODELS} names", field="models")
    if limits.monthly_budget is not None and not 0 <= limits.monthly_budget <= MOST_DOLLARS * 10**6:
        raise Invalid(f"monthly_budget must be from 0 to {MOST_DOLLARS:,} dollars", field="monthly_budget")
    values: Item = {"models": None if limits.models is None else [*limits.models]}
    values["monthly_budget"] = limits.monthly_budget
    current().tables.transact(
        [
            Put("ledger", {**_key(limits.org_id, "limits"), **values}),
            ledger.log_entry(limits.org_id, "limits", note=_note(limits)),
        ]
    )


def use_of(org_id: str, month: str) -> MonthUse:
    item = current().tables.get("ledger", _key(org_id, f"month#{month}"))
    return from_item(MonthUse, item) if item else MonthUse()


def take(org_id: str, run_id: str, month: str, *, least: int, wanted: int) -> int | None:
    """Make what the run has taken `least` micro-dollars in all, if the budget has them, and `wanted` if it has many.

    What it has taken then: less than `least` where the budget is used up, nothing more once the run is settled. None:
    the organisation has no monthly budget. Blocks. Raises Busy when too many runs take at once.
    """
    for _ in contention.attempts(f"too many runs of {org_id} take from its budget"):
        budget = limits_of(org_id).monthly_budget
        if budget is None:
            return None
        use, run = use_of(org_id, month), _run(org_id, run_id)
        taken = int(str(run["taken"])) if run else 0
        free = max(0, budget - use.spent - use.held)
        more = min(free, max(least - taken, min(wanted - taken, free // SHARE)))
        if more <= 0 or (run and run["state"] == SETTLED):
            return taken
        if _moved(org_id, month, use, run_id, run, {"taken": taken + more, "state": OPEN}, held=more, spent=0):
            return taken + more
    raise AssertionError("unreachable: the last attempt raises")


def settle(org_id: str, run_id: str, month: str, *, cost: int) -> None:
    """The run has ended and cost this much; again for a settled run does nothing. Blocks.

    Raises Busy when too many runs end at once.
    """
    for _ in contention.attempts(f"too many runs of {org_id} end"):
        run = _run(org_id, run_id)
        if (run and run["state"] == SETTLED) or (not run and not cost):
            return
        taken = int(str(run["taken"])) if run else 0
        use = use_of(org_id, month)
        ended: Item = {"taken": taken, "state": SETTLED, "cost": cost}
        if _moved(org_id, month, use, run_id, run, ended, held=-taken, spent=cost):
            return


def month_of(time: str) -> str:
    """`2026-11`, of a time as it is stored."""
    return time[:7]


def micro(dollars: float | None) -> int:
    """Rounded up; nothing where the price is not known."""
    return math.ceil(round((dollars or 0.0) * 1_000_000, 3))


def _moved(
    org_id: str, month: str, use: MonthUse, run_id: str, run: Item | None, values: Item, *, held: int, spent: int
) -> bool:
    """Whether month and run could be changed together; False: one of them is not what was read."""
    month_key, run_key = _key(org_id, f"month#{month}"), _key(org_id, f"run#{run_id}")
    _ensure(month_key)
    writes: list[Write] = [
        Update("ledger", month_key, add={"held": held, "spent": spent}, where={"held": use.held, "spent": use.spent}),
        Update("ledger", run_key, set=values, where={"taken": run["taken"], "state": run["state"]})
        if run
        else Put("ledger", {**run_key, **values, "month": month}, where={"entry": ABSENT}),
    ]
    try:
        current().tables.transact(writes)
    except ConditionFailed:
        return False
    return True


def _ensure(month_key: dict[str, str | int]) -> None:
    try:
        current().tables.put_new("ledger", {**month_key, "spent": 0, "held": 0})
    except ConditionFailed:
        return


def _run(org_id: str, run_id: str) -> Item | None:
    return current().tables.get("ledger", _key(org_id, f"run#{run_id}"))


def _matches(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _note(limits: Limits) -> str:
    budget = "no monthly budget"
    if limits.monthly_budget is not None:
        budget = f"monthly budget {limits.monthly_budget / 1_000_000:,.2f} USD"
    models: Sequence[str] = ["all"] if limits.models is None else limits.models or ["none"]
    return f"{budget}; models: {', '.join(models)}"[:1000]


def _key(org_id: str, entry: str) -> dict[str, str | int]:
    return {"org_id": org_id, "entry": entry}
