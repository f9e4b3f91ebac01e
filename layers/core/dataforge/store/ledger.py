"""What organisations may spend and have spent: whole micro-dollars, and thousandths of a record for quotas.

| question                                | access                                                       |
|---|---|
| an organisation's plan and balance      | get ledger (org_id, entry: `account`)                         |
| what it used of a month's quota         | get ledger (org_id, entry: `quota#<month>`)                   |
| what a run holds                        | get ledger (org_id, entry: `hold#<run id>`)                   |
| its entries, newest first               | query ledger (org_id, entry begins `log#`), descending        |

A run reserves once (its hold is new), settles once (its hold is `held`), and every balance moves in the same
transaction as the hold: nothing is charged twice, whatever is repeated or cut off.

    unlimited   nothing is held back, entries tell what was used (the default of a self-hosted deployment)
    payg        a balance in dollars; what is reserved cannot be reserved again
    quota       records a calendar month
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ulid import ULID

from dataforge import clock, settings
from dataforge.errors import ConditionFailed, Conflict, Invalid, PaymentRequired
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Put, Update, Where, Write
from dataforge.store.item_codec import from_item, to_item

Plan = Literal["unlimited", "payg", "quota"]
EntryKind = Literal["top_up", "reserve", "settle", "release", "plan", "limits"]
PLANS: tuple[Plan, ...] = ("unlimited", "payg", "quota")
TRIES = 12
"""How often a reservation is tried while others move the same balance."""
UNITS = 1000


@dataclass(frozen=True, slots=True)
class Account:
    org_id: str
    plan: Plan = "unlimited"
    balance: int = 0
    """Micro-dollars, without what is reserved taken off."""
    reserved: int = 0
    quota: int = 0
    """Units a month."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Of one month, in units."""

    used: int = 0
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What a run may cost at most."""

    amount: int
    units: int
    subscription: bool = True
    """May be paid from a quota."""


@dataclass(frozen=True, slots=True)
class Entry:
    org_id: str
    entry: str
    kind: EntryKind
    amount: int
    units: int
    created_at: str
    run_id: str | None = None
    note: str | None = None


def account_of(org_id: str) -> Account:
    """An organisation without an account has the deployment's default plan."""
    item = current().tables.get("ledger", _key(org_id, "account"))
    return from_item(Account, item) if item else _fresh(org_id)


def _fresh(org_id: str) -> Account:
    plan = settings.get().plan
    if plan not in PLANS:
        raise Invalid(f"DATAFORGE_PLAN must be one of {', '.join(PLANS)}, not {plan!r}")
    return Account(org_id, plan, quota=settings.get().quota_records * UNITS)


def usage_of(org_id: str, month: str) -> Usage:
    item = current().tables.get("ledger", _key(org_id, f"quota#{month}"))
    return from_item(Usage, item) if item else Usage()


def month() -> str:
    """`2026-11`, UTC."""
    return clock.now()[:7]


def set_plan(org_id: str, plan: str, *, quota_records: int | None = None) -> Account:
    """The balance stays. Raises Invalid for an unknown plan."""
    if plan not in PLANS:
        raise Invalid(f"plan must be one of {', '.join(PLANS)}", field="plan")
    if quota_records is not None and quota_records < 0:
        raise Invalid("records must be 0 or more", field="records")
    _ensure(org_id)
    values: Item = {"plan": plan}
    if quota_records is not None:
        values["quota"] = quota_records * UNITS
    note = plan + (f", {quota_records} records a month" if quota_records is not None else "")
    current().tables.transact(
        [
            Update("ledger", _key(org_id, "account"), set=values),
            log_entry(org_id, "plan", note=note),
        ]
    )
    return account_of(org_id)


def top_up(org_id: str, amount: int, *, note: str | None = None) -> Account:
    """amount: micro-dollars, above 0. Raises Invalid."""
    if not 0 < amount <= 10**15:
        raise Invalid("The amount must be above 0 dollars and at most 1,000,000,000", field="amount")
    _ensure(org_id)
    current().tables.transact(
        [
            Update("ledger", _key(org_id, "account"), add={"balance": amount}),
            log_entry(org_id, "top_up", amount, note=note),
        ]
    )
    return account_of(org_id)


def reserve(org_id: str, run_id: str, demand: Demand, *, also: Sequence[Write] = ()) -> None:
    """Hold what a run may cost, in one transaction with `also`: both happen or neither.

    Raises PaymentRequired when the plan does not cover it.
    """
    for _ in range(TRIES):
        account = account_of(org_id)
        if account.plan == "payg":
            _ensure(org_id)
        hold = Put(
            "ledger",
            {
                "org_id": org_id,
                "entry": f"hold#{run_id}",
                "plan": account.plan,
                "amount": demand.amount,
                "units": demand.units,
                "state": "held",
                "month": month(),
                "created_at": clock.now(),
            },
            where={"entry": ABSENT},
        )
        log = log_entry(org_id, "reserve", demand.amount, demand.units, run_id=run_id)
        try:
            current().tables.transact([*_taken(account, demand), hold, log, *also])
            return
        except ConditionFailed:
            # Run ids are new: a hold of this one is from an attempt whose answer was lost.
            if current().tables.get("ledger", _key(org_id, f"hold#{run_id}")) is not None:
                return
    raise Conflict("The balance is moving too fast; try again in a moment", code="BALANCE_BUSY")


def _taken(account: Account, demand: Demand) -> list[Write]:
    """The write that takes the demand off the plan, valid only for the state that was read."""
    if account.plan == "payg":
        free = account.balance - account.reserved
        if demand.amount > free:
            raise PaymentRequired(
                f"This job may cost ${_dollars(demand.amount)}; ${_dollars(free)} of the balance is free"
            )
        where: Where = {"balance": account.balance, "reserved": account.reserved, "plan": "payg"}
        return [Update("ledger", _key(account.org_id, "account"), add={"reserved": demand.amount}, where=where)]
    if account.plan == "quota":
        return _taken_from_quota(account, demand)
    return []


def _taken_from_quota(account: Account, demand: Demand) -> list[Write]:
    if not demand.subscription:
        raise PaymentRequired("The deep tier is pay-as-you-go only; this organization pays from a monthly quota")
    item = current().tables.get("ledger", _key(account.org_id, f"quota#{month()}"))
    usage = from_item(Usage, item) if item else Usage()
    free = account.quota - usage.used - usage.reserved
    if demand.units > free:
        left = max(0, free) / UNITS
        raise PaymentRequired(
            f"This job may use {demand.units / UNITS:g} records of the monthly quota; {left:g} are left"
        )
    key = _key(account.org_id, f"quota#{month()}")
    if item is None:
        fresh: Item = {**key, "used": 0, "reserved": demand.units}
        return [Put("ledger", fresh, where={"entry": ABSENT})]
    unchanged: Where = {"used": usage.used, "reserved": usage.reserved}
    return [Update("ledger", key, add={"reserved": demand.units}, where=unchanged)]


def settle(org_id: str, run_id: str, *, amount: int, units: int) -> None:
    """Charge what was delivered and release the rest; again for a settled run does nothing.

    amount and units are at most what was reserved.
    """
    item = current().tables.get("ledger", _key(org_id, f"hold#{run_id}"))
    if item is None or item["state"] != "held":
        return
    held, held_units = int(str(item["amount"])), int(str(item["units"]))
    amount, units = min(amount, held), min(units, held_units)
    writes: list[Write] = [
        Update(
            "ledger",
            _key(org_id, f"hold#{run_id}"),
            where={"state": "held"},
            set={"state": "settled", "charged": amount, "charged_units": units, "settled_at": clock.now()},
        ),
        log_entry(org_id, "settle", amount, units, run_id=run_id),
    ]
    if held > amount or held_units > units:
        writes.append(log_entry(org_id, "release", held - amount, held_units - units, run_id=run_id))
    if item["plan"] == "payg":
        writes.append(Update("ledger", _key(org_id, "account"), add={"balance": -amount, "reserved": -held}))
    if item["plan"] == "quota":
        key = _key(org_id, f"quota#{item['month']}")
        writes.append(Update("ledger", key, add={"used": units, "reserved": -held_units}))
    try:
        current().tables.transact(writes)
    except ConditionFailed:  # another attempt of the same state was faster
        return


def charged(org_id: str, run_id: str) -> int | None:
    """Micro-dollars that a run was settled at; None: it is not settled."""
    item = current().tables.get("ledger", _key(org_id, f"hold#{run_id}"))
    return int(str(item["charged"])) if item and item["state"] == "settled" else None


def entries(org_id: str, *, limit: int, cursor: str | None = None) -> tuple[list[Entry], str | None]:
    """Newest first."""
    page = current().tables.query_page(
        "ledger", {"org_id": org_id}, begins=("entry", "log#"), cursor=cursor, limit=limit, descending=True
    )
    return [from_item(Entry, i) for i in page.items], page.cursor


def _ensure(org_id: str) -> None:
    try:
        current().tables.put_new("ledger", {**to_item(_fresh(org_id)), "entry": "account"})
    except ConditionFailed:
        return


def log_entry(
    org_id: str, kind: EntryKind, amount: int = 0, units: int = 0, *, run_id: str | None = None, note: str | None = None
) -> Put:
    """The write of an entry, for a transaction with what it tells of."""
    entry = Entry(
        org_id=org_id,
        entry=f"log#{str(ULID()).lower()}",
        kind=kind,
        amount=amount,
        units=units,
        created_at=clock.now(),
        run_id=run_id,
        note=note,
    )
    return Put("ledger", to_item(entry))


def _key(org_id: str, entry: str) -> dict[str, str | int]:
    return {"org_id": org_id, "entry": entry}


def _dollars(micro: int) -> str:
    return f"{micro / 1_000_000:,.2f}"
