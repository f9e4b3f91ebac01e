"""What a run may still spend, to the cent: every call is held at the most it can cost before it is sent.

The limit is the run's own (`max_cost_usd`), or what it could take of its organisation's monthly budget, or both.

The run's budget lies in the tables; a batch takes a part of it, spends from that part, takes more, and gives back the
rest at its end. Near the end of the budget calls go one by one: while nothing else of the batch is in flight and
anything is left, one more call may go, whatever it costs. So a batch exceeds the budget by one call at most, and a
batch that died has taken what it may have spent, which its next attempt goes on with.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from dataforge import settings
from dataforge.platform.ports import Item
from dataforge.records import Question
from dataforge.store import shared_state
from dataforge.store.runs import Run
from dataforge.teachers.prices import Price
from dataforge.workflows.engine import config
from dataforge.workflows.engine.monthly_budget import REACHED, Allowance, allowance_of

_CHARACTERS_PER_TOKEN = 2.5
"""Fewer than in any language a model reads well: for a bound, not for an estimate."""


def max_cost(question: Question, price: Price) -> float:
    """Dollars that one call costs at most."""
    characters = sum(len(m.content) for m in question.messages) + len(str(question.json_schema or ""))
    written = characters / _CHARACTERS_PER_TOKEN + 200
    return price.of(int(written), question.max_tokens, written=int(written) if price.cache_write else 0)


def dearest(prices: Iterable[Price | None]) -> Price | None:
    """What a call costs at most, whichever of the models is asked. None: no price is known."""
    known = [price for price in prices if price is not None]
    if not known:
        return None
    writes = max(p.input if p.cache_write is None else p.cache_write for p in known)
    is_written = any(p.cache_write for p in known)
    return Price(max(p.input for p in known), max(p.output for p in known), cache_write=writes if is_written else None)


class CostBudget:
    """One per part of a run: a batch, say. limit: the run's own budget; None: it has none. allowance: of its
    organisation's monthly budget; None: that has none. With neither, everything passes.

    spent: what the stored replies of this batch have cost already. share: how many batches spend at once.
    """

    def __init__(
        self,
        run_id: str,
        batch: str,
        price: Price | None,
        *,
        limit: float | None,
        spent: float = 0.0,
        share: int = 1,
        allowance: Allowance | None = None,
    ) -> None:
        self._scope, self._batch, self._share = shared_state.budget_scope(run_id), batch, max(1, share)
        self._source = _Source(limit, allowance)
        self._price = price or Price(0.0, 0.0)
        self.spent = spent
        self._lost = 0.0
        """Dollars of calls without a reply that tells their cost; part of `spent`. A later attempt of the batch, which
        sees stored replies only, finds the sum in the tables."""
        self._knows_lost = False
        """The sum of earlier attempts was read."""
        self._taken = spent
        self._held = 0.0
        self._in_flight = 0
        self._changed = asyncio.Event()
        self._taking = asyncio.Lock()

    async def hold(self, question: Question) -> float | None:
        """Dollars held for a call, to give to `settle`. None: the budget is used up, `reached` says which."""
        if not self._source.is_limited:
            return 0.0
        if self._source.uncounted:
            return None
        bound = max_cost(question, self._price)
        while True:
            if self.spent + self._held + bound > self._taken:
                await self._take(bound)
            if self.spent + self._held + bound <= self._taken:
                break
            if self._in_flight == 0:
                if self.spent >= self._taken:
                    return None
                break
            self._changed.clear()
            await self._changed.wait()
        self._held += bound
        self._in_flight += 1
        return bound

    def settle(self, held: float, cost: float | None) -> None:
        """cost: what the call really cost; None: not known, so what it could have cost at most."""
        if not self._source.is_limited:
            return
        self._held -= held
        self._in_flight -= 1
        self.spent += held if cost is None else cost
        self._lost += held if cost is None else 0.0
        self._changed.set()

    async def _take(self, bound: float) -> None:
        async with self._taking:
            while (lacking := self.spent + self._held + bound - self._taken) > 0:
                self._taken, lost = await asyncio.to_thread(self._taken_for, lacking, lacking + 7 * bound)
                if self._knows_lost:
                    return
                self._knows_lost = True
                self._lost += lost
                self.spent += lost
                if not lost:
                    return

    def _taken_for(self, least: float, wanted: float) -> tuple[float, float]:
        """This batch's part afterwards, as it was where nothing is left; and what its earlier attempts have lost."""
        limit = self._source.limit()

        def decide(stored: Item) -> tuple[Item, tuple[float, float, float, float]]:
            parts = cast("dict[str, float]", stored.get("parts") or {})
            mine = max(self._taken, float(parts.get(self._batch, 0.0)))
            others = sum(p for b, p in parts.items() if b != self._batch)
            left = max(0.0, limit - others - mine)
            got = min(left, max(least, min(wanted, left / (2 * self._share))))
            answer = (others, mine, mine + got, _lost_by(stored, self._batch))
            return {"parts": {**parts, self._batch: mine + got}}, answer

        others, mine, taken, lost = shared_state.update(self._scope, decide, days=30)
        if taken < mine + least and self._source.grow(others + mine + least, others + mine + wanted):
            limit = self._source.limit()
            _, _, taken, lost = shared_state.update(self._scope, decide, days=30)
        return taken, lost

    @property
    def reached(self) -> tuple[str, str]:
        """Why `hold` said None: the reason of the slots, and a sentence."""
        return self._source.reached

    def give_back(self) -> None:
        """At the end of the batch: only what was spent stays taken. Blocks."""
        if not self._source.is_limited:
            return

        def decide(stored: Item) -> tuple[Item, None]:
            parts = cast("dict[str, float]", stored.get("parts") or {})
            earlier = 0.0 if self._knows_lost else _lost_by(stored, self._batch)
            given: Item = {"parts": {**parts, self._batch: self.spent + earlier}}
            if self._lost + earlier > 0:
                known = cast("dict[str, float]", stored.get("lost") or {})
                given["lost"] = {**known, self._batch: self._lost + earlier}
            return given, None

        shared_state.update(self._scope, decide, days=30)


def of_run(run: Run, part: str, *, spent: float) -> CostBudget:
    """A part of what the run may spend: of a batch, say. spent: what its stored replies have cost. Blocks."""
    roles = ("", *config.of(run).role_models)
    return CostBudget(
        run.run_id,
        part,
        dearest([config.model_of(run, role).price for role in roles]),
        limit=config.of(run).max_cost_usd,
        spent=spent,
        share=settings.get().workers,
        allowance=allowance_of(run),
    )


class _Source:
    """What a run may spend in all: its own limit, and what it has taken of the monthly budget. Blocks where it says."""

    def __init__(self, limit: float | None, allowance: Allowance | None) -> None:
        self._own = math.inf if limit is None else limit
        self._allowance = allowance
        self._granted: float | None = None if allowance else math.inf
        """None: not read yet."""

    @property
    def is_limited(self) -> bool:
        return self._allowance is not None or self._own < math.inf

    @property
    def uncounted(self) -> str | None:
        """As of the allowance: nothing may be spent."""
        return self._allowance.uncounted if self._allowance else None

    def limit(self) -> float:
        """Dollars. Blocks at first."""
        if self._granted is None:
            self.grow(0.0, 0.0)
        return min(self._own, self._granted or 0.0)

    def grow(self, least: float, wanted: float) -> bool:
        """Take of the monthly budget until the run may spend so much. Whether it may spend more now. Blocks."""
        before = self._granted
        if self._allowance is None or (before is not None and before >= self._own):
            return False
        self._granted = self._allowance.take(min(self._own, least), min(self._own, wanted))
        return before is None or self._granted > before

    @property
    def reached(self) -> tuple[str, str]:
        if self.uncounted:
            return REACHED, f"the price of {self.uncounted} is not known, so the monthly budget cannot count it"
        if self._granted is None or self._granted < self._own:
            return REACHED, "the organization's monthly budget is used up"
        return "budget_reached", f"max_cost_usd {self._own:g} is used up"


def is_limited(run: Run) -> bool:
    """Whether the run has a budget, its own or its organisation's. Blocks."""
    return config.of(run).max_cost_usd is not None or allowance_of(run) is not None


def _lost_by(stored: Item, batch: str) -> float:
    return float(cast("dict[str, float]", stored.get("lost") or {}).get(batch, 0.0))


def hold_for_job(
    run_id: str, name: str, limit: float | None, bounds: Sequence[float], *, allowance: Allowance | None = None
) -> int:
    """How many of these, in order, the run can still pay for: they are held under the name until `settle_jobs`.

    limit, allowance: as of a CostBudget. bounds: what each costs at most. Again under the same name, it decides anew.
    Blocks.
    """
    source = _Source(limit, allowance)

    def decide(stored: Item) -> tuple[Item, int]:
        parts = cast("dict[str, float]", stored.get("parts") or {})
        others = sum(p for b, p in parts.items() if b != name)
        source.grow(others + sum(bounds), others + sum(bounds))
        left = source.limit() - others
        held, number = 0.0, 0
        for bound in () if source.uncounted else bounds:
            if held + bound > left:
                break
            held, number = held + bound, number + 1
        return {"parts": {**parts, name: held}}, number

    return shared_state.update(shared_state.budget_scope(run_id), decide, days=30)


def settle_jobs(run_id: str, names: Sequence[str], spent: Mapping[str, float]) -> None:
    """names: under which `hold_for_job` held for jobs that are over. What their replies have really cost, by the batch
    that they belong to; the rest is free again. Blocks."""

    def decide(stored: Item) -> tuple[Item, None]:
        parts = dict(cast("dict[str, float]", stored.get("parts") or {}))
        held = [parts.pop(name) for name in names if name in parts]
        if held:  # else it was settled before
            for batch, cost in spent.items():
                parts[batch] = parts.get(batch, 0.0) + cost
        return {"parts": {**parts}}, None

    shared_state.update(shared_state.budget_scope(run_id), decide, days=30)
