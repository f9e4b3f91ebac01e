"""The merged configuration of a run: what only some kinds have is checked too, and every error names its field."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge.errors import Invalid
from dataforge.recipes import classification, conversation, summary
from dataforge.teachers import Model
from dataforge.workflows.generation.config import DEFAULTS, check, read
from dataforge.workflows.generation.estimating import Size, estimate


# checklist 26, 31
@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"turns": 1}, "turns"),
        ({"turns": 11}, "turns"),
        ({"turns": "three"}, "turns"),
        ({"turns": True}, "turns"),
        ({"summary_style": "haiku"}, "summary_style"),
        ({"summary_style": 3}, "summary_style"),
        ({"summary_style": ""}, "summary_style"),
        ({"labels": ["one"]}, "labels"),
        ({"labels": ["a", "A "]}, "labels"),
        ({"labels": ["a", " "]}, "labels"),
        ({"labels": ["a", 1]}, "labels"),
        ({"labels": [f"l{n}" for n in range(51)]}, "labels"),
        ({"labels": ["a", "b" * 101]}, "labels"),
        ({"labels": "a,b"}, "labels"),
        ({"labels": {"a": "b"}}, "labels"),
        ({"generation_type": "poem"}, "generation_type"),
        ({"multi_hop_share": 1.1}, "multi_hop_share"),
        ({"multi_hop_share": "half"}, "multi_hop_share"),
        ({"multi_hop_share": 0.2, "generation_type": "summary"}, "multi_hop_share"),
        ({"max_cost_us": 1}, "config.max_cost_us"),
        ({"maxCostUsd": 1}, "config.maxCostUsd"),
        ({"num_pair": 1}, "config.num_pair"),
        ({"pairs_per_chunks": 1}, "config.pairs_per_chunks"),
        ({"personas": "everybody"}, "config.personas"),
        ({"question_types": [""]}, "config.question_types"),
        ({"styles": {"a": -1}}, "config.styles"),
    ],
)
def test_what_breaks_its_limit_names_its_field(config: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as answer:
        check({**DEFAULTS, "model_id": "scripted", **config})

    assert answer.value.errors[0].field == field
    assert field in answer.value.message


def test_of_several_wrong_values_the_same_one_is_named_as_ever() -> None:
    """Texts, then numbers, then lists and shares, each in the order of the page."""
    wrong: dict[str, Any] = {
        "summary_style": 3,
        "num_pairs": 0,
        "turns": 99,
        "multi_hop_share": 7,
        "chunk_ids": 1,
        "difficulty_distribution": {"easy": 2},
        "personas": 5,
        "mode": "never",
        "labels": "a",
    }
    named = []

    while wrong:
        with pytest.raises(Invalid) as answer:
            check({**DEFAULTS, "model_id": "scripted", **wrong})
        named.append(answer.value.errors[0].field.removeprefix("config."))
        if named[-1] == "summary_style" and wrong["summary_style"] == 3:
            wrong["summary_style"] = "haiku"  # a text now, but no style
        else:
            del wrong[named[-1]]

    assert named == [
        "summary_style",
        "num_pairs",
        "turns",
        "multi_hop_share",
        "chunk_ids",
        "difficulty_distribution",
        "personas",
        "summary_style",
        "mode",
        "labels",
    ]


# checklist 31
@pytest.mark.parametrize(
    "config",
    [
        {"turns": 2},
        {"turns": 10},
        {"summary_style": "mixed"},
        {"summary_style": "bullets"},
        {"personas": "mixed", "styles": {"keywords": 2, "question": 1}, "question_types": ["a"]},
        {"multi_hop_share": 0},
        {"labels": ["a", "b"]},
        {"labels": [f"l{n}" for n in range(50)]},
        {"labels": ["x" * 100, "später"]},
    ],
)
def test_what_keeps_its_limit_is_taken_by_every_kind(config: dict[str, Any]) -> None:
    for kind in ("qa", "instruction", "conversation", "summary", "classification"):
        check({**DEFAULTS, "model_id": "scripted", "generation_type": kind, **config})


def test_generation_options_hold_what_the_recipes_need() -> None:
    wished = read(
        {
            **DEFAULTS,
            "model_id": "m",
            "turns": 5,
            "labels": ["a", "b"],
            "summary_style": "bullets",
            "system_prompt": "Be.",
        }
    ).options

    assert conversation.TURNS.of(wished) == 5
    assert classification.LABELS.of(wished) == ("a", "b")
    assert summary.STYLE.of(wished) == "bullets"
    assert wished.system_prompt == "Be."


def test_an_estimate_counts_both_passages_of_a_multi_hop_question() -> None:
    model = Model("m", "m", "openai:m")
    sizes = [Size(500, 20)] * 20

    def estimated(share: float) -> dict[str, Any]:
        config = {**DEFAULTS, "multi_hop_share": share}
        return estimate(sizes, read({**config, "model_id": "m", "num_pairs": 100}), model, requested=100)

    plain, half = estimated(0.0), estimated(0.5)
    assert (plain["pairs"], half["pairs"]) == (100, 100)
    assert plain["calls"]["low"] == 20
    assert half["calls"]["low"] == 20 + 50, "passages that are read together are asked about once"
    more = half["input_tokens"]["low"] - plain["input_tokens"]["low"]
    assert more > 50 * 2 * 500
    assert estimated(1.0)["calls"]["low"] == 100
