"""Money first: what a run will take, before any call; a cap that holds; what it took, beside the estimate."""

from __future__ import annotations

import json

import pytest

from dataforge import platform, settings
from dataforge.errors import Invalid
from dataforge.records import Answer, Question
from dataforge.store import runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.prices import Price
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows.engine import cost_budget
from dataforge.workflows.generation import starting
from tests.support.document_runs import counts_of, good, walk
from tests.support.service import Service

PRICE = {"input": 100.0, "output": 1000.0}
CATALOGUE = {"models": [{"id": "dear", "backends": ["fake:model"], "price": PRICE}]}


class Dear(ScriptedTeacher):
    """Costs what the catalogue says, in tokens of four characters."""

    async def ask(self, question: Question) -> Answer:
        answer = await super().ask(question)
        cost = Price(**PRICE).of(answer.input_tokens, answer.output_tokens)
        return Answer(answer.text, "dear", "stop", answer.input_tokens, answer.output_tokens, cost)


@pytest.fixture
def dear(monkeypatch: pytest.MonkeyPatch) -> Dear:
    teacher = Dear([good], delay=0.001)
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)
    monkeypatch.setenv("DATAFORGE_MODELS", json.dumps(CATALOGUE))
    settings.get.cache_clear()
    return teacher


# checklist 182
def test_a_run_stops_at_its_cap_and_keeps_what_it_made(project: Project, dear: Dear) -> None:
    free = walk(project, model_id="dear", num_pairs=12, config={"pairs_per_chunk": 2})
    assert free.cost_usd is not None
    dear.asked.clear()
    cap = free.cost_usd / 2

    run = walk(project, model_id="dear", num_pairs=12, max_tokens=300, max_cost_usd=cap, config={"pairs_per_chunk": 2})

    call = max(cost_budget.max_cost(q, Price(**PRICE)) for q in dear.asked)
    assert run.cost_usd is not None
    assert 0 < run.cost_usd <= cap + call
    assert 1 <= len(dear.asked) < 6
    assert run.status in ("completed", "failed")
    assert run.stop_reason == "budget_reached"
    assert run.reasons["failed"]["budget_reached"] == run.failed > 0  # type: ignore[index]
    assert run.asked == run.delivered + run.rejected + run.failed
    assert run.asked == 12, "no top-up after the cap"


def test_a_cap_that_allows_nothing_says_so(project: Project, dear: Dear) -> None:
    run = walk(project, model_id="dear", num_pairs=6, max_cost_usd=0)

    assert dear.asked == []
    assert counts_of(run) == (6, 0, 0, 6)
    assert run.status == "failed"
    assert "max_cost_usd 0 is used up" in str(run.error)


def test_a_cap_without_a_price_is_refused(project: Project, dear: Dear) -> None:
    with pytest.raises(Invalid, match="price of fake:other is not known"):
        starting.quote(project, {"model_id": "fake:other", "max_cost_usd": 1})


# checklist 181
@pytest.mark.parametrize(
    "request_",
    [
        {"num_pairs": 12, "config": {"pairs_per_chunk": 2}},
        {"num_pairs": 7},
        {},
    ],
)
def test_what_a_run_takes_is_in_the_estimated_range(project: Project, dear: Dear, request_: dict[str, object]) -> None:
    answer = starting.quote(project, {"model_id": "dear", **request_}).estimate
    assert dear.asked == []

    run = walk(project, model_id="dear", **request_)

    assert run.estimate == answer
    took = {
        "calls": len(dear.asked),
        "input_tokens": run.input_tokens,
        "output_tokens": run.output_tokens,
        "cost_usd": run.cost_usd,
    }
    for name, value in took.items():
        span = answer[name]
        assert isinstance(span, dict)
        assert span["low"] * 0.6 <= value <= span["high"], (name, value, span)  # type: ignore[operator]


def test_unknown_prices_are_reported_as_unknown(project: Project, dear: Dear) -> None:
    assert starting.quote(project, {"model_id": "fake:other"}).estimate["cost_usd"] is None
    assert starting.quote(project, {"model_id": "extractive"}).estimate["cost_usd"] == {"low": 0.0, "high": 0.0}


# checklist 181
def test_an_estimate_over_the_wire_makes_no_run(service: Service) -> None:
    project_id = service.project()
    service.upload(project_id, "a.md", b"# Pier\n\nThe north pier opens at five in the morning for all vessels.\n")
    service.parse(project_id)
    body = {"model_id": "scripted", "num_pairs": 1, "estimate": True}

    answer = service.call("POST", f"/projects/{project_id}/generate", json=body)

    assert answer["estimate"]["pairs"] == 1
    assert answer["estimate"]["calls"]["low"] == 1
    assert "generationId" not in answer
    assert [g["kind"] for g in service.call("GET", f"/projects/{project_id}/generations")] == ["parse"]
    assert next(runs.of_project(project_id)).kind == "parse"
    assert platform.current().name in ("aws", "embedded")
