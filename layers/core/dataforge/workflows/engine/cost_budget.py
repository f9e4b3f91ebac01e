"""What a run may still spend, to the cent: every call is held at the most it can cost before it is sent.

The run's budget lies in the tables; a batch takes a part of it, spends from that part, takes more, and gives back the
rest at its end. Near the end of the budget calls go one by one: while nothing else of the batch is in flight and
anything is left, one more call may go, whatever it costs. So a batch exceeds the budget by one call at most, and a
batch that died has taken what it may have spent, which its next attempt goes on with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

from dataforge.platform.ports import Item
from dataforge.records import Question
from dataforge.store import shared_state
from dataforge.teachers.prices import Price

_CHARACTERS_PER_TOKEN = 2.5
"""Fewer than in any language a model reads well: for a bound, not for an estimate."""


def max_cost(question: Question, price: Price) -> float:
    """Dollars that one call costs at most."""
    characters = sum(len(m.content) for m in question.messages) + len(str(question.json_schema or ""))
    written = characters / _CHARACTERS_PER_TOKEN + 200
    return price.of(int(written), question.max_tokens, written=int(written) if price.cache_write else 0)


class CostBudget:
    """One per batch. limit: the run's budget; None: no limit, and everything passes.

    spent: what the stored replies of this batch have cost already. share: how many batches spend at once.
    """

    def __init__(
        self, run_id: str, batch: str, price: Price | None, *, limit: float | None, spent: float = 0.0, share: int = 1
    ) -> None:
        self._scope, self._batch, self._limit, self._share = f"budget#{run_id}", batch, limit, max(1, share)
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
        """Dollars held for a call, to give to `settle`. None: the budget is used up."""
        if self._limit is None:
            return 0.0
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
        if self._limit is None:
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

        def decide(stored: Item) -> tuple[Item, tuple[float, float]]:
            parts = cast("dict[str, float]", stored.get("parts") or {})
            mine = max(self._taken, float(parts.get(self._batch, 0.0)))
            left = max(0.0, cast(float, self._limit) - sum(p for b, p in parts.items() if b != self._batch) - mine)
            got = min(left, max(least, min(wanted, left / (2 * self._share))))
            return {"parts": {**parts, self._batch: mine + got}}, (mine + got, _lost_by(stored, self._batch))

        return shared_state.update(self._scope, decide, days=30)

    def give_back(self) -> None:
        """At the end of the batch: only what was spent stays taken. Blocks."""
        if self._limit is None:
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


def _lost_by(stored: Item, batch: str) -> float:
    return float(cast("dict[str, float]", stored.get("lost") or {}).get(batch, 0.0))


def hold_for_job(run_id: str, name: str, limit: float, bounds: Sequence[float]) -> int:
    """How many of these, in order, the run can still pay for: they are held under the name until `settle_job`.

    bounds: what each costs at most. Again under the same name, it decides anew. Blocks.
    """

    def decide(stored: Item) -> tuple[Item, int]:
        parts = cast("dict[str, float]", stored.get("parts") or {})
        left = limit - sum(p for b, p in parts.items() if b != name)
        held, number = 0.0, 0
        for bound in bounds:
            if held + bound > left:
                break
            held, number = held + bound, number + 1
        return {"parts": {**parts, name: held}}, number

    return shared_state.update(f"budget#{run_id}", decide, days=30)


def settle_job(run_id: str, name: str, spent: Mapping[str, float]) -> None:
    """What the job's replies have really cost, by the batch that they belong to; the rest is free again. Blocks."""

    def decide(stored: Item) -> tuple[Item, None]:
        parts = dict(cast("dict[str, float]", stored.get("parts") or {}))
        if parts.pop(name, None) is not None:  # else it was settled before
            for batch, cost in spent.items():
                parts[batch] = parts.get(batch, 0.0) + cost
        return {"parts": {**parts}}, None

    shared_state.update(f"budget#{run_id}", decide, days=30)
