"""A misspelt field of a synthetic request is named together with the one that was meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.service import Service
from tests.support.synthetic_api import CONFLICT, Synthetic

PLAIN = {"schema": "instruction_v1", "domain": "harbours", "count": 3}
TEMPLATED = {"generator": {"provider": "templated", "model": "templated"}}
MISSPELT: list[tuple[dict[str, Any], str, str]] = [
    ({"verfied": True}, "verfied", "did you mean verified?"),
    ({"maxCostUsd": 1}, "maxCostUsd", "did you mean max_cost_usd?"),
    ({"models": {"genrator": TEMPLATED["generator"], **TEMPLATED}}, "models.genrator", "did you mean generator?"),
    ({"constraints": {"lang": "es"}}, "constraints.lang", "did you mean language?"),
    ({"advanced": {"categoris": {}}}, "advanced.categoris", "did you mean categories?"),
    (
        {"advanced": {"categories": {"fees": {"percent": 100, "percentage": 100}}}},
        "advanced.categories.fees.percent",
        "did you mean percentage?",
    ),
    (
        {"advanced": {"invariants": [{"rule": "Never name a price", "enforce": "soft"}]}},
        "advanced.invariants.0.enforce",
        "did you mean enforcement?",
    ),
    (
        {"advanced": {"hard_negatives": {"enabled": True, "share": 5}}},
        "advanced.hard_negatives.share",
        "use one of: enabled, percentage, techniques",
    ),
    (
        {
            "schema": "conflict_v1",
            "conflict_config": {**CONFLICT["conflict_config"], "drive_pairs": [{"a": "x", "b": "y", "axisname": "z"}]},
        },
        "conflict_config.drive_pairs.0.axisname",
        "did you mean axis_name?",
    ),
]


@pytest.mark.parametrize(("change", "field", "message"), MISSPELT)
def test_a_misspelt_field_names_the_nearest_one(
    service: Service, change: dict[str, Any], field: str, message: str
) -> None:
    answer = Synthetic(service).start({**PLAIN, "models": TEMPLATED, **change}, expect=422)

    found = {e["field"]: e["message"] for e in answer["errors"]}
    assert message in found[field], found


def test_a_generator_that_cannot_work_is_named_by_the_field_that_was_sent(service: Service) -> None:
    api = Synthetic(service)

    explicit = api.start({**PLAIN, "models": {"generator": {"provider": "nobody", "model": "x"}}}, expect=422)

    assert explicit["errors"][0]["field"] == "models.generator"
    assert "models.generator 'nobody:x' names no teacher" in explicit["message"]
    assert "model_id" not in explicit["message"]
