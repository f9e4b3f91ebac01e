"""The merged configuration of a run: what only some kinds have is checked too, and every error names its field."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge.errors import Invalid
from dataforge.workflows.generation import DEFAULTS, check, wishes


# checklist 26, 31
@pytest.mark.parametrize(("config", "field"), [
    ({"turns": 1}, "turns"), ({"turns": 11}, "turns"), ({"turns": "three"}, "turns"), ({"turns": True}, "turns"),
    ({"summary_style": "haiku"}, "summary_style"), ({"summary_style": 3}, "summary_style"),
    ({"summary_style": ""}, "summary_style"),
    ({"labels": ["one"]}, "labels"), ({"labels": ["a", "A "]}, "labels"), ({"labels": ["a", " "]}, "labels"),
    ({"labels": ["a", 1]}, "labels"), ({"labels": [f"l{n}" for n in range(51)]}, "labels"),
    ({"labels": ["a", "b" * 101]}, "labels"), ({"labels": "a,b"}, "labels"), ({"labels": {"a": "b"}}, "labels"),
    ({"generation_type": "poem"}, "generation_type"),
])
def test_what_breaks_its_limit_names_its_field(config: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as told:
        check({**DEFAULTS, "model_id": "scripted", **config})

    assert told.value.errors[0].field == field
    assert field in told.value.message


# checklist 31
@pytest.mark.parametrize("config", [
    {"turns": 2}, {"turns": 10}, {"summary_style": "mixed"}, {"summary_style": "bullets"},
    {"labels": ["a", "b"]}, {"labels": [f"l{n}" for n in range(50)]}, {"labels": ["x" * 100, "später"]},
])
def test_what_keeps_its_limit_is_taken_by_every_kind(config: dict[str, Any]) -> None:
    for kind in ("qa", "instruction", "conversation", "summary", "classification"):
        check({**DEFAULTS, "model_id": "scripted", "generation_type": kind, **config})


def test_wishes_hold_what_the_recipes_need() -> None:
    wished = wishes({**DEFAULTS, "turns": 5, "labels": ["a", "b"], "summary_style": "bullets", "system_prompt": "Be."})

    assert (wished.turns, wished.labels, wished.summary_style) == (5, ("a", "b"), "bullets")
    assert wished.system_prompt == "Be."
