"""Uploading what a model is trained on (contract D) on both backends: as it is documented, too large, wrong, twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from dataforge import settings
from dataforge.platform import current
from dataforge.store import training_uploads
from dataforge.workflows.training import uploads
from tests.support.service import Service
from tests.support.training import jsonl

GOOD = jsonl({"input": f"What is gate {n}?", "output": f"Gate {n} is north."} for n in range(12))
UPLOAD = "/api/upload_dataset"


def post(service: Service, data: bytes, name: str = "dataset.jsonl", *, expect: int = 200, **form: Any) -> Any:
    """As the public document describes it: multipart form data, the file in the field `file`."""
    files = {"file": (name, data, "application/octet-stream")}
    response = service.http.post(UPLOAD, files=files, headers=service.headers, **form)
    assert response.status_code == expect, response.text
    return response.json()


def call(service: Service, method: str, path: str, expect: int = 200, **sent: Any) -> Any:
    response = service.http.request(method, path, headers=service.headers, **sent)
    assert response.status_code == expect, response.text
    return response.json()


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A request carries files of 100,000 bytes at most."""
    monkeypatch.setenv("DATAFORGE_TRAINING_INLINE_BYTES", "100000")
    settings.get.cache_clear()
    yield
    settings.get.cache_clear()


# checklist 175, 177
def test_an_uploaded_file_is_checked_and_listed(service: Service) -> None:
    answer = post(service, GOOD)
    listed = call(service, "GET", "/api/datasets")

    assert {k: answer[k] for k in ("status", "filename", "num_examples")} == {
        "status": "uploaded",
        "filename": "dataset.jsonl",
        "num_examples": 12,
    }
    assert answer["validation"] == {"valid": True, "errors": [], "error_count": 0, "unchecked": 0}
    assert answer["shapes"] == {"input/output": 12}
    (only,) = listed["datasets"]
    assert (only["filename"], only["num_examples"], only["valid"]) == ("dataset.jsonl", 12, True)
    assert only["size_mb"] == round(len(GOOD) / 1e6, 3)
    assert only["uploaded_at"].endswith("Z")


# checklist 175
def test_what_is_wrong_is_told_by_line_and_the_file_is_kept(service: Service) -> None:
    answer = post(service, GOOD + b'{"input": "Q"}\n{"input": \n', "half.jsonl")

    assert answer["num_examples"] == 14
    assert answer["validation"]["valid"] is False
    assert answer["validation"]["errors"] == [
        "Missing required field 'output' on line 13",
        "Invalid JSON on line 14",
    ]
    assert [d["valid"] for d in call(service, "GET", "/api/datasets")["datasets"]] == [False]


# checklist 175
def test_too_few_lines_and_an_empty_file_are_not_valid(service: Service) -> None:
    assert post(service, b"")["validation"]["errors"] == ["At least 10 examples are needed, the file has 0"]


# checklist 175
def test_a_file_of_the_same_name_is_replaced(service: Service) -> None:
    post(service, GOOD)
    first = training_uploads.get(service.headers["X-Organization-ID"], "dataset.jsonl")
    post(service, GOOD * 2)

    assert [d["num_examples"] for d in call(service, "GET", "/api/datasets")["datasets"]] == [24]
    assert current().files.info(first.s3_key) is None


def test_a_repeated_upload_with_an_idempotency_key_is_harmless(service: Service) -> None:
    service.headers["Idempotency-Key"] = "once"

    assert post(service, GOOD) == post(service, GOOD)


def test_files_are_listed_with_the_newest_first_and_deleted_by_name(service: Service) -> None:
    for name in ("a.jsonl", "dir/b b.jsonl", "ü.jsonl"):
        post(service, GOOD, name)
    names = [d["filename"] for d in call(service, "GET", "/api/datasets")["datasets"]]
    call(service, "DELETE", "/api/datasets/b b.jsonl")

    assert sorted(names) == ["a.jsonl", "b b.jsonl", "ü.jsonl"]
    assert len(call(service, "GET", "/api/datasets")["datasets"]) == 2
    call(service, "DELETE", "/api/datasets/b b.jsonl", expect=404)


# checklist 176
def test_a_file_above_the_limit_of_a_request_goes_by_url(service: Service, tiny: None) -> None:
    data = GOOD * 200
    refused = post(service, data, "large.jsonl", expect=413)

    assert refused["code"] == "TOO_LARGE"
    assert refused["status_code"] == 413
    assert refused["filename"] == "large.jsonl"
    assert refused["expires_in"] == 3600
    assert service.put(refused["upload_url"], data, "application/octet-stream") == 200
    answer = call(service, "POST", refused["complete_url"])
    assert (answer["filename"], answer["num_examples"]) == ("large.jsonl", 2400)
    assert answer["validation"]["valid"] is True
    again = call(service, "POST", refused["complete_url"])
    assert again == answer
    assert [d["filename"] for d in call(service, "GET", "/api/datasets")["datasets"]] == ["large.jsonl"]


# checklist 176
def test_a_body_without_a_length_is_counted_while_it_comes(service: Service, tiny: None) -> None:
    def parts() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.jsonl"\r\n\r\n'
        for _ in range(200):
            yield GOOD
        yield b"\r\n--b--\r\n"

    response = service.http.post(
        UPLOAD, content=parts(), headers={**service.headers, "Content-Type": "multipart/form-data; boundary=b"}
    )

    assert response.status_code == 413
    assert response.json()["upload_url"]


# checklist 176
def test_a_large_file_can_be_announced_with_its_size_and_named_at_its_end(service: Service) -> None:
    place = call(service, "POST", f"{UPLOAD}/url", json={"filename": "a.jsonl", "size_bytes": len(GOOD)})

    if service.backend == "embedded":  # moto checks no signature
        assert service.put(place["upload_url"], GOOD + b" ", "text/plain") >= 400
    call(service, "POST", place["complete_url"], expect=409)
    assert service.put(place["upload_url"], GOOD, "text/plain") == 200
    assert call(service, "POST", place["complete_url"], json={"filename": "b.jsonl"})["filename"] == "b.jsonl"


# checklist 176
def test_an_announced_file_over_the_limit_says_so_before_it_is_sent(service: Service) -> None:
    body = {"filename": "a.jsonl", "size_bytes": 10**12}
    response = service.http.post(f"{UPLOAD}/url", json=body, headers=service.headers)

    assert response.status_code in (400, 422)
    assert "at most 500,000,000" in response.json()["message"]


def test_what_comes_late_by_an_old_url_changes_no_dataset(service: Service) -> None:
    place = call(service, "POST", f"{UPLOAD}/url", json={"filename": "a.jsonl"})
    org_id = service.headers["X-Organization-ID"]
    service.put(place["upload_url"], GOOD, "text/plain")
    call(service, "POST", place["complete_url"])
    service.put(place["upload_url"], b"other", "text/plain")

    with pytest.raises(Exception, match="uploaded again and not completed"):
        uploads.usable(org_id, "a.jsonl")


def test_uploads_that_were_never_completed_are_tidied_up_and_datasets_stay(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id = service.headers["X-Organization-ID"]
    done, dropped = (call(service, "POST", f"{UPLOAD}/url", json={"filename": f"{n}.jsonl"}) for n in "ab")
    for place in (done, dropped):
        service.put(place["upload_url"], GOOD, "text/plain")
    call(service, "POST", done["complete_url"])
    monkeypatch.setattr(uploads, "KEPT_SECONDS", -1)
    call(service, "POST", f"{UPLOAD}/url", json={"filename": "c.jsonl"})

    assert uploads.usable(org_id, "a.jsonl").num_examples == 12
    assert [a.name for a in training_uploads.all_announced(org_id)] == ["c.jsonl"]
    assert len(list(current().files.list(f"data-forge/training/{org_id}/uploads/"))) == 1


# checklist 161
@pytest.mark.parametrize(
    ("files", "data", "said"),
    [
        ({"other": ("a.jsonl", GOOD)}, None, "'file' is missing"),
        (None, {"file": "text"}, "multipart/form-data"),
        ({"file": ("proj_01@3", GOOD)}, None, "another kind of dataset"),
        ({"file": ("~a", GOOD)}, None, "another kind of dataset"),
        ({"file": ("x" * 300, GOOD)}, None, "at most 200"),
    ],
)
def test_a_form_that_holds_no_usable_file_is_a_bad_request(service: Service, files: Any, data: Any, said: str) -> None:
    response = service.http.post(UPLOAD, files=files, data=data, headers=service.headers)
    body = response.json()

    assert response.status_code == 400, body
    assert said in body["detail"]
    assert (body["status_code"], isinstance(body["error"], str)) == (400, True)


def test_a_broken_form_is_a_bad_request(service: Service) -> None:
    headers = {**service.headers, "Content-Type": "multipart/form-data; boundary=b"}
    response = service.http.post(UPLOAD, content=b"--x\r\nno form", headers=headers)

    assert response.status_code == 400, response.text


def test_json_and_no_key_are_refused(service: Service) -> None:
    assert service.http.post(UPLOAD, json={}, headers=service.headers).status_code == 400
    assert service.http.post(UPLOAD, files={"file": ("a", GOOD)}).status_code == 401


def test_organisations_have_their_own_files(service: Service) -> None:
    post(service, GOOD)
    place = call(service, "POST", f"{UPLOAD}/url", json={"filename": "a.jsonl"})
    other = service.other()

    assert call(other, "GET", "/api/datasets") == {"datasets": []}
    call(other, "DELETE", "/api/datasets/dataset.jsonl", expect=404)
    call(other, "POST", place["complete_url"], expect=404)


def test_only_what_fits_into_the_time_of_a_request_is_read_and_the_rest_is_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "CHECK_SECONDS", -1)
    answer = post(service, GOOD * 100)

    assert answer["num_examples"] == 1200
    assert answer["validation"]["unchecked"] == 1200 - 99


def test_requests_is_the_clients_library_of_the_document() -> None:
    """Its multipart body, as the public Python sample would send it."""
    prepared = requests.Request("POST", f"http://x{UPLOAD}", files={"file": ("d.jsonl", GOOD)}).prepare()

    assert prepared.headers["Content-Type"].startswith("multipart/form-data; boundary=")
