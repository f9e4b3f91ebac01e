"""Personal data and secrets of documents: flagged, taken out before the teacher sees them, or rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from dataforge import platform
from dataforge.store import runs
from dataforge.workflows import run_files
from tests.support.chat_servers import Recorder
from tests.support.service import Service

MAIL, PHONE, PASSWORD = "bea.lindqvist@post.example", "07700 900321", "Sommer-2026!"
PLACEHOLDERS = {MAIL: "[EMAIL_1]", PHONE: "[PHONE_1]", PASSWORD: "[SECRET_1]"}
RULES = f"""# Keys of {MAIL}

The keeper of the boat shed is Bea Lindqvist. Write to {MAIL} at least two days before you come, and say how many boats
you bring along. The shed opens at nine in the morning and closes at six in the evening, on Sundays at four.

# Nights

At night call Bea on her mobile {PHONE}. The gate opens with a code; the password: {PASSWORD} is for members only and is
changed every spring. A guest who comes after ten pays four euros more, and leaves the boat at the northern pier. In
winter the northern pier is closed, and {MAIL} tells you where to go instead.
"""


@pytest.fixture
def shed(model: Recorder, service: Service) -> str:
    """A project whose document holds all three. The model is there before the workers of the service."""
    project_id = service.project()
    service.upload(project_id, "rules.md", RULES.encode())
    service.parse(project_id)
    return project_id


def generate(service: Service, project_id: str, **config: object) -> dict[str, Any]:
    return service.generate(project_id, model_id="openai:gpt-4o", num_pairs=6, config=config)


def files_of(run: dict[str, Any], service: Service) -> dict[str, str]:
    stored = runs.get(service.headers["X-Organization-ID"], run["generationId"])
    files = platform.current().files
    return {f.key: files.read(f.key).decode() for f in files.list(stored.files_prefix)}


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_what_is_redacted_is_in_no_prompt_record_report_file_or_log(
    shed: str, service: Service, model: Recorder, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """checklist 192"""
    run = generate(service, shed, personal_data="redact", secrets="redact")

    assert run["status"] == "completed"
    assert run["counts"]["asked"] == 6
    pairs = service.call("GET", f"/projects/{shed}/pairs", page_size=100)
    said = {
        "prompts": "\n".join(model.said("system") + model.said("user")),
        "pairs": orjson.dumps(pairs).decode(),
        "run": orjson.dumps(run).decode(),
        "run log": orjson.dumps(service.call("GET", f"/generations/{run['generationId']}/logs")).decode(),
        "server log": "".join(capfd.readouterr()),
        **files_of(run, service),
    }
    leaks = {(where, value) for where, text in said.items() for value in PLACEHOLDERS if value in text}
    assert leaks == set()
    assert len([where for where in said if where.endswith((".json", ".jsonl"))]) >= 4
    assert [p for p in PLACEHOLDERS.values() if p not in said["prompts"]] == []


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_secrets_are_taken_out_unless_told_otherwise_and_personal_data_is_flagged(
    shed: str, service: Service, model: Recorder
) -> None:
    run = generate(service, shed)

    prompts = "\n".join(model.said("user"))
    assert PASSWORD not in prompts
    assert MAIL in prompts
    lines = [orjson.loads(line) for line in files_of(run, service)[_file(run, service)].splitlines()]
    flags = {f["check"]: f for line in lines for f in line["flags"]}
    assert "secret" not in flags
    assert flags["personal_data"]["words"][0] in ("b…e", "0…1")


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_records_with_personal_data_are_rejected_when_asked_for(shed: str, service: Service) -> None:
    run = generate(service, shed, personal_data="reject")

    assert run["reasons"]["rejected"]["personal_data"] > 0
    delivered = files_of(run, service).get(_file(run, service), "")
    assert MAIL not in delivered
    assert PHONE not in delivered


def _file(run: dict[str, Any], service: Service) -> str:
    stored = runs.get(service.headers["X-Organization-ID"], run["generationId"])
    return run_files.key_of(stored, "records.jsonl")


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
@pytest.mark.parametrize("name", ["personal_data", "secrets"])
def test_another_treatment_is_refused(name: str, shed: str, service: Service) -> None:
    body = {"model_id": "openai:gpt-4o", "config": {name: "hide"}}

    answer = service.call("POST", f"/projects/{shed}/generate", json=body, expect=422)

    assert answer["message"] == f"{name} must be one of: flag, redact, reject"


@pytest.mark.parametrize("service", ["embedded"], indirect=True)
def test_evidence_still_points_into_the_chunk(shed: str, service: Service) -> None:
    generate(service, shed, personal_data="redact")

    pairs = service.call("GET", f"/projects/{shed}/pairs", page_size=100)["pairs"]
    chunks = {c["chunkId"]: c["content"] for c in service.call("GET", f"/projects/{shed}/chunks")["chunks"]}
    spans = [(chunks[p["chunkId"]], e) for p in pairs for e in p["evidence"]]
    assert spans
    for content, span in spans:
        original = content[span["start"] : span["end"]]
        for value, placeholder in PLACEHOLDERS.items():
            original = original.replace(value, placeholder)
        assert span["text"] == original
