"""A price that the caller gives, and fewer calls at once than the settings allow."""

from __future__ import annotations

import pytest

from dataforge import settings
from dataforge.errors import Invalid
from dataforge.platform.ports import Item
from dataforge.store.projects import Project
from dataforge.teachers.prices import Price
from dataforge.workflows.engine.batches import read_batch
from dataforge.workflows.generation import starting
from tests.support.document_runs import batches, begin, good, teach


def test_a_price_that_is_given_makes_a_budget_count(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings.get.cache_clear()
    own: Item = {"model_id": "openai:our-own", "max_cost_usd": 1.0, "num_pairs": 2}

    with pytest.raises(Invalid, match="--price-in") as refused:
        starting.quote(project, own)
    quoted = starting.quote(project, {**own, "config": {"price_in": 1.0, "price_out": 2.0}})

    assert refused.value.code == "PRICE_UNKNOWN"
    assert quoted.model.price == Price(1.0, 2.0)
    assert quoted.estimate["cost_usd"]


@pytest.mark.parametrize(
    ("model", "price", "said"),
    [
        ("openai:our-own", {"price_in": 1.0}, "price_out: a price needs price_in and price_out"),
        ("openai:gpt-4o-mini", {"price_in": 0.0, "price_out": 0.0}, "is known here"),
    ],
)
def test_half_a_price_and_one_that_undercuts_the_known_one_are_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, model: str, price: Item, said: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    settings.get.cache_clear()

    with pytest.raises(Invalid, match=said):
        starting.quote(project, {"model_id": model, "num_pairs": 2, "config": price})


@pytest.mark.parametrize(("wanted", "got"), [(3, 3), (100, 8)])
def test_a_run_may_ask_for_less_in_flight_but_not_for_more(
    project: Project, monkeypatch: pytest.MonkeyPatch, wanted: int, got: int
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "8")
    settings.get.cache_clear()
    teach(monkeypatch, good)

    _, planned = begin(project, num_pairs=2, config={"concurrency": wanted})

    assert read_batch(str(batches(planned)[0]["key"])).concurrency == got
