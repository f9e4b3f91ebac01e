"""A request sent again does nothing twice, on both backends."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dataforge import clock
from dataforge.store import idempotency, projects
from tests.support.service import BASE, Service, embedded_service

PROJECTS = f"{BASE}/projects"


def post(service: Service, path: str, key: str, body: object, **headers: str) -> Any:
    return service.http.post(path, json=body, headers={**service.headers, "Idempotency-Key": key, **headers})


def names(service: Service) -> list[str]:
    return [p["name"] for p in service.call("GET", "/projects")]


def test_the_same_request_gets_the_same_bytes_and_does_nothing(service: Service) -> None:
    first = post(service, PROJECTS, "once", {"name": "Harbour"})
    again = post(service, PROJECTS, "once", {"name": "Harbour"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]
    assert names(service) == ["Harbour"]


def test_a_key_used_with_another_body_is_refused(service: Service) -> None:
    post(service, PROJECTS, "once", {"name": "Harbour"})

    refused = post(service, PROJECTS, "once", {"name": "Airport"})

    assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert [e["field"] for e in refused.json()["errors"]] == ["Idempotency-Key"]
    assert names(service) == ["Harbour"]


def test_every_post_that_makes_or_starts_something_is_done_once(service: Service) -> None:
    project_id = service.project(config={"auto_accept_min_quality": 0})
    place = f"{PROJECTS}/{project_id}"
    answer = {"filename": "a.md", "content_type": "text/markdown", "file_size": 60}
    target = service.call("POST", f"/projects/{project_id}/upload-url", json=answer)
    text = b"# Fees\n\nThe fee for a berth is 35 euros a night, in advance."
    assert service.put(target["upload_url"], text, "text/markdown") == 200

    def twice(path: str, body: object, wait_for: str = "") -> list[bytes]:
        first = post(service, path, "same", body)
        assert first.status_code < 300, first.text
        if wait_for:
            service.wait(first.json()[wait_for])
        return [first.content, post(service, path, "same", body).content]

    pairs = [
        twice(f"{place}/documents", {**answer, "s3_key": target["s3_key"]}),
        twice(f"{place}/parse", {}, "generation_id"),
        twice(f"{place}/generate", {"model_id": "extractive", "num_pairs": 1}, "generationId"),
        twice(f"{place}/export", {"format": "chatml"}),
        twice("/v1/members", {"name": "Ada"}),
    ]

    assert [first == again for first, again in pairs] == [True] * len(pairs)
    assert len(service.call("GET", f"/projects/{project_id}/generations")) == 2
    assert service.call("GET", f"/projects/{project_id}")["currentVersion"] == 1


def test_what_was_refused_may_be_tried_again_with_the_same_key(service: Service) -> None:
    project_id = service.project()

    refused = post(service, f"{PROJECTS}/{project_id}/parse", "k", {})
    service.upload(project_id, "a.md", b"# Fees\n\nThe fee for a berth is 35 euros a night.")
    started = post(service, f"{PROJECTS}/{project_id}/parse", "k", {})

    assert (refused.status_code, refused.json()["code"]) == (422, "NOTHING_TO_PARSE")
    assert (started.status_code, "Idempotent-Replayed" in started.headers) == (200, False)
    service.wait(started.json()["generation_id"])


def test_a_key_is_one_organisation_s_and_one_route_s(service: Service) -> None:
    other = service.other()
    body = {"name": "Harbour"}

    made = [post(s, PROJECTS, "k", body).json()["projectId"] for s in (service, other)]
    exports = [post(service, f"{PROJECTS}/{p}/export", "k", {}).status_code for p in (made[0], made[1])]

    assert made[0] != made[1]
    assert exports == [422, 404]


# checklist 129
def test_nobody_but_the_caller_gets_a_replay(service: Service) -> None:
    post(service, PROJECTS, "once", {"name": "Harbour"})
    stranger = service.other().headers["X-API-Key"]

    answers = [post(service, PROJECTS, "once", {"name": "Harbour"}, **{"X-API-Key": key}) for key in ("", stranger)]

    assert [a.status_code for a in answers] == [401, 403]


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "a\tb"])
def test_a_key_that_is_none_names_the_header(service: Service, key: str) -> None:
    sent: Any = {**service.headers, "Idempotency-Key": key.encode("latin-1")}

    answer = service.http.post(PROJECTS, json={"name": "x"}, headers=sent)

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")
    assert [e["field"] for e in answer.json()["errors"]] == ["Idempotency-Key"]
    assert names(service) == []


# checklist 128
def test_a_request_whose_answer_holds_a_key_is_not_stored(service: Service) -> None:
    refused = post(service, "/v1/api-keys", "k", {"name": "robot"})

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert len(service.http.get("/v1/api-keys", headers=service.headers).json()) == 1


def test_an_upload_url_is_fresh_every_time(service: Service) -> None:
    project_id = service.project()

    answers = [post(service, f"{PROJECTS}/{project_id}/upload-url", "k", {"filename": "a.md"}) for _ in range(2)]

    assert [(a.status_code, "Idempotent-Replayed" in a.headers) for a in answers] == [(200, False)] * 2


def claimed(service: Service, body: bytes) -> idempotency.Claim:
    """As another process holds it that is still working, or has died."""
    org_id = service.headers["X-Organization-ID"]
    found = idempotency.claim(org_id, f"POST {PROJECTS}", "once", b"\n" + body)
    assert isinstance(found, idempotency.Claim)
    return found


def test_a_request_in_progress_is_refused_for_now_and_a_dead_one_is_taken_over(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"name":"Harbour"}'
    headers = {**service.headers, "Idempotency-Key": "once", "Content-Type": "application/json"}
    now = clock.epoch()

    def send() -> Any:
        return service.http.post(PROJECTS, content=body, headers=headers)

    dead = claimed(service, body)
    waiting = send()
    monkeypatch.setattr(clock, "epoch", lambda: now + 50)
    dead.renew()
    monkeypatch.setattr(clock, "epoch", lambda: now + 109)
    still = send()
    monkeypatch.setattr(clock, "epoch", lambda: now + 111)
    taken = send()
    dead.keep(idempotency.StoredResponse(201, "application/json", "too late"))

    assert [(a.status_code, a.json()["code"], a.headers["Retry-After"]) for a in (waiting, still)] == [
        (409, "IDEMPOTENCY_IN_PROGRESS", "1")
    ] * 2
    assert taken.status_code == 201
    assert send().content == taken.content
    assert names(service) == ["Harbour"]


def test_an_answer_is_kept_for_a_day(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.epoch()
    post(service, PROJECTS, "once", {"name": "Harbour"})

    monkeypatch.setattr(clock, "epoch", lambda: now + 86_390)
    soon = post(service, PROJECTS, "once", {"name": "Harbour"})
    monkeypatch.setattr(clock, "epoch", lambda: now + 86_410)
    late = post(service, PROJECTS, "once", {"name": "Airport"})

    assert ("Idempotent-Replayed" in soon.headers, "Idempotent-Replayed" in late.headers) == (True, False)
    assert late.status_code == 201
    assert sorted(names(service)) == ["Airport", "Harbour"]


def test_of_identical_requests_at_once_exactly_one_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    create = projects.create

    def slow(*given: Any, **fields: Any) -> projects.Project:
        begun.set()
        assert go_on.wait(20)
        return create(*given, **fields)

    monkeypatch.setattr(projects, "create", slow)
    for service in embedded_service(tmp_path):
        with ThreadPoolExecutor(6) as threads:
            first = threads.submit(post, service, PROJECTS, "once", {"name": "Harbour"})
            assert begun.wait(20)
            tries = [threads.submit(post, service, PROJECTS, "once", {"name": "Harbour"}) for _ in range(5)]
            others = [one.result() for one in tries]
            go_on.set()

        assert [o.json()["code"] for o in others] == ["IDEMPOTENCY_IN_PROGRESS"] * 5
        assert first.result().status_code == 201
        assert post(service, PROJECTS, "once", {"name": "Harbour"}).content == first.result().content
        assert names(service) == ["Harbour"]


def test_an_unexpected_failure_leaves_the_key_free(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any, **fields: Any) -> projects.Project:
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patched:
        patched.setattr(projects, "create", broken)
        failed = post(service, PROJECTS, "once", {"name": "Harbour"})

    assert failed.status_code == 500
    assert post(service, PROJECTS, "once", {"name": "Harbour"}).status_code == 201
