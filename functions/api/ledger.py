"""Balance, quota and charges of an organisation; only the operator can add credit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from dataforge.store import ledger
from functions.api.callers import AnyCallerDep as Who
from functions.api.routing import Route
from functions.api.wire import synthetic as wire
from functions.api.wire import synthetic_views as views

router = APIRouter(prefix="/v1/ledger", tags=["ledger"], route_class=Route)


@router.get("", operation_id="ledger_balance")
def balance(who: Who) -> wire.Balance:
    account = ledger.account_of(who.org_id)
    return views.balance(account, ledger.usage_of(who.org_id, ledger.month()))


@router.get("/entries", operation_id="ledger_entries")
def entries(
    who: Who,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
) -> wire.LedgerPage:
    """Newest first."""
    found, following = ledger.entries(who.org_id, limit=limit, cursor=cursor)
    return wire.LedgerPage(entries=[views.entry(e) for e in found], next_cursor=following)
