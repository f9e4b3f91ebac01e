"""Runs at batch price, both walls: the same records and counts as in real time, whatever the provider's job does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest

from tests.integration.batch_servers import KEY, BatchServer, Body, Plot, openai_batches
from tests.integration.conftest import Service
from tests.integration.test_run_engine import FACTS

RULES = "\n\n".join(
    f"## Rule {n}\n\n{sentence}. {question}" for n, (question, sentence) in enumerate(chain.from_iterable(FACTS))
).encode()
"""Eight chunks of which no two look alike."""
MODELS = json.dumps({"models": [{
    "id": "priced", "backends": ["openai:stand-in"], "price": {"input": 2.0, "output": 10.0, "batch": 0.5},
}]})
REAL, HALF = (1000 * 2.0 + 100 * 10.0) / 1e6, (1000 * 1.0 + 100 * 5.0) / 1e6
"""Dollars of one reply of the stand-in."""


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    """Ask for it before `service`, whose workers inherit its address."""
    with openai_batches(Plot(reply=told)) as made:
        for name, value in {
            "OPENAI_BASE_URL": made.url, "OPENAI_API_KEY": KEY, "DATAFORGE_BATCH_POLL": "1",
            "DATAFORGE_BATCH_LEAST": "1", "DATAFORGE_BATCH_CALLS": "6", "DATAFORGE_MODELS": MODELS,
            "DATAFORGE_CHUNK_TOKENS": "64",
        }.items():
            monkeypatch.setenv(name, value)
        yield made


def told(body: Body) -> str:
    """What a capable model says about the section that it is shown."""
    shown = body["messages"][1]["content"]
    question, sentence = next((q, s) for q, s in chain.from_iterable(FACTS) if s in shown)
    return json.dumps({"pairs": [{
        "question": question, "answer": f"{sentence}.", "question_type": "factual", "difficulty": "easy",
        "evidence": [f"{sentence}."],
    }]})


def harbour(service: Service) -> str:
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES)
    service.parse(project_id)
    return project_id


def generate(service: Service, project_id: str, mode: str, **config: object) -> dict[str, Any]:
    return service.generate(project_id, model_id="priced", num_pairs=8,
                            config={"mode": mode, "pairs_per_chunk": 1, **config})


def said(service: Service, project_id: str, run: dict[str, Any]) -> list[tuple[str, str]]:
    page = service.call("GET", f"/projects/{project_id}/pairs", generation_id=run["generationId"], page_size=500)
    return sorted((p["question"], p["answer"]) for p in page["pairs"])


def counts(run: dict[str, Any]) -> tuple[int, int, int, int]:
    c = run["counts"]
    assert c["asked"] == c["delivered"] + c["rejected"] + c["failed"], c
    return c["asked"], c["delivered"], c["rejected"], c["failed"]


def logs(service: Service, run: dict[str, Any]) -> str:
    lines = service.call("GET", f"/generations/{run['generationId']}/logs", tail=200)["logs"]
    return "\n".join(line["message"] for line in lines)


def test_a_batch_run_delivers_what_a_run_in_real_time_does_for_half_the_price(
    provider: BatchServer, service: Service
) -> None:
    live_in, batch_in = harbour(service), harbour(service)
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
