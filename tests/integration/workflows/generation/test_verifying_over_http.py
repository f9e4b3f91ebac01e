"""Verified runs through the whole service, both backends, over HTTP to a provider: in real time and in batch jobs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from tests.support import scripted_verifier
from tests.support.batch_servers import KEY, BatchServer, Body, Plot, Refused, openai_batches
from tests.support.document_batches import counts, logs
from tests.support.document_runs import FACTS
from tests.support.service import Service, aws_is_slow

RULES = "\n\n".join(
    f"## Rule {n}\n\n{sentence}. {question}" for n, (question, sentence) in enumerate(chain.from_iterable(FACTS))
).encode()
"""Eight chunks of which no two look alike."""
MODELS = {
    "models": [
        {"id": name, "backends": [f"openai:{name}"], "price": {"input": i, "output": o, "batch": 0.5}}
        for name, (i, o) in {"writer": (2.0, 10.0), "checker": (0.5, 2.0)}.items()
    ]
}
WRITER, CHECKER = (1000 * 2.0 + 100 * 10.0) / 1e6, (1000 * 0.5 + 100 * 2.0) / 1e6
"""Dollars of one reply of the stand-in, in real time."""
BAD = f"{FACTS[0][0][1]}."


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """Ask for it before `service`, whose workers inherit its address."""
    with openai_batches(Plot(reply=reply)) as made:
        for name, value in {
            "OPENAI_BASE_URL": made.url,
            "OPENAI_API_KEY": KEY,
            "DATAFORGE_BATCH_POLL": "1",
            "DATAFORGE_BATCH_LEAST": "1",
            "DATAFORGE_BATCH_CALLS": "6",
            "DATAFORGE_MODELS": json.dumps(MODELS),
            "DATAFORGE_CHUNK_TOKENS": "64",
        }.items():
            monkeypatch.setenv(name, value)
        yield made


def reply(body: Body) -> str:
    """What capable models say: of a section, or of records."""
    system, shown = (m["content"] for m in body["messages"][:2])
    if scripted_verifier.is_verifiers(system):
        return scripted_verifier.reply(shown, lambda answer: "bad" if answer == BAD else "good")
    question, sentence = next((q, s) for q, s in chain.from_iterable(FACTS) if s in shown)
    answer = {"question_type": "factual", "difficulty": "easy", "evidence": [f"{sentence}."]}
    return json.dumps({"pairs": [{"question": question, "answer": f"{sentence}.", **answer}]})


def generate(service: Service, **config: object) -> dict[str, Any]:
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES)
    service.parse(project_id)
    asked = {"verify": "all", "verifier": "checker", "pairs_per_chunk": 1, "auto_accept_min_quality": 0.5, **config}
    return service.generate(project_id, model_id="writer", num_pairs=8, config=asked)


def models(bodies: list[Body]) -> list[str]:
    return [body["model"] for body in bodies]


# checklist 189
def test_a_verified_run_rejects_confirms_and_says_what_that_cost(provider: BatchServer, service: Service) -> None:
    run = generate(service)

    own = run["report"]["verification"]
    page = service.call("GET", f"/projects/{run['projectId']}/pairs", page_size=50)["pairs"]
    [rejected] = [p for p in page if p["answer"] == BAD]
    kept = [p for p in page if p["status"] != "rejected"]
    assert run["reasons"]["rejected"]["verifier_rejected"] >= 1
    assert rejected["status"] == "rejected"
    assert rejected["metadata"]["verification"]["words"] == [BAD.split()[-1]]
    assert {p["status"] for p in kept} == {"accepted"}
    assert {p["metadata"]["verification"]["ruling"] for p in kept} == {"confirmed"}
    assert len(kept) == run["counts"]["delivered"] == 7, "what tops up repeats one of the others"
    assert models(provider.asked).count("checker") == own["calls"] >= 8
    assert own["cost_usd"] == pytest.approx(own["calls"] * CHECKER)
    assert run["costUsd"] == pytest.approx(own["cost_usd"] + models(provider.asked).count("writer") * WRITER)
    assert run["estimate"]["verifier"]["calls"]["low"] <= 8 <= run["estimate"]["verifier"]["calls"]["high"]
    assert (run["config"]["verify"], run["config"]["verifier"]) == ("all", "checker")
    assert "checkers" not in run["config"]


# checklist 183
def test_verdicts_come_out_of_jobs_of_the_verifiers_own_model(provider: BatchServer, service: Service) -> None:
    run = generate(service, mode="batch")

    own = run["report"]["verification"]
    by_model = [set(models(job)) for job in provider.batched]
    in_jobs = sum(models(job).count("checker") for job in provider.batched)
    assert run["status"] == "completed", logs(service, run)
    assert run["reasons"]["rejected"]["verifier_rejected"] >= 1
    assert (run["counts"]["delivered"], own["unverified"]) == (7, 0), logs(service, run)
    assert own["confirmed"] >= 7
    assert {"writer"} in by_model
    assert {"checker"} in by_model
    assert sorted(models(provider.asked))[:2] == ["checker", "writer"], "the first call is made whole"
    assert own["calls"] == in_jobs + models(provider.asked).count("checker")
    assert own["cost_usd"] == pytest.approx(in_jobs * CHECKER / 2 + models(provider.asked).count("checker") * CHECKER)
    assert "questions to the verifier" in logs(service, run)


@aws_is_slow
def test_a_verifier_with_a_wrong_name_stops_no_run_at_batch_price(provider: BatchServer, service: Service) -> None:
    def without_checker(body: Body) -> str:
        if body["model"] == "checker":
            raise Refused(404, "The model 'checker' does not exist", "model_not_found")
        return reply(body)

    provider.plot.reply = without_checker

    run = generate(service, mode="batch")

    assert counts(run) == (8, 8, 0, 0), logs(service, run)
    assert run["report"]["verification"]["unverified"] == 8
    assert all(set(models(job)) == {"writer"} for job in provider.batched), "no job goes to a model that is not there"
    assert models(provider.asked).count("checker") <= 2
