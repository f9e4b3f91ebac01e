"""The organisation's monthly budget, over all its runs: asked before a run is started, and taken from while it asks.

`cost_budget` keeps each run within its own part; here a run gets more of the organisation's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dataforge import clock
from dataforge.errors import Invalid, PaymentRequired
from dataforge.store import spending
from dataforge.store.runs import Run
from dataforge.teachers import Model
from dataforge.workflows.engine import config

MICRO = 1_000_000
REACHED = "monthly_budget_reached"
"""Reason of slots that are not asked, and of a run that ends early."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one run may take of its organisation's budget; in dollars."""

    org_id: str
    run_id: str
    month: str
    uncounted: str | None = None
    """A model of the run whose price is not known, so that nothing can be taken for its calls: none may be sent. A run
    gets one only where the budget was set after it was started."""

    def take(self, least: float, wanted: float) -> float:
        """As `spending.take`; infinite where there is no budget any more. Blocks. Raises Busy."""
        taken = spending.take(
            self.org_id,
            self.run_id,
            self.month,
            least=spending.micro(least),
            wanted=spending.micro(max(least, wanted)),
        )
        return math.inf if taken is None else taken / MICRO


def allowance_of(run: Run) -> Allowance | None:
    """None: its organisation has no monthly budget."""
    if spending.limits_of(run.org_id).monthly_budget is None:
        return None
    return Allowance(run.org_id, run.run_id, spending.month_of(run.created_at), _uncounted(run))


def _uncounted(run: Run) -> str | None:
    """A model without a price, or with none but the caller's: the operator's budget does not count by that."""
    models = (config.model_of(run, role) for role in ("", *config.of(run).role_models))
    return next((model.backend for model in models if not model.is_priced or model.price_is_callers), None)


def check(org_id: str, models: Iterable[Model]) -> None:
    """Whether a run may be started that asks these. Raises PaymentRequired, Invalid (a price is not known)."""
    budget = spending.limits_of(org_id).monthly_budget
    paid = [model for model in models if not model.is_free]
    if budget is None or not paid:
        return
    for model in paid:
        if not model.is_priced:
            raise Invalid(
                f"The organization has a monthly budget, and the price of {model.backend} is not known here: the "
                "operator can add it to DATAFORGE_MODELS",
                field="model_id",
                code="PRICE_UNKNOWN",
            )
    month = spending.month_of(clock.now())
    use = spending.use_of(org_id, month)
    if use.spent + use.held >= budget:
        raise PaymentRequired(
            f"The organization's monthly budget of ${budget / MICRO:,.2f} is used up for {month}: "
            f"${use.spent / MICRO:,.2f} are spent, ${use.held / MICRO:,.2f} are reserved by runs; only the operator "
            "can raise it (dataforge ledger limits)",
            code="MONTHLY_BUDGET_REACHED",
        )
