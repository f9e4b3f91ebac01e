"""Money on both backends: nothing is promised twice, charged twice or lost, whoever asks at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from dataforge import platform, settings
from dataforge.errors import ConditionFailed, Invalid, PaymentRequired
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.ports import ABSENT, Platform, Put
from dataforge.store import ledger
from dataforge.store.ledger import Demand
from tests.support.embedded_platform import Started
from tests.support.storage_backends import aws_tables, embedded_tables

ORG = "org_1"
"""Amounts here are micro-dollars."""


@pytest.fixture(params=["embedded", "aws"])
def books(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    settings.get.cache_clear()
    make = {"embedded": embedded_tables, "aws": aws_tables}[request.param]
    with make(tmp_path) as tables:
        platform.use(
            Platform(
                name="embedded",
                tables=tables,
                files=None,
                workflows=Started(),
                publisher=InProcessPublisher(),
                secrets=EnvironmentSecrets(None),
                trainer=cast(Any, None),
                inference=None,
            )
        )  # type: ignore[arg-type]
        yield
        platform.use(None)


def kinds() -> Counter[str]:
    found, _ = ledger.entries(ORG, limit=100)
    return Counter({kind: sum(e.amount for e in found if e.kind == kind) for kind in {e.kind for e in found}})


def test_an_unlimited_plan_meters_and_holds_nothing_back(books: None) -> None:
    ledger.reserve(ORG, "run_1", Demand(5_000_000, 1000))
    ledger.settle(ORG, "run_1", amount=4_000_000, units=800)

    assert ledger.account_of(ORG).plan == "unlimited"
    assert kinds() == {"reserve": 5_000_000, "settle": 4_000_000, "release": 1_000_000}
    assert ledger.charged(ORG, "run_1") == 4_000_000


def test_settling_again_changes_nothing(books: None) -> None:
    ledger.set_plan(ORG, "payg")
    ledger.top_up(ORG, 10)
    ledger.reserve(ORG, "run_1", Demand(10, 1))

    for amount in (7, 7, 3):
        ledger.settle(ORG, "run_1", amount=amount, units=1)
    ledger.settle(ORG, "run_unknown", amount=9, units=1)

    account = ledger.account_of(ORG)
    assert (account.balance, account.reserved) == (3, 0)
    assert kinds() == {"plan": 0, "top_up": 10, "reserve": 10, "settle": 7, "release": 3}


def test_no_more_than_was_reserved_is_ever_charged(books: None) -> None:
    ledger.set_plan(ORG, "payg")
    ledger.top_up(ORG, 10)
    ledger.reserve(ORG, "run_1", Demand(4, 1))

    ledger.settle(ORG, "run_1", amount=1000, units=1)

    assert ledger.account_of(ORG).balance == 6


def test_together_they_cannot_reserve_more_than_there_is(
    books: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(ledger, "TRIES", 200)
    ledger.set_plan(ORG, "payg")
    ledger.top_up(ORG, 50)

    def one(n: int) -> bool:
        try:
            ledger.reserve(ORG, f"run_{n}", Demand(10, 1))
        except PaymentRequired:
            return False
        return True

    # moto's tables are plain dictionaries, which threads break: there, one after the other.
    at_once = 4 if request.node.callspec.params["books"] == "embedded" else 1
    with ThreadPoolExecutor(at_once) as pool:
        won = list(pool.map(one, range(8)))

    assert sum(won) == 5
    assert ledger.account_of(ORG).reserved == 50


def test_what_comes_with_a_reservation_happens_with_it_or_not_at_all(
    books: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "TRIES", 2)
    ledger.set_plan(ORG, "payg")
    ledger.top_up(ORG, 50)
    there = Put("orgs", {"org_id": ORG, "item": "org"}, where={"item": ABSENT})
    ledger.reserve(ORG, "run_1", Demand(10, 1), also=[there])

    with pytest.raises(Exception, match="moving too fast"):
        ledger.reserve(ORG, "run_2", Demand(10, 1), also=[there])

    assert ledger.account_of(ORG).reserved == 10
    with pytest.raises(ConditionFailed):
        platform.current().tables.transact([there])


# checklist 121
def test_a_quota_counts_a_month(books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.set_plan(ORG, "quota", quota_records=10)
    ledger.reserve(ORG, "run_1", Demand(0, 9000))
    with pytest.raises(PaymentRequired, match="1 are left"):
        ledger.reserve(ORG, "run_2", Demand(0, 1500))

    ledger.settle(ORG, "run_1", amount=0, units=4500)
    ledger.reserve(ORG, "run_3", Demand(0, 5500))
    monkeypatch.setattr(ledger, "month", lambda: "2099-01")
    ledger.reserve(ORG, "run_4", Demand(0, 10_000))
    ledger.settle(ORG, "run_3", amount=0, units=5500)

    assert ledger.usage_of(ORG, "2099-01") == ledger.Usage(0, 10_000)
    with pytest.raises(PaymentRequired, match="pay-as-you-go only"):
        ledger.reserve(ORG, "run_5", Demand(1, 1, subscription=False))


def test_limits_of_the_operators_tool(books: None) -> None:
    with pytest.raises(Invalid):
        ledger.set_plan(ORG, "gold")
    with pytest.raises(Invalid):
        ledger.top_up(ORG, 0)
    with pytest.raises(Invalid):
        ledger.set_plan(ORG, "quota", quota_records=-1)
