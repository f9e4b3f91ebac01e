"""Rate limiter and cost budget on both backends: what workers share bounds all of them together."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge import platform
from dataforge.errors import TeacherBusy
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.ports import Platform, Tables
from dataforge.records import Answer, Message, Passage, Question, Rates
from dataforge.store import shared_state
from dataforge.teachers import Model
from dataforge.teachers.prices import Price
from dataforge.workflows.engine.cost_budget import CostBudget, max_cost
from dataforge.workflows.engine.rate_limiter import RateLimiter
from tests.support import storage_backends

QUESTION = Question((Message("user", "x" * 400),), Passage("x"), (), max_tokens=1000)
PRICE = Price(1.0, 10.0)


class OneAtATime:
    """Each call of a table is atomic, as DynamoDB promises for one item; moto between two threads does not."""

    def __init__(self, tables: Tables) -> None:
        self._tables, self._lock = tables, threading.Lock()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._tables, name)

        def call(*args: Any, **more: Any) -> Any:
            with self._lock:
                return method(*args, **more)

        return call


@pytest.fixture(params=list(storage_backends.TABLES))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    nothing: Any = None
    with storage_backends.TABLES[request.param](tmp_path) as tables:
        shared: Any = OneAtATime(tables) if request.param == "aws" else tables
        platform.use(
            Platform(
                name=request.param,
                tables=shared,
                files=nothing,
                workflows=nothing,
                publisher=nothing,
                secrets=EnvironmentSecrets(None),
                trainer=nothing,
                inference=nothing,
            )
        )
        yield request.param
        platform.use(None)


def model(**facts: Any) -> Model:
    return Model("m", "m", "openai:m", **facts)


async def pump(limiter: RateLimiter, starts: list[float], end: float, *, took: float = 0.05, tokens: int = 100) -> None:
    """Send calls through the limiter, as many as it lets, and note when each began."""

    async def one() -> None:
        while time.time() < end and (era := await limiter.enter(QUESTION)) is not None:
            starts.append(time.time())
            await asyncio.sleep(took)
            limiter.answered(era, Answer("", "m", input_tokens=tokens))

    await asyncio.gather(*(one() for _ in range(limiter.window.ceiling)))


def most_in_a_second(starts: list[float]) -> int:
    return max(sum(t <= u < t + 1 for u in starts) for t in starts)


def test_two_runs_share_one_rate_and_both_get_on(backend: str) -> None:
    starts: tuple[list[float], list[float]] = [], []  # type: ignore[assignment]

    async def run() -> None:
        end = time.time() + 3
        over = lambda: time.time() > end  # noqa: E731
        gates = [RateLimiter(model(requests_per_minute=1200), f"org{n}", 8, over) for n in range(2)]
        await asyncio.gather(*(pump(g, s, end) for g, s in zip(gates, starts, strict=True)))

    asyncio.run(run())

    together = starts[0] + starts[1]
    assert most_in_a_second(together) <= 22
    assert len(together) >= 0.75 * 60
    assert min(map(len, starts)) >= 0.3 * len(together)


def test_tokens_per_minute_space_the_calls_by_what_they_really_use(backend: str) -> None:
    starts: list[float] = []

    async def run() -> None:
        end = time.time() + 2
        await pump(
            RateLimiter(model(tokens_per_minute=60_000), "o", 8, lambda: time.time() > end), starts, end, tokens=100
        )

    asyncio.run(run())

    assert 8 <= len(starts) <= 22  # 10 calls a second, after a first guess that was too careful


def test_limits_that_the_provider_reports_are_kept_from_then_on(backend: str) -> None:
    starts: list[float] = []

    async def run() -> None:
        end = time.time() + 1.5
        limiter = RateLimiter(model(), "o", 1, lambda: time.time() > end)
        limiter.turned_away(await limiter.enter(QUESTION) or 0, Rates(requests=600), limited=True)
        await pump(limiter, starts, end, took=0)

    asyncio.run(run())

    assert 8 <= len(starts) <= 17


def test_a_gate_lets_nobody_wait_for_what_is_over(backend: str) -> None:
    async def run() -> float:
        limiter = RateLimiter(model(requests_per_minute=1), "o", 4, lambda: time.time() > began + 0.5)
        await asyncio.gather(*(limiter.enter(QUESTION) for _ in range(8)))
        return time.time() - began

    began = time.time()

    assert asyncio.run(run()) < 2


def test_a_decision_that_many_make_at_once_counts_every_one(backend: str) -> None:
    def add_one(stored: dict[str, Any]) -> tuple[dict[str, Any], int]:
        return {"n": stored.get("n", 0) + 1}, stored.get("n", 0) + 1

    with ThreadPoolExecutor(8) as threads:
        seen = list(threads.map(lambda _: shared_state.update("rate#x", add_one), range(24)))

    assert sorted(seen) == list(range(1, 25))


async def spend(budget: CostBudget, costs: list[float], *, at_once: int) -> None:
    """Calls of these costs through the budget, until it says no."""
    queue = iter(costs)

    async def one() -> None:
        for cost in queue:
            if (held := await budget.hold(QUESTION)) is None:
                return
            await asyncio.sleep(random.uniform(0, 0.001))
            budget.settle(held, cost)

    await asyncio.gather(*(one() for _ in range(at_once)))
    await asyncio.to_thread(budget.give_back)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_budget_is_spent_to_its_end_and_exceeded_by_one_call_a_worker_at_most(backend: str, workers: int) -> None:
    bound, budget = max_cost(QUESTION, PRICE), 0.08
    costs = [random.Random(1).uniform(0.1, 0.9) * bound for _ in range(200)]
    purses = [CostBudget("run", f"r0b{n}", PRICE, limit=budget, share=workers) for n in range(workers)]

    async def run() -> None:
        await asyncio.gather(*(spend(p, costs, at_once=8) for p in purses))

    asyncio.run(run())

    spent = sum(p.spent for p in purses)
    assert sum(costs) > 5 * budget
    assert budget - workers * bound <= spent <= budget + workers * bound


def test_a_batch_that_died_goes_on_with_what_it_had_taken_and_the_next_ones_get_the_rest(backend: str) -> None:
    bound = max_cost(QUESTION, PRICE)
    budget = 12 * bound

    async def run() -> list[float]:
        died = CostBudget("run", "r0b0", PRICE, limit=budget)
        held = await died.hold(QUESTION)
        died.settle(held or 0, bound)
        again = CostBudget("run", "r0b0", PRICE, limit=budget, spent=died.spent)
        await spend(again, [bound] * 3, at_once=2)
        rest = CostBudget("run", "r0b1", PRICE, limit=budget)
        await spend(rest, [bound] * 100, at_once=4)
        return [again.spent, rest.spent]

    spent = asyncio.run(run())

    assert spent[0] == pytest.approx(4 * bound)
    assert spent[1] == pytest.approx(8 * bound, abs=1.01 * bound)


def test_without_a_budget_nothing_is_held_or_written(backend: str) -> None:
    async def run() -> None:
        budget = CostBudget("run", "r0b0", None, limit=None)
        await spend(budget, [1e9] * 5, at_once=2)

    asyncio.run(run())

    assert platform.current().tables.get("admissions", {"scope": "budget#run"}) is None


@given(st.text(max_size=2000), st.integers(1, 32_768))
def test_no_call_costs_more_than_the_bound(text: str, room: int) -> None:
    from dataforge import tokens

    question = Question((Message("user", text),), Passage(text), (), max_tokens=room)

    assert PRICE.of(tokens.count(text) + 50, room) <= max_cost(question, PRICE) + len(text.encode()) / 1e6


def test_a_refusal_for_want_of_room_at_the_provider_does_not_narrow_the_gate(backend: str) -> None:
    async def run() -> float:
        limiter = RateLimiter(model(), "o", 32, lambda: False)
        for _ in range(100):
            busy = TeacherBusy("overloaded", limited=False)
            limiter.turned_away(await limiter.enter(QUESTION) or 0, busy.rates, limited=busy.limited)
        return limiter.window.limit

    assert asyncio.run(run()) == 32


@pytest.mark.parametrize("backend", ["embedded"], indirect=True)
@pytest.mark.parametrize("ceiling", [1, 2, 5])
def test_whoever_waits_for_room_is_overtaken_by_nobody(backend: str, ceiling: int) -> None:
    limiter, order = RateLimiter(model(), "org", ceiling, lambda: False), list[int]()
    numbers = iter(range(40))

    async def asker() -> None:
        for number in numbers:
            era = await limiter.enter(QUESTION)
            assert era is not None
            order.append(number)
            await asyncio.sleep(0)
            limiter.answered(era, Answer("", "m"))  # and the next call at once

    async def all_of_them() -> None:
        await asyncio.gather(*(asker() for _ in range(2 * ceiling)))

    asyncio.run(all_of_them())

    assert order == sorted(order)
    assert limiter.window.in_flight == 0
