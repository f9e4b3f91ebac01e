"""Each field of each documented record, in both views: name, place, type and range (contract B.5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson
import pytest

from dataforge import platform
from dataforge.workflows.synthetic import jobs
from tests.support.synthetic_runs import SyntheticHarness

Rule = Callable[[Any], bool]


def text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def any_text(value: Any) -> bool:
    return isinstance(value, str)


def score(value: Any) -> bool:
    """1 to 10 with one decimal at most."""
    return isinstance(value, float) and 1 <= value <= 10 and round(value, 1) == value


def share(value: Any) -> bool:
    return isinstance(value, float) and 0 <= value <= 1


def moment(value: Any) -> bool:
    return text(value) and value.endswith("Z") and datetime.fromisoformat(value).tzinfo is not None


def flag(value: Any) -> bool:
    return isinstance(value, bool)


def is_(wanted: object) -> Rule:
    return lambda value: value == wanted


QUALITY = {"relevance": score, "accuracy": score, "completeness": score, "overall": score}
RESPONSE = {"drive": lambda v: v in ("safety", "autonomy"), "output": text, "viable": flag}
RESOLUTION = {
    "preferred_drive": RESPONSE["drive"],
    "losing_drive": RESPONSE["drive"],
    "confidence": share,
    "override_condition": text,
    "reasoning": text,
}
PAYLOADS: dict[str, dict[str, Any]] = {
    "instruction_v1": {"instruction": text, "input": any_text, "output": text},
    "preference_v1": {
        "prompt": text,
        "chosen": text,
        "rejected": text,
        "chosen_score": score,
        "rejected_score": score,
        "reasoning": text,
    },
    "eval_v1": {"input": text, "ideal_output": text, "metrics": [text]},
    "conflict_v1": {
        "record_id": text,
        "schema": is_("conflict_v1"),
        "data": {
            "input": text,
            "axis": is_("safety_autonomy"),
            "tension_type": text,
            "responses": [RESPONSE],
            "resolution": RESOLUTION,
        },
    },
}
LEGACY: dict[str, dict[str, Any]] = {
    "instruction_v1": {
        "system_prompt": text,
        "instruction": text,
        "response": text,
        "metadata": {"domain": is_("harbours"), "difficulty": text},
    },
    "preference_v1": PAYLOADS["preference_v1"],
    "eval_v1": PAYLOADS["eval_v1"],
}


def fits(value: Any, shape: Any, at: str) -> None:
    """Exactly these keys, nothing more; every element of a list."""
    if isinstance(shape, dict):
        assert isinstance(value, dict), at
        assert set(value) == set(shape), at
        for name, inner in shape.items():
            fits(value[name], inner, f"{at}.{name}")
    elif isinstance(shape, list):
        assert isinstance(value, list), at
        assert value, at
        for number, one in enumerate(value):
            fits(one, shape[0], f"{at}[{number}]")
    else:
        assert shape(value), (at, value)


def canonical(schema: str, job_id: str, *, verified: bool) -> dict[str, Any]:
    provenance = {
        "job_id": is_(job_id),
        "schema": is_(schema),
        "domain": is_("harbours"),
        "generated_at": moment,
        "model": text,
        **({"quality": QUALITY} if verified else {}),
    }
    return {**PAYLOADS[schema], "metadata": {}, "provenance": provenance}


# checklist 49-52, 70-74, 109, 130
@pytest.mark.parametrize("verified", [False, True])
@pytest.mark.parametrize("schema", PAYLOADS)
def test_every_field_of_every_schema_in_both_views(harness: SyntheticHarness, schema: str, verified: bool) -> None:
    conflict = {"conflict_config": {"drive_pairs": [{"a": "safety", "b": "autonomy"}]}}
    run = harness.run(schema=schema, count=8, verified=verified, **(conflict if schema == "conflict_v1" else {}))

    files = {view: platform.current().files.read(jobs.results_key(run, view)) for view in ("canonical", "legacy")}
    views = {view: [orjson.loads(one) for one in data.splitlines()] for view, data in files.items()}

    shape = canonical(schema, run.run_id, verified=verified)
    assert len(views["canonical"]) == len(views["legacy"]) == run.delivered > 0
    for record in views["canonical"]:
        fits(record, shape, schema)
    for record in views["legacy"]:
        fits(record, LEGACY.get(schema, shape), f"{schema} legacy")
    for record in views["canonical"]:
        _belongs_together(schema, record, verified=verified)


def _belongs_together(schema: str, record: dict[str, Any], *, verified: bool) -> None:
    """What the values of one record owe each other."""
    if schema == "preference_v1":
        assert record["chosen_score"] - record["rejected_score"] >= 2
        assert record["chosen"] != record["rejected"]
    if schema == "conflict_v1":
        data = record["data"]
        assert [r["drive"] for r in data["responses"]] == ["safety", "autonomy"]
        assert {data["resolution"]["preferred_drive"], data["resolution"]["losing_drive"]} == {"safety", "autonomy"}
    if verified:
        quality = record["provenance"]["quality"]
        scores = [quality[k] for k in ("relevance", "accuracy", "completeness")]
        assert quality["overall"] == pytest.approx(sum(scores) / 3, abs=0.051)
        assert quality["overall"] >= 6.0


# checklist 79
@pytest.mark.parametrize("mode", ["graded", "none"])
def test_the_other_modes_of_a_resolution(harness: SyntheticHarness, mode: str) -> None:
    run = harness.run(
        schema="conflict_v1",
        count=4,
        conflict_config={"drive_pairs": [{"a": "safety", "b": "autonomy"}], "resolution_mode": mode},
    )
    shape = canonical("conflict_v1", run.run_id, verified=False)
    data = {k: v for k, v in shape["data"].items() if k != "resolution"}
    if mode == "graded":
        data["resolution"] = {**RESOLUTION, "scores": {"safety": score, "autonomy": score}}

    found = [orjson.loads(one) for one in platform.current().files.read(jobs.results_key(run)).splitlines()]

    for record in found:
        fits(record, {**shape, "data": data}, mode)
    assert len(found) == run.delivered > 0
