"""What the API does with HTTP itself: HEAD, CORS, ETag, Range, media types."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dataforge import platform, settings
from dataforge.platform.embedded.local_files import LocalFiles
from dataforge_functions.api.main import create_app
from dataforge_infra.local.server import add_file_routes
from tests.support.service import BASE, Service, embedded_service
from tests.support.synthetic_api import Synthetic
from tests.support.table_watchers import Watched

PAGE = "https://review.example.com"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "x-api-key, content-type, if-match",
}


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Service]:
    yield from embedded_service(tmp_path)


def test_head_is_get_without_the_body(forge: Service) -> None:
    project = forge.project()
    for path in (f"/projects/{project}", "/projects", f"/projects/{project}/pairs"):
        get = forge.http.get(BASE + path, headers=forge.headers)
        head = forge.http.head(BASE + path, headers=forge.headers)

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(get.content))
        assert head.headers["content-type"] == get.headers["content-type"]
    assert forge.http.head("/health").status_code == 200
    assert forge.http.head("/docs").status_code == 200
    assert forge.http.head(f"{BASE}/projects/proj_none", headers=forge.headers).status_code == 404
    assert forge.http.head(f"{BASE}/projects").status_code == 401


def test_head_of_a_download_reads_and_writes_no_file(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "templated")
    settings.get.cache_clear()
    api = Synthetic(service)
    job_id = api.run({"schema": "instruction_v1", "domain": "harbours", "count": 2, "model": "balanced"})["job_id"]
    path = f"/v1/synthetic/jobs/{job_id}/results"
    whole = service.http.get(path, headers=api.headers)
    part = {"Range": "bytes=2-5"}
    used: list[str] = []
    files = Watched(platform.current().files, lambda name, _: used.append(name))
    platform.use(replace(platform.current(), files=files))

    head = service.http.head(path, headers=api.headers)
    ranged = service.http.head(path, headers={**api.headers, **part})
    others = [
        service.http.head(f"/v1/synthetic/jobs/{job_id}{rest}", headers=api.headers).status_code
        for rest in ("", "/results/url", "/quality-report", "/manifest", "/outcomes")
    ]

    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", whole.headers["etag"])
    assert head.headers["content-length"] == str(len(whole.content))
    assert (ranged.status_code, ranged.headers["content-length"]) == (206, "4")
    assert ranged.headers["content-range"] == f"bytes 2-5/{len(whole.content)}"
    assert others == [200] * 5
    assert set(used) <= {"info", "presign_get"}


def test_a_body_that_is_not_declared_as_json_is_told_the_header(forge: Service) -> None:
    body = json.dumps({"name": "x"})
    cases = [({}, "missing"), ({"Content-Type": "text/plain"}, "'text/plain'")]

    for headers, said in cases:
        answer = forge.http.request("POST", f"{BASE}/projects", content=body, headers={**forge.headers, **headers})
        assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert "Content-Type: application/json" in answer.json()["message"]
        assert said in answer.json()["message"]
    for kind in ("application/json; charset=utf-8", "application/vnd.api+json"):
        headers = {**forge.headers, "Content-Type": kind}
        assert forge.http.post(f"{BASE}/projects", content=body, headers=headers).status_code == 201
    assert forge.http.post(f"{BASE}/projects/{forge.project()}/export", headers=forge.headers).status_code == 422, (
        "no body needs no header"
    )


def test_a_misspelt_limit_of_a_run_is_refused_and_the_right_one_named(forge: Service) -> None:
    place = f"{BASE}/projects/{forge.project()}/generate"
    cases = [
        (place, {"model_id": "extractive", "max_cost_usdd": 1}, "max_cost_usdd", "max_cost_usd"),
        (place, {"model_id": "extractive", "numPairs": 1}, "numPairs", "num_pairs"),
        (place, {"model_id": "extractive", "config": {"max_cost": 1}}, "config.max_cost", "max_cost_usd"),
        ("/v1/api-keys", {"name": "narrow", "scope": ["data-forge:read"]}, "scope", "scopes"),
    ]

    for path, body, field, meant in cases:
        answer = forge.http.post(path, json=body, headers=forge.headers)
        [problem] = answer.json()["errors"]
        assert (answer.status_code, problem["field"]) == (422, field)
        assert f"did you mean {meant}?" in problem["message"]
    odd = {"name": "x", "config": {"a_key_of_mine": 1}, "from_the_future": True}
    assert forge.http.post(f"{BASE}/projects", json=odd, headers=forge.headers).status_code == 201


def test_a_compressed_body_is_told_to_come_plain(forge: Service) -> None:
    headers = {**forge.headers, "Content-Type": "application/json", "Content-Encoding": "gzip"}

    answer = forge.http.post(f"{BASE}/projects", content=gzip.compress(b'{"name": "x"}'), headers=headers)

    assert answer.status_code == 415
    assert "gzip: send it uncompressed" in answer.json()["message"]


def test_no_other_origin_may_call_unless_the_operator_names_it(forge: Service) -> None:
    answer = forge.http.get(f"{BASE}/projects", headers={**forge.headers, "Origin": PAGE})

    assert "access-control-allow-origin" not in answer.headers
    assert forge.http.options(f"{BASE}/projects", headers=PREFLIGHT).status_code == 405


def test_pages_of_named_origins_may_call_the_api_and_signed_urls(
    forge: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CORS_ORIGINS", f"{PAGE}, http://localhost:3000")
    settings.get.cache_clear()
    app = create_app()
    files = platform.current().files
    assert isinstance(files, LocalFiles)
    add_file_routes(app, files)
    files.write("data-forge/a/sources/x.txt", b"text")
    http = TestClient(app)

    asked = http.options(f"{BASE}/pairs/pair_x", headers=PREFLIGHT)
    answer = http.get(f"{BASE}/projects", headers={**forge.headers, "Origin": PAGE})
    signed = http.get(files.presign_get("data-forge/a/sources/x.txt"), headers={"Origin": PAGE})
    refused = http.get(f"{BASE}/projects", headers={"Origin": PAGE})
    stranger = http.get(f"{BASE}/projects", headers={**forge.headers, "Origin": "https://evil.example"})

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, PAGE)
    assert "PUT" in asked.headers["access-control-allow-methods"]
    assert "if-match" in asked.headers["access-control-allow-headers"].lower()
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "X-Total-Count" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in answer.headers, "keys are sent by the page, not by the browser"
    assert (signed.status_code, signed.headers["access-control-allow-origin"]) == (200, PAGE)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, PAGE)
    assert "access-control-allow-origin" not in stranger.headers


def _check_ranges(get: Callable[[Mapping[str, str]], Any], whole: bytes) -> None:
    def answer(**headers: str) -> tuple[int, bytes, Mapping[str, str]]:
        response = get({name.replace("_", "-"): value for name, value in headers.items()})
        return response.status_code, response.content, response.headers

    status, content, headers = answer()
    tag = headers["etag"]
    assert (status, content, headers["accept-ranges"]) == (200, whole, "bytes")
    assert tag == f'"{tag.strip(chr(34))}"'
    assert answer(If_None_Match=tag)[:2] == (304, b"")
    assert answer(If_None_Match=f'"other", W/{tag}')[0] == 304
    assert answer(If_None_Match='"other"')[:2] == (200, whole)
    size = len(whole)
    for asked, first, last in (
        ("2-5", 2, 5),
        ("3-", 3, size - 1),
        ("-4", size - 4, size - 1),
        ("0-99999999", 0, size - 1),
    ):
        status, content, headers = answer(Range=f"bytes={asked}")
        assert (status, content) == (206, whole[first : last + 1])
        assert headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert headers["content-length"] == str(len(content))
    assert answer(Range=f"bytes={size}-")[0] == 416
    assert answer(Range=f"bytes={size}-")[2]["content-range"] == f"bytes */{size}"
    assert answer(Range="bytes=2-5", If_Range='"other"')[:2] == (200, whole), "it was replaced: from the start"
    assert answer(Range="bytes=2-5", If_Range=tag)[0] == 206
    for ignored in ("bytes=5-2", "bytes=1-2,4-5", "lines=1-2", "bytes=x"):
        assert answer(Range=ignored)[:2] == (200, whole)


def test_results_can_be_asked_for_in_parts_and_only_if_they_changed(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "templated")
    settings.get.cache_clear()
    api = Synthetic(service)
    job = api.run({"schema": "instruction_v1", "domain": "harbour services", "count": 4, "model": "balanced"})
    path = f"/v1/synthetic/jobs/{job['job_id']}/results"
    whole = service.http.get(path, headers=api.headers).content

    _check_ranges(lambda headers: service.http.get(path, headers={**api.headers, **headers}), whole)


def test_signed_urls_of_one_machine_take_the_same_headers_as_s3(forge: Service) -> None:
    files = platform.current().files
    whole = bytes(range(256)) * 20
    files.write("data-forge/a/runs/x.bin", whole)
    url = files.presign_get("data-forge/a/runs/x.bin", filename="x.bin")
    app = create_app()
    assert isinstance(files, LocalFiles)
    add_file_routes(app, files)
    http = TestClient(app)

    _check_ranges(lambda headers: http.get(url, headers=headers), whole)
    head = http.head(url)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(whole)))
