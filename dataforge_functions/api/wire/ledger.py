"""Bodies of the ledger: balance, entries, limits of an organisation."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel

from dataforge_functions.api.wire import fields
from dataforge_functions.api.wire.fields import one_of


class Balance(BaseModel):
    """What the organisation's plan still covers; fields of other plans are null."""

    plan: Annotated[str, one_of("unlimited", "payg", "quota")]
    """unlimited: metering only; payg: a balance in dollars; quota: records a month."""
    currency: str = "USD"
    """Of all amounts."""
    balance_usd: float | None
    """payg: the balance, with what is reserved."""
    reserved_usd: float | None
    """payg: held for jobs that have not ended."""
    available_usd: float | None
    """payg: what new jobs may cost."""
    quota_records: float | None
    """quota: records a month."""
    quota_used: float | None
    """quota: records of this month."""
    quota_reserved: float | None
    """quota: held for jobs that have not ended."""
    period: str | None
    """quota: the month, such as 2026-11."""


class LedgerEntry(BaseModel):
    """A movement of the account."""

    entry_id: str
    """Id of the entry; later ones are greater."""
    kind: Annotated[str, one_of("top_up", "reserve", "settle", "release", "plan", "limits")]
    """What moved."""
    amount_usd: float
    """Dollars."""
    records: float
    """Records of the quota."""
    job_id: str | None
    """Of the job that it belongs to."""
    note: str | None
    """What the operator wrote."""
    created_at: fields.Created


class LedgerPage(BaseModel):
    """Movements of the account, newest first."""

    entries: list[LedgerEntry]
    """The movements of this page."""
    next_cursor: fields.NextCursor


class Limits(BaseModel):
    """What the organisation may use and spend, over all runs. Only the operator sets it."""

    models: list[str] | None
    """Models that runs may ask, as `<provider>:<model>` where `*` is any text, or by name; null: all of them."""
    monthly_budget_usd: float | None
    """Dollars that the models of all runs may cost in a calendar month (UTC); null: no limit."""
    period: str
    """The present month, such as 2026-11."""
    spent_usd: float
    """By runs that were started in this month and have ended."""
    reserved_usd: float
    """Taken by runs that have not ended."""
    available_usd: float | None
    """What runs may still take; null: no limit."""
