"""Faults of AWS services, on the AWS backend: the caller gets an error that says what to do, and nothing is lost."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import EndpointConnectionError

from dataforge import platform, settings
from dataforge.errors import StoreRefuses
from dataforge.platform.ports import Item
from dataforge.store import replies
from dataforge.workflows import run_states
from dataforge.workflows.documents import parsing
from tests.support.aws_faults import fails, refuses_writes, throttled
from tests.support.projects import RULES
from tests.support.service import Service, handler

PATIENCE_OF_THE_API = 29.0


def asked(service: Service, path: str = "/projects") -> Any:
    return service.http.get(f"/api/v1/data-forge{path}", headers=service.headers)


def test_a_table_that_is_throttled_for_a_while_is_waited_for(service: Service, pauses: list[float]) -> None:
    project_id = service.project()
    fails("tables", throttled(3))

    answer = asked(service, f"/projects/{project_id}")

    assert answer.status_code == 200
    assert len(pauses) == 3


def test_a_table_that_stays_throttled_is_a_503_that_says_when_to_come_again(
    service: Service, pauses: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    fails("tables", throttled(1000))

    answer = asked(service)

    assert (answer.status_code, answer.json()["code"]) == (503, "BUSY")
    assert int(answer.headers["Retry-After"]) >= 1
    assert sum(pauses) < PATIENCE_OF_THE_API / 2
    assert "Throughput" not in answer.text
    assert "ProvisionedThroughputExceeded" in caplog.text  # the alarm on throttled tables reads the log


def test_a_store_that_cannot_be_reached_is_a_503(service: Service, pauses: list[float]) -> None:
    def unreachable() -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    fails("tables", unreachable)

    answer = asked(service)

    assert (answer.status_code, answer.json()["code"]) == (503, "BUSY")
    assert "dynamodb" not in answer.text


def prepared(service: Service, documents: int = 1) -> str:
    project_id = service.project()
    for n in range(documents):
        service.upload(project_id, f"rules-{n}.md", RULES)
    return project_id


def test_a_failing_child_costs_its_own_slots_and_the_run_ends(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "1")
    settings.get.cache_clear()
    project_id = prepared(service)
    service.parse(project_id)
    real = run_states.generate_batch

    def broken(event: Item, *, seconds: float | None = None) -> Item:
        if event["batch"] == 0:
            raise RuntimeError("out of memory")
        return real(event, seconds=seconds)

    monkeypatch.setattr(run_states, "generate_batch", broken)

    run = service.generate(project_id, num_pairs=4)

    counts = run["counts"]
    assert run["status"] == "completed"
    assert counts["delivered"] > 0
    assert counts["failed"] > 0
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]


def test_a_failing_parse_fails_its_document_and_no_other(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = prepared(service, documents=2)
    real = parsing.parse_document

    def broken(event: Item) -> Item:
        if event["batch"] == 0:
            raise MemoryError("Runtime exited with error: signal: killed")
        return real(event)

    monkeypatch.setattr(parsing, "parse_document", broken)

    run = service.parse(project_id)

    documents = service.call("GET", f"/projects/{project_id}/documents")
    assert run["status"] == "completed"
    assert sorted(d["parsingStatus"] for d in documents) == ["failed", "parsed"]


def test_a_function_that_times_out_loses_nothing_that_was_paid_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = prepared(service)
    service.parse(project_id)
    real = run_states.generate_batch
    timed_out = type("Sandbox.Timedout", (Exception,), {})

    def slow(event: Item, *, seconds: float | None = None) -> Item:
        real(event, seconds=seconds)
        platform.current().files.delete(f"{str(event['key']).rpartition('/')[0]}/part-0000.json")  # before it wrote
        raise timed_out("Task timed out after 900.00 seconds")

    monkeypatch.setattr(run_states, "generate_batch", slow)

    run = service.generate(project_id, num_pairs=2)

    counts = run["counts"]
    assert run["status"] == "completed"
    assert counts["delivered"] >= 1
    assert counts["asked"] == counts["delivered"] + counts["rejected"] + counts["failed"]
    log = service.call("GET", f"/generations/{run['generationId']}/logs")
    assert "timed out" in json.dumps(log).lower()


def test_an_upload_that_s3_announces_several_times_is_parsed_once(service: Service) -> None:
    """One after the other: moto's tables are not for many threads. `test_uploads.py` does the same on both backends."""
    project_id = service.project(config={"auto_parse": True})
    document = service.upload(project_id, "rules.md", RULES)
    answer = {"detail": {"object": {"key": document["s3Key"]}}}
    heard = handler("on_upload")

    outcomes = [heard(answer, None)["outcome"] for _ in range(3)]
    [first] = [service.wait(r["generationId"]) for r in service.call("GET", f"/projects/{project_id}/generations")]
    outcomes.append(heard(answer, None)["outcome"])

    assert set(outcomes) == {"verified"}
    [only] = service.call("GET", f"/projects/{project_id}/generations")
    assert (only["generationId"], only["status"]) == (first["generationId"], "completed")
    [kept] = service.call("GET", f"/projects/{project_id}/documents")
    assert kept["parsingStatus"] == "parsed"


def test_an_upload_address_is_signed_with_its_end_its_type_and_its_length(service: Service) -> None:
    """moto lets everything pass; S3 refuses what differs from what is signed here. `test_signed_urls.py` shows the
    refusals on one machine, tests/deploy on an emulator that verifies."""
    project_id = service.project()
    body = {"filename": "a.md", "content_type": "text/markdown", "file_size": 5}

    place = service.call("POST", f"/projects/{project_id}/upload-url", json=body)

    signed = {name: value for name, [value] in parse_qs(urlsplit(place["upload_url"]).query).items()}
    assert 0 < int(signed["X-Amz-Expires"]) <= 3600
    assert {"content-length", "content-type", "host"} <= set(signed["X-Amz-SignedHeaders"].split(";"))
    assert signed["X-Amz-Date"]
    assert signed["X-Amz-Signature"]


@pytest.mark.parametrize("code", ["AccessDeniedException", "KMS.DisabledException"])
def test_a_store_that_refuses_writes_is_told_apart_from_one_that_is_busy(
    service: Service, pauses: list[float], code: str
) -> None:
    project_id = service.project()
    refuses_writes(code)

    read = asked(service, f"/projects/{project_id}")
    with pytest.raises(StoreRefuses, match=f"The store refuses PutItem: {code}"):
        replies.probe("gen_1")
    written = service.http.post("/api/v1/data-forge/projects", json={"name": "second"}, headers=service.headers)

    assert read.status_code == 200, "reading goes on"
    assert (written.status_code, written.json()["code"]) == (503, "STORE_REFUSES")
    assert pauses == [], "no retry helps"
