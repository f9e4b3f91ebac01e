"""A project with one parsed document, as most tests of the service need it, and what can be read of it."""

from __future__ import annotations

import json
from typing import Any

from dataforge import platform
from dataforge.store import documents, projects, runs
from dataforge.workflows import run_files
from dataforge.workflows.documents import parsing
from tests.support.paths import HANDBOOK
from tests.support.service import Service

RULES = b"""# Berth rules

A berth is a place at the quay where a vessel may lie. The harbour office assigns every berth.
Vessels longer than 40 metres must book a berth at least 14 days before arrival. A late booking costs 250 euros.

## Fees

| Vessel class | Fee per night | Deposit |
|---|---|---|
| Small | 35 euros | 100 euros |
| Medium | 80 euros | 200 euros |
| Large | 190 euros | 500 euros |

## Leaving a berth

To leave a berth, the master follows these steps:

1. Inform the harbour office by radio on channel 12.
2. Settle all open fees at the desk.
3. Cast off within 30 minutes after clearance.

If the master casts off without clearance, the harbour office may refuse the next booking.
"""


def harbour(service: Service) -> str:
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES)
    service.parse(project_id)
    return project_id


Json = dict[str, Any]


def lines(service: Service, generation_id: str, name: str) -> list[Json]:
    run = runs.get(service.headers["X-Organization-ID"], generation_id)
    raw = platform.current().files.read(run_files.key_of(run, name)).decode()
    return [json.loads(line) for line in raw.splitlines()]


def parsed_text(service: Service, project_id: str, document_id: str) -> str:
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    document = documents.get(project_id, document_id)
    return platform.current().files.read(parsing.text_key(project, document)).decode()


GUIDE = (HANDBOOK / "customer-service-guide.md").read_bytes()


def guide(service: Service, **fields: object) -> str:
    project_id = service.project(**fields)
    service.upload(project_id, "guide.md", GUIDE)
    service.parse(project_id)
    return project_id


def pairs_of(service: Service, project_id: str, run: dict[str, Any], **wanted: object) -> list[dict[str, Any]]:
    page = service.call(
        "GET", f"/projects/{project_id}/pairs", generation_id=run["generationId"], page_size=500, **wanted
    )
    return page["pairs"]


def add(service: Service, project_id: str, expect: int = 201, **body: object) -> dict[str, object]:
    return service.call("POST", f"/projects/{project_id}/documents", json=body, expect=expect)


def chunks(service: Service, project_id: str) -> list[dict[str, object]]:
    return service.call("GET", f"/projects/{project_id}/chunks", page_size=500)["chunks"]


def parse(service: Service, project_id: str, **body: object) -> dict[str, object]:
    return service.wait(service.call("POST", f"/projects/{project_id}/parse", json=body)["generation_id"])
