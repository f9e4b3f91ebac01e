"""Records that hold an item of an evaluation set are rejected, and say which; on both backends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.service import Service

RULES = """# Keys

The harbour master of Quellmouth keeps two journals, one for tides and one for ferries, and signs both of them every
evening before the lamps are lit on the northern pier. Fresh water costs four euros per cubic metre.

# Nights

Guest yachts may stay for two weeks in summer, and for a whole month in winter if the skipper tells the office in time.
"""
EXAM = "The harbour master of Quellmouth keeps two journals, one for tides and one for ferries, and signs both of them."


def _project(service: Service) -> str:
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES.encode())
    service.parse(project_id)
    return project_id


def _upload_exam(service: Service) -> None:
    lines = [{"instruction": f"Who reads map number {n}?", "output": f"Pilot {n} reads it."} for n in range(11)]
    lines.insert(1, {"instruction": "Is it true?", "output": EXAM})
    data = "\n".join(map(json.dumps, lines)).encode()
    answer = service.http.post(
        "/api/upload_dataset", files={"file": ("exam.jsonl", data)}, data={"task": "text-generation"},
        headers=service.headers,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text


def _pairs(service: Service, project_id: str) -> list[dict[str, Any]]:
    return service.call("GET", f"/projects/{project_id}/pairs", page_size=200)["pairs"]


# checklist 191
def test_a_record_that_holds_an_item_is_rejected_with_its_name(service: Service) -> None:
    project_id = _project(service)
    _upload_exam(service)

    run = service.generate(project_id, config={"decontaminate": ["exam.jsonl"], "pairs_per_chunk": 4})

    assert run["reasons"]["rejected"]["contaminated"] > 0
    rejected = [p for p in _pairs(service, project_id) if "contaminated" in p["metadata"].get("reasons", [])]
    assert rejected
    assert all(p["status"] == "rejected" for p in rejected)
    assert "exam.jsonl:2" in json.dumps(rejected[0])
    kept = [p for p in _pairs(service, project_id) if p["status"] != "rejected"]
    assert kept
    assert not [p for p in kept if "keeps two journals, one for tides and one for ferries, and signs" in p["answer"]]


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("sets", "status"), [(["nowhere.jsonl"], 404), ("exam.jsonl", 422), ([""], 422), (["a"] * 11, 422), ([7], 422)]
)
def test_a_set_that_is_not_there_is_refused_before_anything_is_asked(
    sets: object, status: int, service: Service
) -> None:
    project_id = _project(service)

    body = {"model_id": "extractive", "config": {"decontaminate": sets}}
    answer = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=status)

    assert answer["code"] in ("NOT_FOUND", "VALIDATION_ERROR")
    assert [g for g in service.call("GET", f"/projects/{project_id}/generations") if g["kind"] == "generate"] == []
