"""`dataforge improve` against the fake API: rounds, the ends of the loop, and going on after an interruption."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dataforge_client import DataForge
from dataforge_client.cli import execute
from tests.support.cli_process import connection_arguments
from tests.support.fake_api import KEY, FakeApi

Improve = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def improve(api: FakeApi, capfd: pytest.CaptureFixture[str]) -> Improve:
    """A project and a model that is weak on one topic; the events of the command with `--json`."""
    with DataForge(api.url, api_key=KEY, organization_id="org_1") as forge:
        api.projects or forge.create_project("Harbour")
        project_id = next(iter(api.projects))
        forge.upload_file(project_id, b"# Faq", name="faq.md")
        api.pairs[project_id] = [dict(PAIR)]
        forge.training_start({"task": "text-generation", "model_name": "tiny", "dataset": f"{project_id}@1"})
        forge.wait_training(poll=0.001)

    def go(*options: str, code: int = 0) -> list[dict[str, Any]]:
        capfd.readouterr()
        ended = execute(["improve", "1", "--teacher", "scripted", "--json", *connection_arguments(api), *options])
        said = capfd.readouterr()
        assert ended == code, said.err + said.out
        return [json.loads(line) for line in said.out.splitlines()]

    return go


PAIR = {"pairId": "pair_1", "status": "accepted", "question": "Q?", "answer": "A.", "messages": []}


def requests(api: FakeApi) -> list[dict[str, Any]]:
    return [job["request"] for job in api.trainings.values()][1:]


# checklist 197
def test_rounds_go_on_until_no_topic_is_weak(api: FakeApi, improve: Improve) -> None:
    events = improve("--pairs", "6", "--max-cost-usd", "50")

    result = events[-1]
    assert (result["model_id"], result["improved"], result["ended"]) == (3, True, "no topic is weak")
    assert [r["gain"]["gained"] for r in result["rounds"]] == [8, 8]
    project_id = next(iter(api.projects))
    name = api.models[1]["name"]
    assert [(r["dataset"], r["eval_dataset"], r["name"]) for r in requests(api)] == [
        (f"{project_id}@1", "model_1", f"{name}-improved-1.1"),
        (f"{project_id}@2", "model_1", f"{name}-improved-1.2"),
    ]
    assert all(r["num_train_epochs"] == 2 for r in requests(api))
    asked = [s.json for s in api.seen if s.path.endswith("/generate") and not s.json.get("estimate")]
    assert [(b["num_pairs"], b["chunk_ids"]) for b in asked] == [(6, ["chunk_abc_000001", "chunk_abc_000002"])] * 2
    assert [b["config"]["improve_round"] for b in asked] == [1, 2]
    assert [round(b["max_cost_usd"], 2) for b in asked] == [50 - 2.1, 50 - 2 * 2.1]
    assert result["spent_usd"] == pytest.approx(2 * 2.1)


def test_a_gain_within_noise_ends_it_and_the_model_before_stays(api: FakeApi, improve: Improve) -> None:
    api.gain_is_noise = True

    result = improve()[-1]

    assert (result["model_id"], result["improved"], result["ended"]) == (1, False, "the gain is within noise")
    assert len(requests(api)) == 1


def test_a_budget_that_pays_for_no_training_starts_nothing(api: FakeApi, improve: Improve) -> None:
    result = improve("--max-cost", "2")[-1]

    assert "does not pay for another training" in result["ended"]
    assert requests(api) == []
    assert not [s for s in api.seen if s.path.endswith("/generate") and not s.json.get("estimate")]


def test_a_dry_run_says_what_a_round_costs(api: FakeApi, improve: Improve) -> None:
    events = improve("--dry-run")

    assert [e["type"] for e in events if e["type"] != "note"] == ["weak_topics", "estimate", "result"]
    assert events[-1]["ended"] == "nothing was started (--dry-run)"
    assert requests(api) == []


def test_again_it_goes_on_where_it_was_interrupted(api: FakeApi, improve: Improve) -> None:
    api.training_fails = "the machine caught fire"
    failed = improve(code=1)[-1]
    api.training_fails = None

    result = improve("--rounds", "1")[-1]
    again = improve("--rounds", "1")[-1]

    assert "the machine caught fire" in failed["error"]["message"]
    assert (result["model_id"], result["ended"]) == (2, "all rounds are done")
    asked = [s.json for s in api.seen if s.path.endswith("/generate") and not s.json.get("estimate")]
    assert len(asked) == 1, "the records of the round were there already"
    assert again["model_id"] == 2
    assert len(requests(api)) == 2, "one failed, one made the model; the third command trained nothing"


def test_a_model_without_a_project_is_refused(api: FakeApi, improve: Improve) -> None:
    api.projects.clear()

    failed = improve(code=1)[-1]

    assert failed["error"]["code"] == "NO_PROJECT"


def test_a_person_is_shown_the_gain_and_asked(
    api: FakeApi, improve: Improve, capfd: pytest.CaptureFixture[str]
) -> None:
    code = execute(["improve", "1", "--teacher", "scripted", "--yes", *connection_arguments(api)])

    said = capfd.readouterr().err
    assert code == 0
    assert "Model 1 is weak on document 'faq.md': exact_match 25% of 8 lines, 2 chunks" in said
    assert "Model 2 over model 1 on 16 lines: exact_match +50 % (+25 % to +75 %), 8 gained, 0 lost" in said
    assert "Model 3 is the best: no topic is weak" in said
