"""An uploaded file is looked at once it is there, whatever the order of events; `auto_parse` begins by itself."""

from __future__ import annotations

import hashlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataforge import platform, settings
from dataforge.platform import current
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge.store import projects, uploads
from dataforge.workflows import run_states
from dataforge.workflows.documents import verification
from dataforge_functions.on_upload import handler
from dataforge_infra.local.server import machine
from tests.support.projects import RULES
from tests.support.service import Service
from tests.support.waiting import until


def announce(service: Service, key: str) -> None:
    """On AWS, S3 notifies EventBridge; moto does not. The embedded server notifies itself."""
    if service.backend == "aws":
        event(key)


def event(key: str) -> str:
    return handler(
        {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {"bucket": {"name": "b"}, "object": {"key": key, "size": 1, "etag": "x", "sequencer": "1"}},
        },
        None,
    )["outcome"]


def place(service: Service, project_id: str, name: str = "rules.md", **more: object) -> dict[str, Any]:
    body = {"filename": name, "content_type": "text/markdown", **more}
    return service.call("POST", f"/projects/{project_id}/upload-url", json=body)


def put(service: Service, target: dict[str, Any], data: bytes, kind: str = "text/markdown") -> None:
    assert service.put(target["upload_url"], data, kind) == 200


def register(service: Service, project_id: str, target: dict[str, Any], data: bytes, name: str = "rules.md") -> Any:
    body = {"filename": name, "s3_key": target["s3_key"], "file_size": len(data), "content_type": "text/markdown"}
    return service.call("POST", f"/projects/{project_id}/documents", json=body, expect=201)


def document(service: Service, project_id: str) -> dict[str, Any]:
    [only] = service.call("GET", f"/projects/{project_id}/documents")
    return only


def finding(service: Service, project_id: str, key: str) -> Any:
    return until(lambda: (row := uploads.get(project_id, key)) and row.found)


# checklist 12, 14
def test_an_upload_is_verified_when_its_event_comes_after_registration(service: Service) -> None:
    project_id = service.project()
    target = place(service, project_id, file_size=len(RULES))
    put(service, target, RULES)
    made = register(service, project_id, target, RULES)

    announce(service, target["s3_key"])

    after = until(lambda: (d := document(service, project_id))["verified"] and d)
    assert (after["checksum"], after["detectedType"]) == (hashlib.sha256(RULES).hexdigest(), "markdown")
    assert (after["parsingStatus"], after["documentId"], after["source"]) == ("pending", made["documentId"], "upload")


# checklist 12, 14
def test_an_upload_is_verified_when_its_event_came_before_registration(service: Service) -> None:
    project_id = service.project()
    target = place(service, project_id)
    put(service, target, RULES)
    announce(service, target["s3_key"])
    finding(service, project_id, target["s3_key"])

    made = register(service, project_id, target, RULES)

    assert (made["verified"], made["detectedType"]) == (True, "markdown")
    assert made["checksum"] == hashlib.sha256(RULES).hexdigest()


# checklist 14
def test_a_file_that_nobody_looked_at_is_looked_at_when_it_is_parsed(service: Service) -> None:
    project_id = service.project()
    key = f"{service.call('GET', f'/projects/{project_id}')['s3Prefix']}/sources/by-hand.md"
    current().files.write(key, RULES)
    made = register(service, project_id, {"s3_key": key}, RULES)
    again = register(service, project_id, {"s3_key": key}, RULES)

    service.parse(project_id)

    after = document(service, project_id)
    assert (made["verified"], again["documentId"]) == (False, made["documentId"])
    assert (after["verified"], after["detectedType"], after["parsingStatus"]) == (True, "markdown", "parsed")
    assert after["checksum"] == hashlib.sha256(RULES).hexdigest()


UNREADABLE = [
    ("rules.pdf", RULES, "unsupported"),
    ("rules.docx", b"PK\x03\x04" + b"x" * 50, "corrupted"),
    ("picture.md", b"\x89PNG\r\n\x1a\n" + bytes(100), "unsupported"),
    ("empty.md", b" \n", "empty"),
    ("rules.xyz", RULES, "unsupported"),
]


def test_a_file_that_cannot_be_read_is_failed_at_once_with_what_to_do(service: Service) -> None:
    project_id = service.project(config={"auto_parse": True})
    for name, data, _ in UNREADABLE:
        target = place(service, project_id, name, content_type="application/octet-stream")
        put(service, target, data, "application/octet-stream")
        register(service, project_id, target, data, name)
        announce(service, target["s3_key"])

    documents = until(
        lambda: (
            (found := service.call("GET", f"/projects/{project_id}/documents"))
            and all(d["parsingStatus"] == "failed" for d in found)
            and found
        )
    )

    assert {d["name"]: d["error"]["reason"] for d in documents} == {name: reason for name, _, reason in UNREADABLE}
    for told_of in documents:
        assert len(told_of["error"]["message"]) > 30
        assert (told_of["verified"], told_of["detectedType"]) == (False, None)
    assert service.call("GET", f"/projects/{project_id}/generations") == []


def test_another_size_than_announced_is_failed(service: Service) -> None:
    project_id = service.project()
    target = place(service, project_id)
    put(service, target, RULES)
    announce(service, target["s3_key"])
    finding(service, project_id, target["s3_key"])
    current().tables.update("uploads", {"project_id": project_id, "s3_key": target["s3_key"]}, set={"size": 7})

    register(service, project_id, target, RULES)
    event(target["s3_key"])

    after = document(service, project_id)
    assert (after["parsingStatus"], after["error"]["reason"]) == ("failed", "size_mismatch")
    assert "7 bytes were announced" in after["error"]["message"]


def test_a_file_that_was_replaced_after_registration_is_not_parsed_for_it(service: Service) -> None:
    project_id = service.project()
    made = service.upload(project_id, "rules.md", RULES)
    current().files.write(made["s3Key"], RULES + b"More.")

    service.parse(project_id)

    after = document(service, project_id)
    assert (after["parsingStatus"], after["error"]["reason"]) == ("failed", "size_mismatch")


def test_repeated_and_late_events_change_nothing(service: Service) -> None:
    project_id = service.project()
    target = place(service, project_id)
    put(service, target, RULES)
    register(service, project_id, target, RULES)
    first = event(target["s3_key"])
    service.parse(project_id)
    before = document(service, project_id)
    stats = service.call("GET", f"/projects/{project_id}")["stats"]

    outcomes = [event(target["s3_key"]) for _ in range(3)]

    assert [first, *outcomes] == ["verified"] * 4
    assert document(service, project_id) == before
    assert service.call("GET", f"/projects/{project_id}")["stats"] == stats


# checklist 15
def test_a_key_of_elsewhere_or_with_nothing_behind_is_refused(service: Service) -> None:
    project_id, other = service.project(), service.project()
    target, foreign = place(service, project_id), place(service, other)
    assert service.put(foreign["upload_url"], RULES, "text/markdown") == 200
    answer = {"filename": "rules.md", "content_type": "text/markdown", "file_size": len(RULES)}

    refused = [
        service.call("POST", f"/projects/{project_id}/documents", json={**answer, "s3_key": key}, expect=422)
        for key in (target["s3_key"], foreign["s3_key"], "data-forge/x", target["s3_key"].replace("sources", "runs"))
    ]

    assert [[e["field"] for e in r["errors"]] for r in refused] == [["s3_key"]] * 4
    assert service.call("GET", f"/projects/{project_id}/documents") == []


def test_events_of_what_is_no_upload_are_let_pass(service: Service) -> None:
    project_id = service.project()
    prefix = service.call("GET", f"/projects/{project_id}")["s3Prefix"]
    current().files.write(f"{prefix}/sources/foreign.md", RULES)
    target = place(service, project_id)

    outcomes = {
        key: event(key)
        for key in (
            f"{prefix}/sources/foreign.md",
            f"{prefix}/exports/v1/dataset.jsonl",
            "data-forge/u/proj_none/sources/x.md",
            "elsewhere",
            f"{prefix}/sources/doc_1/page.html",
            target["s3_key"],
        )
    }

    assert list(outcomes.values()) == ["unknown"] * 5 + ["gone"]
    assert current().files.info(f"{prefix}/sources/foreign.md") is not None
    assert service.call("GET", f"/projects/{project_id}/documents") == []


# checklist 17
def test_what_is_put_for_a_deleted_document_is_removed(service: Service) -> None:
    project_id = service.project()
    target = place(service, project_id)
    put(service, target, RULES)
    made = register(service, project_id, target, RULES)
    service.call("DELETE", f"/projects/{project_id}/documents/{made['documentId']}")
    put(service, target, RULES)
    body = {"filename": "rules.md", "s3_key": target["s3_key"], "file_size": len(RULES)}

    service.call("POST", f"/projects/{project_id}/documents", json=body, expect=422)
    announce(service, target["s3_key"])

    until(lambda: current().files.info(target["s3_key"]) is None)
    assert service.call("GET", f"/projects/{project_id}")["stats"]["total_documents"] == 0
    assert place(service, project_id)["s3_key"] != target["s3_key"]


def test_a_file_above_the_limit_is_failed_without_being_read(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """On AWS anything may come under a URL that no size was announced for."""
    project_id = service.project()
    target = place(service, project_id)
    current().files.write(target["s3_key"], RULES)  # without an event
    small = replace(settings.get(), max_upload_bytes=100)

    with monkeypatch.context() as limited:
        limited.setattr(settings, "get", lambda: small)
        assert event(target["s3_key"]) == "waiting"
    register(service, project_id, target, RULES)

    after = document(service, project_id)
    assert (after["parsingStatus"], after["error"]["reason"]) == ("failed", "too_large")


@pytest.mark.parametrize("registered_first", [True, False])
def test_an_upload_that_cannot_be_checked_is_failed_with_what_to_do(service: Service, registered_first: bool) -> None:
    """Whenever it is registered; a parse that somebody asks for still reads it."""
    project_id = service.project()
    key = f"{service.call('GET', f'/projects/{project_id}')['s3Prefix']}/sources/rules.md"
    target = place(service, project_id)
    assert target["s3_key"] == key
    current().files.write(key, RULES)  # without an event
    if registered_first:
        register(service, project_id, target, RULES)

    outcome = verification.give_up(key, 3)

    if not registered_first:
        register(service, project_id, target, RULES)
    assert outcome == ("failed" if registered_first else "waiting")
    given_up = document(service, project_id)
    assert (given_up["parsingStatus"], given_up["error"]["reason"]) == ("failed", "not_checked")
    assert "Delete the document and upload the file again" in given_up["error"]["message"]
    service.parse(project_id)
    after = document(service, project_id)
    assert (after["parsingStatus"], after["verified"], after["error"]) == ("parsed", True, None)
    assert verification.give_up(key, 3) == "gone", "a parsed document stays as it is"
    assert document(service, project_id)["parsingStatus"] == "parsed"


# checklist 11
def test_what_is_put_for_a_deleted_project_is_removed(service: Service) -> None:
    project_id = service.project()
    target = place(service, project_id)
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    projects.delete_row(project)
    put(service, target, RULES)

    announce(service, target["s3_key"])

    until(lambda: current().files.info(target["s3_key"]) is None)


# checklist 12
def test_two_urls_for_one_name_never_share_a_key(service: Service) -> None:
    project_id = service.project()
    at_once = 8 if service.backend == "embedded" else 1  # moto's conditional writes see each other's halves

    with ThreadPoolExecutor(at_once) as pool:
        keys = list(pool.map(lambda _: place(service, project_id, "a/b.md")["s3_key"].rpartition("/")[2], range(24)))

    assert len(set(keys)) == 24
    assert {"a_b.md", "a_b-1.md"} <= set(keys)
    assert all(k.startswith("a_b") and k.endswith(".md") for k in keys)


# checklist 14
def test_one_key_registered_at_once_by_many_makes_one_document(service: Service) -> None:
    project_id = service.project()
    target = place(service, project_id)
    put(service, target, RULES)
    at_once = 6 if service.backend == "embedded" else 1  # moto's transactions see each other's halves

    with ThreadPoolExecutor(at_once) as pool:
        made = list(pool.map(lambda _: register(service, project_id, target, RULES)["documentId"], range(12)))

    assert len(set(made)) == 1
    assert service.call("GET", f"/projects/{project_id}")["stats"]["total_documents"] == 1


# checklist 18
@pytest.mark.parametrize("event_first", [True, False])
def test_auto_parse_begins_when_a_document_is_verified(service: Service, event_first: bool) -> None:
    project_id = service.project(config={"auto_parse": True})
    target = place(service, project_id)
    put(service, target, RULES)
    if event_first:
        announce(service, target["s3_key"])
        finding(service, project_id, target["s3_key"])

    register(service, project_id, target, RULES)
    if not event_first:
        announce(service, target["s3_key"])

    [run] = until(lambda: service.call("GET", f"/projects/{project_id}/generations"))
    assert service.wait(run["generationId"])["status"] == "completed"
    assert document(service, project_id)["parsingStatus"] == "parsed"
    event(target["s3_key"])
    assert len(service.call("GET", f"/projects/{project_id}/generations")) == 1


# checklist 18
def test_auto_parse_waits_for_the_run_that_is_active(service: Service) -> None:
    project_id = service.project(config={"auto_parse": True})
    key = {"org_id": service.headers["X-Organization-ID"], "project_id": project_id}
    made = service.call("POST", f"/projects/{project_id}/documents", json={"content": RULES.decode()}, expect=201)
    [first] = until(lambda: service.call("GET", f"/projects/{project_id}/generations"))
    service.wait(first["generationId"])
    until(lambda: "active_run" not in (current().tables.get("projects", key) or {}))
    busy = service.call("POST", f"/projects/{project_id}/generate", json={"model_id": "extractive", "num_pairs": 3})

    added = [
        service.call(
            "POST", f"/projects/{project_id}/documents", json={"content": f"# Rule {n}\n\nRule {n} holds."}, expect=201
        )["documentId"]
        for n in range(4)
    ]

    service.wait(busy["generationId"])
    until(lambda: all(d["parsingStatus"] == "parsed" for d in service.call("GET", f"/projects/{project_id}/documents")))
    runs = [r for r in service.call("GET", f"/projects/{project_id}/generations") if r["kind"] == "parse"]
    parsed = [d for r in runs for d in r["config"]["document_ids"]]
    assert sorted(parsed) == sorted([made["documentId"], *added]), "each document once"


def test_a_cancelled_parse_does_not_begin_again_by_itself(service: Service) -> None:
    from dataforge.store import run_status
    from dataforge.store import runs as run_store
    from dataforge.workflows.documents import parsing

    project_id = service.project()
    service.call("POST", f"/projects/{project_id}/documents", json={"content": "# A\n\nOne."}, expect=201)
    project = projects.get(service.headers["X-Organization-ID"], project_id)
    projects.change(project, {"config": {"auto_parse": True}})
    started = service.call("POST", f"/projects/{project_id}/parse")
    run = run_status.change(run_store.get(project.org_id, started["generation_id"]), {"cancel_requested": True})
    service.wait(run.run_id)

    run_states.close_run({"org_id": project.org_id, "run_id": run.run_id, "project_id": project_id, "kind": "parse"})

    assert len(service.call("GET", f"/projects/{project_id}/generations")) == 1
    assert parsing.start_waiting(project.org_id, project_id, but=run.config["document_ids"]) is None  # type: ignore[arg-type]


def test_no_upload_waits_for_the_look_at_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded server looks at files in a thread of its own; what is left is delivered after the next start."""
    settings.get.cache_clear()
    release, seen = threading.Event(), []

    def slow(info: Any) -> None:
        seen.append(info.key)
        release.wait(10)

    monkeypatch.setattr("dataforge_infra.local.server.verify_upload", slow)
    with machine(tmp_path, "http://testserver") as (plugged, _):
        began = time.monotonic()
        for name in ("a", "b"):
            plugged.files.receive(name, [b"x"], "text/plain", 1)  # type: ignore[attr-defined]
        took = time.monotonic() - began
        until(lambda: seen)
        threading.Timer(0.2, release.set).start()
    again: list[str] = []
    monkeypatch.setattr("dataforge_infra.local.server.verify_upload", lambda info: again.append(info.key))
    with machine(tmp_path, "http://testserver") as (plugged, _):
        assert isinstance(plugged.files, LocalFiles)
        plugged.files.redeliver(verification.give_up)
        until(lambda: again)

    assert took < 2
    assert (seen, again) == (["a"], ["b"])
    platform.use(None)
    settings.get.cache_clear()
