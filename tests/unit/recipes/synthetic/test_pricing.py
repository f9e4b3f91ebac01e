"""Prices of contract B.7 and the arithmetic on them: whole micro-dollars."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import Invalid
from dataforge.recipes.synthetic import pricing, spec
from dataforge.recipes.synthetic.pricing import ModelName

CONFLICT = {"drive_pairs": [{"a": "safety", "b": "autonomy"}]}


def read(schema="instruction_v1", **request):
    conflict = {"conflict_config": CONFLICT} if schema == "conflict_v1" else {}
    return spec.read({"schema": schema, "domain": "x", "count": 1000, **conflict, **request}, seed="s")


# checklist 53, 66, 119, 120
@pytest.mark.parametrize(
    ("schema", "tier", "dollars"),
    [
        ("instruction_v1", "fast", "0.50"),
        ("eval_v1", "economy", "0.50"),
        ("instruction_v1", "balanced", "3.00"),
        ("eval_v1", "standard", "3"),
        ("preference_v1", "balanced", "4"),
        ("conflict_v1", "diverse", "10"),
        ("instruction_v1", "diverse", "8"),
        ("instruction_v1", "deep", "25"),
        ("preference_v1", "premium", "30"),
    ],
)
def test_the_price_list(schema, tier, dollars):
    quote = pricing.quote(read(schema), pricing.tariff(tier, None))

    assert quote.cost(1000) == Decimal(dollars) * pricing.MICRO


@pytest.mark.parametrize(
    ("request_", "dollars"),
    [
        ({"verified": True}, "5.50"),
        ({"advanced": {"metadata_fields": [{"name": "clarity", "type": "llm_assessed"}]}}, "5.50"),
        ({"verified": True, "advanced": {"metadata_fields": [{"name": "clarity", "type": "llm_assessed"}]}}, "5.50"),
        ({"advanced": {"invariants": [{"rule": "No medical advice"}]}}, "0.54"),
    ],
)
def test_add_ons(request_, dollars):
    quote = pricing.quote(read(**request_), pricing.tariff("fast", None))

    assert quote.cost(1000) == Decimal(dollars) * pricing.MICRO


def test_an_explicit_generator_is_priced_by_its_model():
    assert pricing.quote(read(), pricing.tariff(None, ModelName("openai", "gpt-4o"))).cost(1000) == 5 * pricing.MICRO
    mini = ModelName("openai", "gpt-4.1-mini")
    assert pricing.quote(read(), pricing.tariff("fast", mini)).cost(1000) == 3 * pricing.MICRO
    assert pricing.tariff(None, ModelName("ollama", "llama3.2")).tier is None


def test_offline_fillers_cost_nothing():
    free = pricing.tariff(None, ModelName("templated", "templated"))

    assert pricing.quote(read("conflict_v1", verified=True), free).cost(1000) == 0


# checklist 67
@pytest.mark.parametrize("schema", ["preference_v1", "conflict_v1"])
def test_the_cheapest_tier_does_not_offer_preferences_and_conflicts(schema):
    for chosen in (
        pricing.tariff("fast", None),
        pricing.tariff("economy", None),
        pricing.tariff(None, ModelName("openai", "gpt-4o-mini")),
    ):
        with pytest.raises(Invalid) as refused:
            pricing.quote(read(schema), chosen)

        assert refused.value.errors[0].field == "model"


@given(
    st.integers(0, 100_000),
    st.integers(0, 100_000),
    st.sampled_from(["fast", "balanced", "diverse", "deep"]),
    st.booleans(),
    st.booleans(),
)
def test_parts_of_a_job_cost_exactly_what_the_whole_costs(some, others, tier, verified, ruled):
    advanced = {"invariants": [{"rule": "No medical advice"}]} if ruled else {}
    quote = pricing.quote(read(verified=verified, advanced=advanced), pricing.tariff(tier, None))

    assert quote.cost(some) + quote.cost(others) == quote.cost(some + others)
    thousand = Decimal(str(pricing.dollars(quote.cost(1000))))
    assert Decimal(quote.cost(some + others)) / pricing.MICRO == thousand * (some + others) / 1000
    assert quote.units == (1500 if verified else 1000)


@given(st.integers(0, 10**15))
def test_dollars_on_the_wire_lose_nothing(micro):
    assert round(pricing.dollars(micro) * pricing.MICRO) == micro


def test_deep_is_not_in_subscriptions():
    assert not pricing.tariff("deep", None).subscription
    assert pricing.tariff("diverse", None).subscription


def test_a_price_below_a_micro_dollar_is_refused():
    with pytest.raises(ValueError, match="no whole number"):
        pricing.per_record("0.0005")
