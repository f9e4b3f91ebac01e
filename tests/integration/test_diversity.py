"""What a run spreads over its slots, on both walls: asked, sent, delivered, told."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.integration.conftest import Service
from tests.integration.recorder import Recorder
from tests.integration.test_generation_types import guide, model, pairs_of
from tests.integration.test_lineage import lines

__all__ = ["model"]

WANTED = {
    "question_types": {"factual": 2, "how-to": 1, "pitfall": 1},
    "personas": ["a deck hand", "a passenger with a pram"], "styles": {"question": 3, "keywords": 1},
}


# checklist 32
def test_shares_reach_the_teacher_the_records_and_the_report(model: Recorder, service: Service) -> None:
    project_id = guide(service)

    run = service.generate(project_id, model_id="openai:recorder", num_pairs=24, config=WANTED)

    said = "\n".join(model.said("user"))
    spread, asked = run["report"]["spread"], run["counts"]["asked"]
    assert {name: list(values) for name, values in spread.items()} == {
        "question_type": ["factual", "how-to", "pitfall"], "persona": WANTED["personas"],
        "style": ["question", "keywords"], "difficulty": ["easy", "medium", "hard"],
    }
    for values in spread.values():
        assert sum(v["asked"] for v in values.values()) == asked
        assert sum(v["delivered"] for v in values.values()) == run["counts"]["delivered"]
        assert sum(v["share"] for v in values.values()) == pytest.approx(1)
        for told in values.values():  # the first top-up asks for what is missing, later ones for anything
            assert abs(told["delivered"] - told["share"] * run["counts"]["delivered"]) <= 2
    assert all(said.count(f"; asked by {value}") >= told["asked"] for value, told in spread["persona"].items())
    assert spread["question_type"]["factual"]["share"] == 0.5
    pairs = pairs_of(service, project_id, run)
    kept = [line for name in ("records.jsonl", "rejected.jsonl") for line in lines(service, run["generationId"], name)]
    by_slot = {line["slot"]: line["asked"] for line in kept}
    assert pairs
    assert all({k: by_slot[p["metadata"]["slot"]][k] for k in ("persona", "style")} == {
        k: p["metadata"][k] for k in ("persona", "style")} for p in pairs)


def test_the_same_seed_asks_the_same(model: Recorder, service: Service) -> None:
    asked = []
    for seed in (7, 7, 8):
        project_id = guide(service)
        del model.bodies[:]
        service.generate(project_id, model_id="openai:recorder", num_pairs=12, config={**WANTED, "seed": seed})
        asked.append(Counter(re.sub(r"chunk_\w+", "", said) for said in model.said("user")))

    assert asked[0] == asked[1]
    assert asked[0] != asked[2]


@pytest.mark.parametrize("config", [
    {"personas": "mixed"}, {"styles": ["keywords"]}, {"question_types": ["factual"]}, {"multi_hop_share": 0.2},
])
def test_the_offline_teacher_says_that_it_cannot_follow(service: Service, config: dict[str, object]) -> None:
    project_id = guide(service)
    body = {"model_id": "extractive", "config": config}

    told = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)

    [name] = config
    assert (told["code"], told["errors"][0]["field"]) == ("TEACHER_CANNOT", "model_id")
    assert f"cannot follow {name}" in told["message"]
    assert "openai:<model>" in told["message"]


def test_what_cannot_be_spread_is_refused_before_the_run(service: Service) -> None:
    project_id = guide(service)
    body = {"model_id": "scripted", "config": {"personas": {"a pilot": "half"}}}

    told = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=422)

    assert told["errors"][0]["field"] == "config.personas"
