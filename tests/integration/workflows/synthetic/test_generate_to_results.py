"""From a request to its results (contract B), both backends: generate, poll, download, splits, report, ledger."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from dataforge import settings
from dataforge.store import ledger
from tests.support.service import Service
from tests.support.synthetic_api import Synthetic


@pytest.fixture(autouse=True)
def templated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "templated")
    settings.get.cache_clear()
    yield
    settings.get.cache_clear()


# checklist 56, 57, 61, 62, 70, 71, 90-93, 95, 97, 102, 109, 110, 113, 115-118, 120
def test_from_a_description_to_a_dataset(service: Service) -> None:
    api = Synthetic(service)

    started = api.start(
        {
            "schema": "instruction_v1",
            "domain": "customer support for fintech",
            "count": 30,
            "model": "economy",
            "verified": True,
            "license": "cc-by-4.0",
            "advanced": {
                "coverage": {"mode": "each_value", "dimensions": [{"name": "level", "values": ["a", "b", "c"]}]},
                "hard_negatives": {"enabled": True, "percentage": 20},
                "invariants": [{"rule": "Mention the next step", "enforcement": "soft"}],
                "output_split": {"train": 80, "test": 20},
                "metadata_fields": [
                    {"name": "id", "type": "auto_increment", "prefix": "cs_"},
                    {"name": "uid", "type": "uuid"},
                    {"name": "run", "type": "constant", "value": 7},
                ],
            },
        }
    )
    job = api.wait(started["job_id"])
    records = api.records(job["job_id"])

    assert started["job_id"].startswith("syn_job_")
    assert (started["status"], started["model"], started["estimated_cost_usd"]) == ("queued", "economy", 0.1662)
    assert (job["status"], job["error"], job["progress"]) == ("succeeded", None, 100)
    assert job["count_accepted"] == len(records) <= 30
    assert job["count_generated"] == job["count_accepted"] + job["count_rejected"]
    assert job["cost_usd"] == round(len(records) * 0.00554, 6)
    first = records[0]
    assert set(first) == {"instruction", "input", "output", "response", "system_prompt", "metadata", "provenance"}
    assert {k: first["provenance"][k] for k in ("job_id", "schema", "domain", "model")} == {
        "job_id": job["job_id"],
        "schema": "instruction_v1",
        "domain": "customer support for fintech",
        "model": "templated",
    }
    quality = first["provenance"]["quality"]
    assert quality["overall"] == round(sum(quality[k] for k in ("relevance", "accuracy", "completeness")) / 3, 1)
    assert [r["metadata"]["id"] for r in records] == [f"cs_{n:02d}" for n in range(1, len(records) + 1)]
    assert len({r["metadata"]["uid"] for r in records}) == len(records)
    assert {r["metadata"]["run"] for r in records} == {7}
    assert {r["metadata"]["coverage_level"] for r in records} == {"a", "b", "c"}
    assert Counter(r["metadata"]["hard_negative"] for r in records)[True] >= 4
    assert {r["metadata"]["invariant_soft_flags"] == [] for r in records} == {True}

    splits = api.call("GET", f"/jobs/{job['job_id']}/splits")
    parts = {name: service.fetch(url).decode().splitlines() for name, url in splits["splits"].items()}
    assert {name: len(lines) for name, lines in parts.items()} == splits["counts"]
    assert sorted(json.loads(x)["metadata"]["id"] for lines in parts.values() for x in lines) == [
        r["metadata"]["id"] for r in records
    ]

    url = api.call("GET", f"/jobs/{job['job_id']}/results", format="url")
    assert url["expires_in"] == 3600
    assert service.fetch(url["url"]) == service.fetch(api.call("GET", f"/jobs/{job['job_id']}/results/url")["url"])
    report = api.file(f"/jobs/{job['job_id']}/quality-report")
    manifest = api.file(f"/jobs/{job['job_id']}/manifest")
    assert (report["version"], report["phase"], report["overall_grade"]) == ("1.0", 2, job["quality_grade"])
    assert report["total_accepted"] == manifest["count_accepted"] == len(records)
    assert sum(report["rejection_breakdown"].values()) == report["total_rejected"] == manifest["count_rejected"]
    assert manifest["quality_report"] == report
    assert (manifest["license"], manifest["count_requested"]) == ("cc-by-4.0", 30)
    assert manifest["splits"] == splits["counts"]


# checklist 120, 121
def test_a_balance_is_reserved_settled_and_released(service: Service) -> None:
    api = Synthetic(service)
    org_id = service.headers["X-Organization-ID"]
    ledger.set_plan(org_id, "payg")
    body = {"schema": "eval_v1", "domain": "harbours", "count": 20, "model": "balanced"}

    refused = api.start(body, expect=402)
    ledger.top_up(org_id, 61_000)
    started = api.start(body)
    second = api.start(body, expect=402)
    job = api.wait(started["job_id"])
    answer = service.http.get("/v1/ledger", headers=api.headers).json()
    entries = service.http.get("/v1/ledger/entries", headers=api.headers).json()["entries"]

    assert refused["code"] == second["code"] == "INSUFFICIENT_BALANCE"
    assert len(api.call("GET", "/jobs")["jobs"]) == 1
    charge = job["count_accepted"] * 0.003
    assert answer["reserved_usd"] == 0
    assert answer["balance_usd"] == round(0.061 - charge, 6)
    by_kind = Counter()
    for entry in entries:
        by_kind[entry["kind"]] += round(entry["amount_usd"] * 1e6)
    assert by_kind["reserve"] == by_kind["settle"] + by_kind["release"] == 60_000
    assert by_kind["settle"] == round(charge * 1e6)
