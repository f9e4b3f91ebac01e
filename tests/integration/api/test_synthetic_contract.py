"""Contract B over HTTP on both backends: refusals, lists, files before the end, tenants, public routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dataforge import clock, settings
from dataforge.platform import current
from dataforge.store import api_keys, ledger, members
from tests.support.service import Service
from tests.support.synthetic_api import EVERY_BODY, Synthetic

SMALL = {"schema": "instruction_v1", "domain": "harbours", "count": 8, "model": "fast"}
CONFLICT = {"drive_pairs": [{"a": "safety", "b": "autonomy"}]}


@pytest.fixture(autouse=True)
def templated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "templated")
    settings.get.cache_clear()
    yield
    settings.get.cache_clear()


def advanced(**options: object) -> dict[str, object]:
    return {"advanced": options}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"schema": "poem_v1"}, "schema"),  # 63
    ({"schema": None}, "schema"),
    ({"domain": ""}, "domain"),
    ({"domain": "   "}, "domain"),
    ({"domain": "x" * 2001}, "domain"),
    ({"count": 0}, "count"),  # 64
    ({"count": -5}, "count"),
    ({"count": 1.5}, "count"),
    ({"count": "10"}, "count"),
    ({"count": 100_001}, "count"),
    ({"model": None}, "model"),  # 65
    ({"model": "huge"}, "model"),
    ({"model": None, "models": {"critic": {"provider": "openai", "model": "gpt-4o"}}}, "models.generator"),
    ({"schema": "preference_v1"}, "model"),  # 67
    ({"schema": "preference_v1", "model": "economy"}, "model"),
    ({"schema": "conflict_v1", "conflict_config": CONFLICT}, "model"),
    ({"system_prompt": "x" * 4001}, "system_prompt"),  # 68
    ({"constraints": {"max_tokens": 49}}, "constraints.max_tokens"),  # 59
    ({"constraints": {"max_tokens": 4001}}, "constraints.max_tokens"),
    ({"constraints": {"language": "english please"}}, "constraints.language"),
    ({"constraints": {"colour": "red"}}, "constraints.colour"),
    ({"verified": "yes"}, "verified"),
    ({"temperature": 1}, "temperature"),
    (advanced(categories={"a": {"percentage": 50}}), "advanced.categories"),  # 81
    (advanced(categories={"a": {"percentage": 101}}), "advanced.categories.a.percentage"),
    (advanced(hard_negatives={"enabled": True, "percentage": 0}), "advanced.hard_negatives.percentage"),  # 84
    (advanced(hard_negatives={"enabled": True, "percentage": 101}), "advanced.hard_negatives.percentage"),
    (advanced(hard_negatives={"enabled": True, "techniques": ["flattery"]}), "advanced.hard_negatives.techniques.0"),
    (advanced(response_constraints={"min_tokens": 0}), "advanced.response_constraints.min_tokens"),  # 89
    (advanced(response_constraints={"max_tokens": 10_001}), "advanced.response_constraints.max_tokens"),
    (advanced(output_split={"train": 100}), "advanced.output_split"),  # 90
    (advanced(output_split={"train": 80, "test": 19}), "advanced.output_split"),
    (advanced(output_split={"train": 100, "test": 0}), "advanced.output_split.test"),
    (advanced(output_split=dict.fromkeys("abcdef", 16)), "advanced.output_split"),
    (advanced(output_split={"train": 79.5, "test": 20.5}), "advanced.output_split.train"),
    (advanced(metadata_fields=[{"name": "x", "type": "magic"}]), "advanced.metadata_fields.0.type"),  # 92
    (advanced(metadata_fields=[{"name": "x", "type": "constant"}]), "advanced.metadata_fields.0.value"),
    (advanced(invariants=[{"rule": "too short"}]), "advanced.invariants.0.rule"),  # 95
    (advanced(invariants=[{"rule": "x" * 501}]), "advanced.invariants.0.rule"),
    (advanced(invariants=[{"rule": "No medical advice"}] * 11), "advanced.invariants"),
    (advanced(invariants=[{"rule": "No medical advice", "enforcement": "mild"}]), "advanced.invariants.0.enforcement"),
    (advanced(coverage={"mode": "each_value", "dimensions": []}), "advanced.coverage.dimensions"),  # 99
    (
        advanced(
            coverage={"mode": "each_value", "dimensions": [{"name": "d", "values": list("abcdefghijklmnopqrstu")}]}
        ),
        "advanced.coverage.dimensions.0.values",
    ),
    (
        advanced(coverage={"mode": "each_value", "dimensions": [{"name": f"d{n}", "values": ["x"]} for n in range(6)]}),
        "advanced.coverage.dimensions",
    ),
    (
        advanced(
            coverage={
                "mode": "all_combinations",
                "dimensions": [
                    {"name": "a", "values": list("abcdefghijk")},
                    {"name": "b", "values": list("abcdefghij")},
                ],
            }
        ),
        "advanced.coverage",
    ),  # 100
    ({"schema": "conflict_v1", "model": "deep"}, "conflict_config"),  # 75
    (
        {"schema": "conflict_v1", "model": "deep", "conflict_config": {"drive_pairs": []}},
        "conflict_config.drive_pairs",
    ),  # 76
    (
        {
            "schema": "conflict_v1",
            "model": "deep",
            "conflict_config": {
                "drive_pairs": [{"axis_name": "x", "drives": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}]
            },
        },
        "conflict_config.drive_pairs.0.drives",
    ),
    (
        {
            "schema": "conflict_v1",
            "model": "deep",
            "conflict_config": {"drive_pairs": [{"drives": [{"name": "a"}, {"name": "b"}]}]},
        },
        "conflict_config.drive_pairs.0",
    ),
    (
        {
            "schema": "conflict_v1",
            "model": "deep",
            "conflict_config": {**CONFLICT, "axis_distribution": {"safety_autonomy": 60}},
        },
        "conflict_config.axis_distribution",
    ),  # 78
    (
        {"schema": "conflict_v1", "model": "deep", "conflict_config": {**CONFLICT, "resolution_mode": "loud"}},
        "conflict_config.resolution_mode",
    ),  # 79
    (
        {"schema": "conflict_v1", "model": "deep", "conflict_config": {**CONFLICT, "override_vocabulary": ["x"] * 51}},
        "conflict_config.override_vocabulary",
    ),  # 80
    ({"conflict_config": CONFLICT}, "conflict_config"),
]


# checklist 59, 63, 64, 65, 67, 68, 75, 76, 78, 79, 80, 84, 85, 89, 90, 95, 99, 100, 123
def test_a_broken_request_names_its_fields_and_begins_nothing(service: Service) -> None:
    api = Synthetic(service)

    for change, field in REFUSED:
        body = {k: v for k, v in {**SMALL, **change}.items() if v is not None}
        answer = api.start(body, expect=422)

        assert answer["code"] == "VALIDATION_ERROR", answer
        assert field in [e["field"] for e in answer["errors"]], (change, answer["errors"])
        assert answer["message"]
    assert api.call("GET", "/jobs") == {"jobs": [], "next_cursor": None}


# checklist 103
def test_categories_with_coverage_are_a_bad_request(service: Service) -> None:
    answer = Synthetic(service).start(
        {
            **SMALL,
            **advanced(
                categories={"a": {"percentage": 100}},
                coverage={"mode": "each_value", "dimensions": [{"name": "d", "values": ["x"]}]},
            ),
        },
        expect=400,
    )

    assert (answer["code"], answer["errors"][0]["field"]) == ("VALIDATION_ERROR", "advanced.coverage")


# checklist 124, 125
def test_a_slip_in_the_domain_is_shown_before_anything_is_charged(service: Service) -> None:
    api = Synthetic(service)
    ledger.set_plan(service.headers["X-Organization-ID"], "payg")
    body = {**SMALL, "domain": "custmer support for fintech"}

    answer = api.start(body, expect=422)
    confirmed = api.start(body, expect=402, **{"X-Domain-Confirmed": "true"})

    assert answer["code"] == "DOMAIN_SPELL_CHECK"
    assert "'custmer' (perhaps 'customer')" in answer["message"]
    assert answer["suggestions"] == [{"word": "custmer", "suggestions": ["customer", "custer"]}]
    assert answer["suggested_domain"] == "customer support for fintech"
    assert confirmed["code"] == "INSUFFICIENT_BALANCE"
    assert api.call("GET", "/jobs")["jobs"] == []


# checklist 49, 60, 66, 130
def test_every_body_of_the_documents_can_be_quoted_as_it_stands(service: Service) -> None:
    api = Synthetic(service)

    for name, body in EVERY_BODY.items():
        answer = api.estimate(body)

        assert answer["count"] == body["count"], name
        assert answer["estimated_cost_usd"] > 0, name


# checklist 53, 120, 181
def test_an_estimate_starts_nothing(service: Service) -> None:
    api = Synthetic(service)

    fast = api.start({**SMALL, "count": 1000, "verified": True, "dry_run": True}, expect=200)
    explicit = api.estimate(
        {
            **SMALL,
            "count": 1000,
            "model": None,
            "models": {"generator": {"provider": "openai", "model": "gpt-4o"}},
        }
    )

    assert (fast["estimated_cost_usd"], fast["most_generated"], fast["generator"]) == (5.5, 1250, "templated")
    assert (explicit["estimated_cost_usd"], explicit["model"]) == (5.0, "gpt-4o")
    assert api.call("GET", "/jobs")["jobs"] == []


# checklist 55, 114, 115, 118, 129
def test_lists_and_lives_of_jobs(service: Service) -> None:
    api, stranger = Synthetic(service), Synthetic(service.other())
    ids = [api.run({**SMALL, "schema": schema, "count": 3})["job_id"] for schema in ("eval_v1",) * 3]

    pages = [api.call("GET", "/jobs", limit=2)]
    pages.append(api.call("GET", "/jobs", limit=2, cursor=pages[0]["next_cursor"]))
    done = api.call("GET", "/jobs", status="succeeded", limit=100)["jobs"]

    assert [j["job_id"] for p in pages for j in p["jobs"]] == ids[::-1]
    assert [j["job_id"] for j in done] == ids[::-1]
    assert api.call("GET", "/jobs", status="failed")["jobs"] == []
    assert api.call("GET", "/jobs", status="lost", expect=422)["errors"][0]["field"] == "status"
    assert api.call("GET", "/jobs", limit=101, expect=422)["errors"][0]["field"] == "limit"
    job = api.call("GET", f"/jobs/{ids[0]}")
    assert job == done[2]
    assert set(job["summary"]) == {"pass_rate", "diversity_score", "mean_judge_score", "rejection_breakdown"}
    assert api.call("GET", f"/jobs/{ids[0]}/splits", expect=404)["code"] == "SPLITS_NOT_CONFIGURED"
    assert api.call("POST", f"/jobs/{ids[0]}/cancel", expect=409)["code"] == "JOB_FINISHED"
    for path in ("", "/results", "/results/url", "/quality-report", "/splits", "/manifest"):
        assert stranger.call("GET", f"/jobs/{ids[0]}{path}", expect=404)["code"] == "NOT_FOUND"
    stranger.call("POST", f"/jobs/{ids[0]}/cancel", expect=404)
    assert stranger.call("GET", "/jobs")["jobs"] == []
    assert api.call("GET", "/jobs/syn_job_none", expect=404)["message"] == "Job syn_job_none not found"


# checklist 50, 51
def test_views_of_the_results(service: Service) -> None:
    api = Synthetic(service)
    job_id = api.run({**SMALL, "count": 3})["job_id"]

    legacy, canonical = (api.records(job_id, view=view)[0] for view in ("legacy", "canonical"))

    assert set(legacy) == {"system_prompt", "instruction", "response", "metadata"}
    assert set(canonical) == {"instruction", "input", "output", "metadata", "provenance"}
    url = api.call("GET", f"/jobs/{job_id}/results", format="url", view="legacy")["url"]
    assert len(service.fetch(url).splitlines()) == len(api.records(job_id))


def test_files_before_the_end_and_a_cancel(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(current().workflows), "start", lambda *_: None)  # a machine that takes its time
    api = Synthetic(service)
    job_id = api.start(SMALL)["job_id"]

    names = ("results", "quality-report", "manifest")
    early = [api.call("GET", f"/jobs/{job_id}/{name}", expect=409) for name in names]
    cancelled = api.call("POST", f"/jobs/{job_id}/cancel")

    assert {e["code"] for e in early} == {"JOB_NOT_COMPLETE"}
    assert cancelled["status"] == "queued"
    assert api.call("POST", f"/jobs/{job_id}/cancel")["job_id"] == job_id


# checklist 61, 119, 127
def test_public_routes_need_no_key_and_the_others_do(service: Service) -> None:
    prices = service.http.get("/v1/synthetic/pricing")
    health = service.http.get("/health")
    closed = service.http.get("/v1/synthetic/jobs")

    assert prices.status_code == health.status_code == 200
    by_tier = {t["tier"]: t for t in prices.json()["tiers"]}
    assert {t: (e["alias"], e["provider"], e["model"]) for t, e in by_tier.items()} == {
        "fast": ("economy", "openai", "gpt-4o-mini"),
        "balanced": ("standard", "openai", "gpt-4.1-mini"),
        "diverse": (None, "openai", "gpt-5.4-mini"),
        "deep": ("premium", "anthropic", "claude-sonnet-4-6"),
    }
    assert by_tier["fast"]["prices"] == {
        "instruction_v1": 0.5,
        "preference_v1": None,
        "eval_v1": 0.5,
        "conflict_v1": None,
    }
    assert by_tier["deep"]["prices"]["conflict_v1"] == 30
    assert prices.json()["addons"] == {"verified": 5.0, "llm_assessed": 5.0, "invariants": 0.04}
    assert health.json()["services"] == {"api": "ok", "database": "ok", "queue": "ok", "email": "disabled"}
    assert closed.status_code == 401
    assert closed.json()["message"]


# checklist 127
def test_health_is_degraded_when_the_database_is_down(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(current().tables), "get", lambda *_: 1 / 0)

    answer = service.http.get("/health")

    assert (answer.status_code, answer.json()["status"], answer.json()["services"]["database"]) == (
        503,
        "degraded",
        "down",
    )


# checklist 121
def test_a_quota_is_a_calendar_months_records(service: Service) -> None:
    api, org_id = Synthetic(service), service.headers["X-Organization-ID"]
    ledger.set_plan(org_id, "quota", quota_records=20)

    deep = api.start({**SMALL, "model": "deep"}, expect=402)
    job = api.run({**SMALL, "count": 10, "verified": True})
    short = api.start({**SMALL, "count": 10}, expect=402)
    answer = service.http.get("/v1/ledger", headers=api.headers).json()

    assert deep["code"] == short["code"] == "INSUFFICIENT_BALANCE"
    assert (answer["plan"], answer["quota_records"], answer["quota_reserved"]) == ("quota", 20, 0)
    assert answer["quota_used"] == 1.5 * job["count_accepted"]


# checklist 126
def test_an_organization_makes_sixty_calls_a_minute(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_RATE_SYNTHETIC", "60")
    settings.get.cache_clear()
    limited, other = Synthetic(service.other()), Synthetic(service.other())

    statuses = [service.http.get("/v1/synthetic/jobs", headers=limited.headers) for _ in range(62)]

    refused = [r for r in statuses if r.status_code == 429]
    assert len(refused) == 2
    assert refused[0].json()["code"] == "RATE_LIMITED"
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert other.call("GET", "/jobs")["jobs"] == []
    assert service.http.get("/v1/synthetic/pricing").status_code == 200


# checklist 122
def test_an_unverified_member_starts_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_VERIFIED_EMAIL", "1")
    settings.get.cache_clear()
    org_id = service.headers["X-Organization-ID"]
    member = members.add(
        members.Member(
            org_id=org_id,
            user_id="user_new",
            role="member",
            name="New",
            email="new@example.org",
            email_verified=False,
            created_at=clock.now(),
        )
    )
    _, secret = api_keys.create(
        org_id, member.user_id, name="k", scopes=["synthetic:read", "synthetic:write"], created_by="test"
    )

    answer = service.http.post("/v1/synthetic/generate", json=SMALL, headers={"Authorization": f"Bearer {secret}"})

    assert (answer.status_code, answer.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")


def test_a_repeated_request_with_an_idempotency_key_starts_one_job(service: Service) -> None:
    api = Synthetic(service)

    first = api.start(SMALL, **{"Idempotency-Key": "once"})
    again = api.start(SMALL, **{"Idempotency-Key": "once"})
    other = api.start({**SMALL, "count": 9}, expect=422, **{"Idempotency-Key": "once"})

    assert again == first
    assert other["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert len(api.call("GET", "/jobs")["jobs"]) == 1
    api.wait(first["job_id"])


def test_a_job_is_no_generation_of_the_documents_api(service: Service) -> None:
    job_id = Synthetic(service).run({**SMALL, "count": 3})["job_id"]

    answer = service.http.get(f"/api/v1/data-forge/generations/{job_id}", headers=service.headers)

    assert answer.status_code == 404
