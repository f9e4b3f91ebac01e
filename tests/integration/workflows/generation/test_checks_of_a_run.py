"""`config.checks` of a run: what a check flags, rejects or leaves alone, and how it is counted everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge.quality import check_names
from tests.support.chat_servers import Recorder
from tests.support.projects import harbour
from tests.support.service import Service

MAIL = "bea.lindqvist@post.example"
RULES = f"""# The boat shed

The keeper of the boat shed is Bea Lindqvist. Write to {MAIL} at least two days before you come, and say how many boats
you bring along. The shed opens at nine in the morning and closes at six in the evening, on Sundays at four.

# Nights

A guest who comes after ten pays four euros more, and leaves the boat at the northern pier. In winter the northern pier
is closed, and {MAIL} tells you where to go instead. The gate opens with a card that every member gets in spring.
"""


@pytest.fixture
def shed(model: Recorder, service: Service) -> str:
    """A project whose document holds personal data. The model is there before the workers of the service."""
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES.encode())
    service.parse(project_id)
    return project_id


def generate(service: Service, project_id: str, **config: object) -> dict[str, Any]:
    run = service.generate(project_id, model_id="openai:gpt-4o", num_pairs=6, config=config)
    counts = run["counts"]
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    assert counts["flagged"] <= counts["delivered"]
    return run


def listed(service: Service, project_id: str, **query: object) -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = service.call("GET", f"/projects/{project_id}/pairs", page_size=100, **query)["pairs"]
    return pairs


def test_what_is_flagged_is_delivered_counted_and_never_accepted_by_itself(shed: str, service: Service) -> None:
    run = generate(service, shed, auto_accept_min_quality=0)

    flagged = listed(service, shed, flag="personal_data")
    assert flagged
    assert {p["status"] for p in flagged} == {"pending"}
    found = [flag for p in flagged for flag in p["flags"] if flag["check"] == "personal_data"]
    assert len(found) == len(flagged)
    assert all(flag["words"] and flag["detail"] for flag in found)
    assert run["counts"]["flagged"] == len(listed(service, shed, flagged=True))
    assert run["results"]["flagged"] == run["report"]["flagged"] == run["counts"]["flagged"]
    by_check = run["results"]["flagged_by_check"]
    assert by_check == run["report"]["flagged_by_check"]
    assert by_check["personal_data"] == len(flagged)
    assert {p["pairId"] for p in listed(service, shed, status="accepted")}.isdisjoint(p["pairId"] for p in flagged)


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_a_check_that_is_off_says_nothing(shed: str, service: Service) -> None:
    run = generate(service, shed, checks={"personal_data": "off"})

    assert run["config"]["checks"] == {"personal_data": "off"}
    assert listed(service, shed, flag="personal_data") == []
    assert any(MAIL in p["question"] + p["answer"] for p in listed(service, shed))


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_a_check_may_reject_and_a_reviewer_brings_the_pair_back_with_its_findings(shed: str, service: Service) -> None:
    run = generate(service, shed, checks={"level": "lenient", "personal_data": "reject"})
    rejected = [p for p in listed(service, shed, status="rejected") if "personal_data" in p["metadata"]["reasons"]]
    pair = rejected[0]

    reset = {"action": "reset", "pair_ids": [pair["pairId"]]}
    service.call("POST", f"/projects/{shed}/pairs/bulk-action", json=reset)
    back = next(p for p in listed(service, shed, status="pending") if p["pairId"] == pair["pairId"])
    service.call("PUT", f"/pairs/{pair['pairId']}", json={"status": "accepted"})
    exported = service.call("POST", f"/projects/{shed}/export", json={})

    assert run["reasons"]["rejected"]["personal_data"] >= 1
    assert back["rejectedBy"] == pair["rejectedBy"]
    assert ("personal_data", "reject") in {(f["check"], f["outcome"]) for f in back["rejectedBy"]}
    assert back["flags"] == []
    assert exported["pairCount"] == 1


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_a_run_in_another_language_tells_its_model(shed: str, service: Service, model: Recorder) -> None:
    generate(service, shed, language="pl")

    assert all("Write in Polish, whatever the language of the passage" in said for said in model.said("system"))


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
@pytest.mark.parametrize(("setting", "status"), [("review", "pending"), ("off", "accepted")])
def test_repeats_may_be_flagged_or_left_alone(service: Service, setting: str, status: str) -> None:
    project_id = harbour(service)
    config: dict[str, Any] = {"auto_accept_min_quality": 0, "checks": dict.fromkeys(check_names.known(), "off")}
    service.generate(project_id, model_id="scripted", num_pairs=4, config=config)
    config["checks"]["near_duplicate"] = setting

    again = service.generate(project_id, model_id="scripted", num_pairs=4, config=config)

    repeats = listed(service, project_id, generation_id=again["generationId"])
    assert (again["counts"]["rejected"], again["counts"]["delivered"]) == (0, 4)
    assert {(p["status"], p["isDuplicate"]) for p in repeats} == {(status, setting == "review")}
    assert again["counts"]["flagged"] == (4 if setting == "review" else 0)
