"""What the operator allows an organisation: models, and what all its runs may cost in a month."""

from __future__ import annotations

import json

import pytest

from dataforge import clock, settings
from dataforge.errors import Invalid, PaymentRequired, TeacherUnreachable
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.store import projects, run_log, runs, spending
from dataforge.store.projects import Project
from dataforge.store.spending import Limits
from dataforge.teachers import PROVIDERS, available
from dataforge.teachers.prices import Price
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import erasing, run_files, run_states
from dataforge.workflows.engine import config, cost_budget, recovery
from dataforge.workflows.generation import starting
from tests.support.document_runs import batches, begin, good, walk
from tests.support.service import Service
from tests.support.table_watchers import killed_until_done

PRICE = {"input": 100.0, "output": 1000.0}
CATALOGUE = {"models": [{"id": "dear", "backends": ["fake:model"], "price": PRICE}]}


class Dear(ScriptedTeacher):
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


def allow(project: Project, dollars: float) -> None:
    spending.put_limits(Limits(project.org_id, monthly_budget=spending.micro(dollars)))


def use(project: Project) -> spending.MonthUse:
    return spending.use_of(project.org_id, spending.month_of(clock.now()))


# checklist 182
def test_a_run_stops_where_the_month_is_used_up_and_the_next_one_is_refused(project: Project, dear: Dear) -> None:
    free = walk(project, model_id="dear", num_pairs=12, config={"pairs_per_chunk": 2})
    assert free.cost_usd is not None
    assert use(project).spent == spending.micro(free.cost_usd), "counted, though there was no budget"
    dear.asked.clear()
    allow(project, free.cost_usd * 1.5)

    run = walk(project, model_id="dear", num_pairs=12, max_tokens=300, config={"pairs_per_chunk": 2})

    call = max(cost_budget.max_cost(q, Price(**PRICE)) for q in dear.asked)
    assert run.cost_usd is not None
    assert 0 < run.cost_usd <= free.cost_usd / 2 + call
    assert run.stop_reason == "monthly_budget_reached"
    assert (run.report or {})["stop_reason"] == "monthly_budget_reached"
    assert run.reasons["failed"]["monthly_budget_reached"] == run.failed > 0  # type: ignore[index]
    assert run.asked == run.delivered + run.rejected + run.failed == 12, "and no top-up"
    last = run_log.tail(run.run_id, 1)[0]
    assert "monthly budget is used up" in str(last["message"])
    assert (use(project).spent, use(project).held) == (spending.micro(free.cost_usd) + spending.micro(run.cost_usd), 0)
    allow(project, free.cost_usd)
    with pytest.raises(PaymentRequired, match="only the operator can raise it") as refused:
        walk(project, model_id="dear", num_pairs=1)
    assert refused.value.code == "MONTHLY_BUDGET_REACHED"
    assert starting.quote(project, {"model_id": "dear", "num_pairs": 1}).estimate["cost_usd"], "asking is free"


def test_a_model_without_a_price_cannot_be_counted(project: Project, dear: Dear) -> None:
    allow(project, 10)

    with pytest.raises(Invalid, match="price of fake:other is not known") as refused:
        starting.start(project, {"model_id": "fake:other"})

    assert refused.value.code == "PRICE_UNKNOWN"


def test_a_price_of_the_caller_is_no_way_round_the_budget_of_the_operator(project: Project, dear: Dear) -> None:
    allow(project, 10)
    own: Item = {"model_id": "fake:other", "config": {"price_in": 0.0, "price_out": 0.0}}

    with pytest.raises(Invalid, match="price of fake:other is not known") as refused:
        starting.start(project, own)
    spending.put_limits(Limits(project.org_id))

    assert refused.value.code == "PRICE_UNKNOWN"
    assert starting.start(project, own).config["price_in"] == 0, "without a budget over it, prices are the caller's"


@pytest.mark.parametrize("own_price", [{}, {"price_in": 0.0, "price_out": 0.0}])
def test_a_budget_that_comes_while_a_run_goes_on_lets_it_ask_nothing_that_cannot_be_counted(
    project: Project, dear: Dear, own_price: Item
) -> None:
    model: Item = {"model_id": "fake:other"}
    run, planned = begin(project, **model, num_pairs=12, config={"pairs_per_chunk": 2, **own_price})
    allow(project, 1000)

    for batch in batches(planned):
        run_states.generate_batch(batch)
    run_states.close_run(run_states.assess_run(planned))

    ended = runs.get(run.org_id, run.run_id)
    assert (len(dear.asked), ended.delivered, ended.stop_reason) == (0, 0, "monthly_budget_reached")
    failed = run_files.read_lines(ended, "failed.jsonl")
    assert {line["detail"] for line in failed} == {
        "the price of fake:other is not known, so the monthly budget cannot count it"
    }


def test_calls_that_may_be_billed_without_an_answer_count_in_the_month(
    project: Project, dear: Dear, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(project, 1000)
    dear = Dear([TeacherUnreachable("timed out", may_be_billed=True), good, good])
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: dear)

    run = walk(project, model_id="dear", num_pairs=2, max_tokens=300)

    assert run.delivered == 2
    call = cost_budget.max_cost(dear.asked[0], Price(**PRICE))
    assert run.cost_usd is not None
    assert use(project).spent == pytest.approx(spending.micro(run.cost_usd + call), abs=2)
    assert use(project).held == 0


# checklist 182
def test_what_a_run_took_is_given_back_wherever_its_end_is_cut_off(project: Project, dear: Dear) -> None:
    allow(project, 10)
    run, _ = begin(project, model_id="dear", num_pairs=12)
    spending.take(run.org_id, run.run_id, spending.month_of(run.created_at), least=4_000_000, wanted=4_000_000)

    def give_up() -> None:  # as its readers do, none of whom looks at a run that is closed
        now = runs.get(run.org_id, run.run_id)
        if now.status not in runs.FINISHED:
            recovery.give_up(now, "its recovery died too")

    kills = killed_until_done(give_up)

    assert kills > 2
    assert runs.get(run.org_id, run.run_id).status == "failed"
    assert use(project).held == 0


def test_a_call_is_held_at_the_price_of_the_dearest_model_of_the_run() -> None:
    writer, judge = Price(0.0, 0.0), Price(3.0, 2.0, cache_write=3.75)

    assert cost_budget.dearest([writer, judge, Price(1.0, 15.0), None]) == Price(3.0, 15.0, cache_write=3.75)
    assert cost_budget.dearest([None]) is None


def test_no_key_of_a_configuration_of_documents_names_a_teacher(project: Project, dear: Dear) -> None:
    spending.put_limits(Limits(project.org_id, models=["fake:*"]))
    mine: Item = {
        "verify": "off",
        "judge": "openai:any",
        "critic": True,
        "teachers": {"judge": {"base_url": "http://127.0.0.1:9"}},
    }

    run = walk(project, model_id="dear", num_pairs=2, config=mine)

    assert (run.status, run.delivered) == ("completed", 2)
    assert config.of(run).role_models == {}


def test_a_deleted_project_gives_back_what_its_run_had_taken(project: Project, dear: Dear) -> None:
    allow(project, 10)
    run, _ = begin(project, model_id="dear", num_pairs=12)
    month = spending.month_of(run.created_at)
    spending.take(run.org_id, run.run_id, month, least=4_000_000, wanted=4_000_000)
    assert use(project).held == 4_000_000

    erasing.delete_project(projects.get(project.org_id, project.project_id))

    assert use(project).held == 0


def test_only_allowed_models_are_listed_and_started(project: Project, dear: Dear) -> None:
    spending.put_limits(Limits(project.org_id, models=["ollama:*"]))

    with pytest.raises(Invalid, match=r"does not allow fake:model .* allowed: ollama:\*") as refused:
        starting.start(project, {"model_id": "dear"})
    listed = {e.id for e in available(project.org_id)}
    spending.put_limits(Limits(project.org_id, models=["fake:m*"]))

    assert (refused.value.code, refused.value.errors[0].field) == ("MODEL_NOT_ALLOWED", "model_id")
    assert listed == {"extractive"}, "which asks nobody"
    assert walk(project, model_id="dear", num_pairs=2).delivered == 2


def test_the_api_shows_limits_and_holds_them(service: Service) -> None:
    org_id = service.headers["X-Organization-ID"]
    spending.put_limits(Limits(org_id, models=[], monthly_budget=2_500_000))

    shown = service.http.get("/v1/ledger/limits", headers=service.headers).json()
    job = {"schema": "instruction_v1", "domain": "harbours", "count": 2}
    body = {**job, "models": {"generator": {"provider": "ollama", "model": "llama3.2"}}}
    refused = service.http.post("/v1/synthetic/generate", json=body, headers=service.headers)
    offline = service.http.post(
        "/v1/synthetic/generate",
        json={**job, "models": {"generator": {"provider": "templated", "model": "templated"}}},
        headers=service.headers,
    )

    assert shown == {
        "models": [],
        "monthly_budget_usd": 2.5,
        "period": clock.now()[:7],
        "spent_usd": 0,
        "reserved_usd": 0,
        "available_usd": 2.5,
    }
    assert (refused.status_code, refused.json()["code"]) == (422, "MODEL_NOT_ALLOWED")
    assert offline.status_code == 202
    assert service.http.put("/v1/ledger/limits", json={}, headers=service.headers).status_code == 405


def test_an_empty_month_is_402_before_anything_starts(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    spending.put_limits(Limits(service.headers["X-Organization-ID"], monthly_budget=0))
    body = {"schema": "instruction_v1", "domain": "harbours", "count": 2, "model": "fast"}

    job = service.http.post("/v1/synthetic/generate", json=body, headers=service.headers)

    assert (job.status_code, job.json()["code"]) == (402, "MONTHLY_BUDGET_REACHED")
    assert service.http.get("/v1/synthetic/jobs", headers=service.headers).json()["jobs"] == []
