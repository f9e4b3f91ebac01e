"""Balance, quota and charges of an organisation; only the operator can add credit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from dataforge.store import ledger, spending
from dataforge_functions.api.callers import AnyCallerDep as Who
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import ledger as bodies
from dataforge_functions.api.wire import synthetic_views as views

router = APIRouter(prefix="/v1/ledger", tags=["ledger"], route_class=Route)


@router.get("", operation_id="ledger_balance")
def balance(who: Who) -> bodies.Balance:
    """Only the operator changes plans and balances."""
    account = ledger.account_of(who.org_id)
    return views.balance(account, ledger.usage_of(who.org_id, ledger.month()))


@router.get("/limits", operation_id="get_limits")
def limits(who: Who) -> bodies.Limits:
    """The models that the organisation may use, and its monthly budget over all runs; only the operator sets them."""
    month = ledger.month()
    return views.limits(spending.limits_of(who.org_id), month, spending.use_of(who.org_id, month))


@router.get("/entries", operation_id="ledger_entries")
def entries(
    who: Who,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries per page")] = 20,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next_cursor` of the page before")] = None,
) -> bodies.LedgerPage:
    """Newest first."""
    found, following = ledger.entries(who.org_id, limit=limit, cursor=cursor)
    return bodies.LedgerPage(entries=[views.entry(e) for e in found], next_cursor=following)
