"""Runs at batch price, both backends: the same records and counts as in real time, whatever the provider's job does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from tests.support.batch_servers import KEY, BatchServer, Body, Plot, Refused, openai_batches
from tests.support.dead_machines import closed, is_dead, kill, noticed_at_once
from tests.support.document_batches import counts, logs
from tests.support.document_runs import FACTS
from tests.support.service import Service, aws_is_slow
from tests.support.waiting import until

RULES = "\n\n".join(
    f"## Rule {n}\n\n{sentence}. {question}" for n, (question, sentence) in enumerate(chain.from_iterable(FACTS))
).encode()
"""Eight chunks of which no two look alike."""
MODELS = json.dumps(
    {
        "models": [
            {
                "id": "priced",
                "backends": ["openai:stand-in"],
                "price": {"input": 2.0, "output": 10.0, "batch": 0.5},
            }
        ]
    }
)
REAL, HALF = (1000 * 2.0 + 100 * 10.0) / 1e6, (1000 * 1.0 + 100 * 5.0) / 1e6
"""Dollars of one reply of the stand-in."""


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """Ask for it before `service`, whose workers inherit its address."""
    with openai_batches(Plot(reply=model_reply)) as made:
        for name, value in {
            "OPENAI_BASE_URL": made.url,
            "OPENAI_API_KEY": KEY,
            "DATAFORGE_BATCH_POLL": "1",
            "DATAFORGE_BATCH_LEAST": "1",
            "DATAFORGE_BATCH_CALLS": "6",
            "DATAFORGE_MODELS": MODELS,
            "DATAFORGE_CHUNK_TOKENS": "64",
        }.items():
            monkeypatch.setenv(name, value)
        yield made


def model_reply(body: Body) -> str:
    """What a capable model says about the section that it is shown."""
    shown = body["messages"][1]["content"]
    question, sentence = next((q, s) for q, s in chain.from_iterable(FACTS) if s in shown)
    return json.dumps(
        {
            "pairs": [
                {
                    "question": question,
                    "answer": f"{sentence}.",
                    "question_type": "factual",
                    "difficulty": "easy",
                    "evidence": [f"{sentence}."],
                }
            ]
        }
    )


def harbour(service: Service) -> str:
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES)
    service.parse(project_id)
    return project_id


def generate(service: Service, project_id: str, mode: str, **config: object) -> dict[str, Any]:
    return service.generate(
        project_id,
        model_id="priced",
        num_pairs=8,
        config={"mode": mode, "pairs_per_chunk": 1, "verify": "off", **config},
    )


def said(service: Service, project_id: str, run: dict[str, Any]) -> list[tuple[str, str]]:
    page = service.call("GET", f"/projects/{project_id}/pairs", generation_id=run["generationId"], page_size=500)
    return sorted((p["question"], p["answer"]) for p in page["pairs"])


# checklist 183
def test_a_batch_run_delivers_what_a_run_in_real_time_does_for_half_the_price(
    provider: BatchServer, service: Service
) -> None:
    live_in, batch_in = harbour(service), harbour(service)
    provider.steps = ("validating", "in_progress", "finalizing")
    live = generate(service, live_in, "realtime")
    asked = len(provider.asked)

    run = generate(service, batch_in, "batch")

    assert run["status"] == "completed", logs(service, run)
    assert counts(run) == counts(live) == (8, 8, 0, 0)
    assert said(service, batch_in, run) == said(service, live_in, live)
    assert [len(b) for b in provider.batched] == [7]
    assert len(provider.asked) == asked + 1
    assert sorted(map(str, provider.batched[0] + provider.asked[asked:])) == sorted(map(str, provider.asked[:asked]))
    assert live["costUsd"] == pytest.approx(8 * REAL)
    assert run["costUsd"] == pytest.approx(REAL + 7 * HALF)
    assert "Waiting for the provider's batch job: 3 of 7 done (in_progress)" in logs(service, run)
    assert provider.files == {}


@aws_is_slow
def test_what_a_model_does_not_take_is_found_out_before_the_job(provider: BatchServer, service: Service) -> None:
    """A model without a system role, in a window of 4,096 tokens."""

    def small(body: Body) -> str:
        first, *_ = body["messages"]
        if first["role"] == "system":
            raise Refused(400, "System role not supported")
        used = len(first["content"]) // 4
        if used + body["max_tokens"] > 4096:
            raise Refused(400, f"maximum context length is 4096 tokens ({used} in the messages)")
        return model_reply({"messages": [{}, first]})

    provider.plot.reply = small

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 8, 0, 0), logs(service, run)
    assert len(provider.batched[0]) == 7
    assert {body["messages"][0]["role"] for body in provider.batched[0]} == {"user"}
    assert all(body["max_tokens"] < 4096 for body in provider.batched[0])
    assert "is asked without" in logs(service, run)


@pytest.mark.slow
def test_what_a_job_did_not_answer_goes_into_a_smaller_job(provider: BatchServer, service: Service) -> None:
    """Errors of single lines, and a job that expired half way."""
    error = {"status": 500, "code": "server_error"}
    provider.plot.line = lambda job, line: error if (job, line % 3) == (0, 0) else None
    provider.plot.job_status = lambda job: "expired" if job == 1 else "completed"

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 8, 0, 0), logs(service, run)
    assert [len(b) for b in provider.batched] == [7, 3, 2]
    assert run["costUsd"] == pytest.approx(REAL + 7 * HALF)
    assert "brought 4 of 7 replies; 3 are asked again: HTTP 500: The request failed" in logs(service, run)
    assert "brought 1 of 3 replies; 2 are asked again: The batch is expired." in logs(service, run)


@pytest.mark.slow
def test_a_correction_turn_is_a_question_of_the_next_job(provider: BatchServer, service: Service) -> None:
    def moody(body: Body) -> str:
        return (
            "I would rather not."
            if len(body["messages"]) == 2 and "crane" in body["messages"][1]["content"]
            else (model_reply(body))
        )

    provider.plot.reply = moody

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 8, 0, 0)
    first, second = provider.batched
    assert len(first) + len(second) + len(provider.asked) == 8 + 1
    assert [m["role"] for m in second[0]["messages"]] == ["system", "user", "assistant", "user"]


@pytest.fixture
def jobs_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_LEAST", "4")


@aws_is_slow
def test_a_tail_too_small_for_a_job_is_asked_in_real_time(
    provider: BatchServer, jobs_of_four: None, service: Service
) -> None:
    provider.plot.line = lambda _, line: {"code": "odd", "message": "lost"} if line == 0 else None

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 8, 0, 0), logs(service, run)
    assert [len(b) for b in provider.batched] == [7]
    assert len(provider.asked) == 2
    assert run["costUsd"] == pytest.approx(2 * REAL + 6 * HALF)
    assert "The rest is asked in real time, at full price" in logs(service, run)


@pytest.mark.parametrize(
    ("job_status", "said_why"),
    [
        ("failed:invalid_url", "The batch failed: invalid_url"),
        ("expired", "The batch is expired."),
    ],
)
@aws_is_slow
def test_jobs_that_bring_nothing_end_the_run_with_their_reason(
    provider: BatchServer, service: Service, job_status: str, said_why: str
) -> None:
    """Nobody is asked at full price for all that a job should have brought at half."""
    provider.plot.job_status = lambda _: job_status
    provider.plot.line = lambda _job, _line: {"code": "batch_expired", "message": "The batch is expired."}

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 1, 0, 7), logs(service, run)
    assert [len(b) for b in provider.batched] == [7, 7]
    assert len(provider.asked) == 1
    assert run["reasons"]["failed"] == {"batch_job_failed": 7}
    assert said_why in logs(service, run)


@pytest.mark.slow
def test_a_job_too_large_for_the_account_is_sent_again_in_halves(provider: BatchServer, service: Service) -> None:
    provider.plot.job_status = lambda job: "failed:token_limit_exceeded" if job == 0 else "completed"

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 8, 0, 0), logs(service, run)
    assert [len(b) for b in provider.batched] == [7, 3, 3, 1]


@aws_is_slow
def test_a_server_without_a_batch_api_says_so_and_spends_one_question(provider: BatchServer, service: Service) -> None:
    provider.no_batches = True

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 1, 0, 7)
    assert len(provider.asked) == 1
    assert "has no batch API (/files, /batches), leave out mode" in logs(service, run)


@aws_is_slow
def test_a_wrong_key_shows_before_any_job(provider: BatchServer, service: Service) -> None:
    provider.key = "sk-another"

    run = generate(service, harbour(service), "batch")

    assert run["status"] == "failed"
    assert counts(run) == (8, 0, 0, 8)
    assert provider.batches == {}
    assert "Incorrect API key provided" in run["error"]


@aws_is_slow
def test_cancel_stops_the_job_and_keeps_what_it_has(provider: BatchServer, service: Service) -> None:
    provider.plot.job_status = lambda _: "hold"
    project_id = harbour(service)
    body = {"model_id": "priced", "num_pairs": 8, "config": {"mode": "batch", "pairs_per_chunk": 1, "verify": "off"}}
    run_id = service.call("POST", f"/projects/{project_id}/generate", json=body)["generationId"]
    until(lambda: any(b.steps > 1 for b in provider.batches.values()))

    service.call("POST", f"/generations/{run_id}/cancel")
    run = service.wait(run_id)

    assert run["status"] == "cancelled"
    assert counts(run) == (8, 4, 0, 4), logs(service, run)
    assert [b.resource["status"] for b in provider.batches.values()] == ["cancelled"]
    assert run["costUsd"] == pytest.approx(REAL + 3 * HALF)


@aws_is_slow
def test_a_job_whose_creation_got_no_answer_is_found_again(provider: BatchServer, service: Service) -> None:
    """The crash between making a job and writing its id down: nobody pays twice."""
    provider.crash_after_create = 1

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 8, 0, 0), logs(service, run)
    assert [len(b) for b in provider.batched] == [7]


@pytest.mark.slow
def test_a_provider_out_of_reach_is_waited_for(provider: BatchServer, service: Service) -> None:
    provider.away = 2

    run = generate(service, harbour(service), "batch")

    assert counts(run) == (8, 8, 0, 0)
    assert [len(b) for b in provider.batched] == [7]


@pytest.mark.slow
def test_a_budget_bounds_what_a_job_may_hold(provider: BatchServer, service: Service) -> None:
    """A question may cost $0.022 at most (4,096 tokens at $5 a million): three of them are held at a time."""
    limit = 0.08

    run = generate(service, harbour(service), "batch", max_cost_usd=limit)

    assert counts(run)[1] == 8, logs(service, run)
    assert [len(b) for b in provider.batched] == [3, 3, 1]
    assert run["costUsd"] <= limit


@pytest.mark.slow
def test_a_budget_that_is_used_up_ends_the_run(provider: BatchServer, service: Service) -> None:
    limit = 0.004

    run = generate(service, harbour(service), "batch", max_cost_usd=limit)

    assert run["stopReason"] == "budget_reached"
    assert counts(run)[1] + counts(run)[3] == 8
    assert run["costUsd"] <= limit + REAL


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("extractive", "mode: the teacher extractive has no batch API; leave mode out"),
        ("ollama:llama3", "mode: the teacher ollama:llama3 has no batch API"),
    ],
)
def test_a_teacher_without_a_batch_api_is_refused_beforehand(
    provider: BatchServer, service: Service, model: str, words: str
) -> None:
    body = {"model_id": model, "num_pairs": 8, "config": {"mode": "batch"}}

    refused = service.call("POST", f"/projects/{harbour(service)}/generate", json=body, expect=422)

    assert refused["errors"][0]["field"] == "mode"
    assert words in refused["message"]


def test_an_estimate_is_half_the_price(provider: BatchServer, service: Service) -> None:
    project_id = harbour(service)
    body: dict[str, Any] = {"model_id": "priced", "num_pairs": 8, "estimate": True}

    full = service.call("POST", f"/projects/{project_id}/generate", json=body)["estimate"]
    half = service.call("POST", f"/projects/{project_id}/generate", json={**body, "config": {"mode": "batch"}})

    assert half["estimate"]["cost_usd"]["high"] == pytest.approx(full["cost_usd"]["high"] / 2, abs=1e-6)
    assert half["estimate"]["calls"] == full["calls"]


@aws_is_slow
def test_the_trace_of_a_pair_names_its_job(provider: BatchServer, service: Service) -> None:
    project_id = harbour(service)
    run = generate(service, project_id, "batch")
    page = service.call("GET", f"/projects/{project_id}/pairs", generation_id=run["generationId"], page_size=500)

    traced = [service.call("GET", f"/pairs/{p['pairId']}/trace") for p in page["pairs"]]

    assert sorted(t["lineage"]["job"] or "" for t in traced) == ["", *["batch_0000"] * 7]


def start_held(provider: BatchServer, service: Service, project_id: str) -> str:
    """A run whose job does not end."""
    provider.plot.job_status = lambda _: "hold"
    body = {"model_id": "priced", "num_pairs": 8, "config": {"mode": "batch", "pairs_per_chunk": 1}}
    run_id = service.call("POST", f"/projects/{project_id}/generate", json=body)["generationId"]
    until(lambda: any(b.steps > 1 for b in provider.batches.values()))
    return str(run_id)


TOO_LONG = {"status": 400, "code": "context_length_exceeded", "message": "maximum context length is 512 tokens"}


# checklist 184
@aws_is_slow
def test_a_prompt_that_is_refused_inside_a_job_fails_its_own_slot_and_the_rest_goes_on(
    provider: BatchServer, service: Service
) -> None:
    def form_b17(body: Body) -> bool:
        return "B17" in body["messages"][1]["content"]

    provider.plot.line = lambda job, line: TOO_LONG if form_b17(provider.batched[job][line]) else None

    run = generate(service, harbour(service), "batch")

    _, delivered, _, failed = counts(run)
    assert run["status"] == "completed"
    assert delivered == 7
    assert run["reasons"]["failed"] == {"prompt_refused": failed}
    sent = [line for job in provider.batched for line in job]
    assert sum(map(form_b17, sent)) == failed >= 1, "no refused prompt is asked again"
    assert len(provider.batched) > 1, "a refusal is no reason not to top up"
    assert "1 prompts were refused: HTTP 400: maximum context length" in logs(service, run)


# checklist 184, 185
@pytest.mark.parametrize(
    ("then", "delivered", "status"),
    [("completed", 8, "completed"), ("expired", 4, "expired"), ("hold", 4, "cancelled")],
)
@aws_is_slow
def test_a_run_whose_machine_died_gets_what_its_job_has_answered(
    provider: BatchServer,
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
    delivered: int,
    status: str,
) -> None:
    """A job that ended is collected; one that runs is cancelled, and collected when it has stopped."""
    project_id = harbour(service)
    run_id = start_held(provider, service, project_id)
    provider.plot.job_status = lambda _: then if is_dead("generate", run_id) else "hold"

    kill("generate", run_id)
    noticed_at_once(monkeypatch)
    run = closed(service, run_id)

    assert run["status"] == "failed"
    assert "The state machine ended as" in run["error"]
    assert counts(run) == (8, delivered, 0, 8 - delivered), logs(service, run)
    assert run["costUsd"] == pytest.approx(REAL + (delivered - 1) * HALF)
    assert [b.resource["status"] for b in provider.batches.values()] == [status]
    assert len(provider.asked) == 1, "nothing is asked again"
    assert len(said(service, project_id, run)) == delivered
    assert provider.files == {}


@aws_is_slow
def test_a_deleted_project_leaves_no_job_running(provider: BatchServer, service: Service) -> None:
    provider.plot.job_status = lambda _: "hold"
    project_id = harbour(service)
    body = {"model_id": "priced", "num_pairs": 8, "config": {"mode": "batch", "pairs_per_chunk": 1, "verify": "off"}}
    run_id = service.call("POST", f"/projects/{project_id}/generate", json=body)["generationId"]
    until(lambda: any(b.steps > 1 for b in provider.batches.values()))
    waiting = service.call("GET", f"/generations/{run_id}")

    service.call("DELETE", f"/projects/{project_id}")

    assert (waiting["status"], waiting["stage"]) == ("generating", "waiting")
    assert waiting["progressDetail"]["done"] == 3
    [job] = provider.batches.values()
    assert job.resource["status"] in ("cancelling", "cancelled")  # the next look finds it over
