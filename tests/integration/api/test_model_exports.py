"""What leaves with a trained model: a GGUF file, a push to a model hub."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataforge import platform, settings
from dataforge.store import trained_models
from tests.support.model_hub import TOKEN, ModelHub, model_hub
from tests.support.own_models import add_model
from tests.support.service import Service

only_embedded = pytest.mark.parametrize("service", ["embedded"], indirect=True)
CONVERTER = """
import argparse, pathlib, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("--outfile", type=pathlib.Path)
parser.add_argument("--outtype")
chosen = parser.parse_args()
if "slow" in pathlib.Path(__file__).name:
    time.sleep(1.5)
if "broken" in pathlib.Path(__file__).name:
    sys.exit("BPE pre-tokenizer was not recognized")
weights = (chosen.model / "model.safetensors").read_bytes()
chosen.outfile.write_bytes(b"GGUF" + chosen.outtype.encode() + weights)
"""


@pytest.fixture
def converter(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """llama.cpp's arguments; the name of the program says how it behaves."""
    program = tmp_path / f"{getattr(request, 'param', 'convert')}.py"
    program.write_text(CONVERTER)
    monkeypatch.setenv("DATAFORGE_GGUF_CONVERTER", f"{sys.executable} {program}")
    settings.get.cache_clear()
    yield
    settings.get.cache_clear()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHub]:
    with model_hub() as made:
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        settings.get.cache_clear()
        yield made
    settings.get.cache_clear()


def org_of(service: Service) -> str:
    return service.headers["X-Organization-ID"]


def post(service: Service, path: str, body: object, expect: int) -> Any:
    response = service.http.post(path, json=body, headers=service.headers)
    assert response.status_code == expect, response.text
    return response.json()


def weights_of(service: Service, content: bytes) -> None:
    model = add_model(org_of(service))
    platform.current().files.write(f"{model.files_prefix}/merged/model.safetensors", content)


@only_embedded
def test_a_model_is_exported_as_one_gguf_file_and_kept(converter, service):
    weights_of(service, b"weights")

    made = post(service, "/api/models/1/export", {"format": "gguf", "precision": "q8_0"}, 200)

    assert (made["status"], made["filename"]) == ("completed", "harbour-q8_0.gguf")
    assert service.fetch(made["url"]) == b"GGUFq8_0weights"
    settings.get.cache_clear()
    again = post(service, "/api/models/1/export", {"precision": "q8_0"}, 200)
    assert again["size_bytes"] == made["size_bytes"] == 15
    assert trained_models.get(org_of(service), 1).holds == {}


@only_embedded
@pytest.mark.parametrize("converter", ["slow"], indirect=True)
def test_an_export_that_takes_long_is_asked_for_again_while_the_model_stays(monkeypatch, converter, service):
    monkeypatch.setattr("dataforge.workflows.training.gguf.WAIT_SECONDS", 0.1)
    weights_of(service, b"weights")

    first = post(service, "/api/models/1/export", {}, 202)
    deleted = service.http.delete("/api/models/1", headers=service.headers)

    assert first["status"] == "converting"
    assert deleted.status_code == 409
    for _ in range(100):
        response = service.http.post("/api/models/1/export", json={}, headers=service.headers)
        if response.status_code == 200:
            break
        time.sleep(0.05)
    assert response.json()["size_bytes"] == 14


@only_embedded
@pytest.mark.parametrize("converter", ["broken"], indirect=True)
def test_a_converter_that_fails_is_quoted(converter, service):
    weights_of(service, b"weights")

    answer = post(service, "/api/models/1/export", {}, 409)

    assert answer["code"] == "EXPORT_FAILED"
    assert "BPE pre-tokenizer was not recognized" in answer["message"]


@only_embedded
def test_without_a_converter_the_answer_says_what_to_set(service):
    weights_of(service, b"weights")

    assert "DATAFORGE_GGUF_CONVERTER" in post(service, "/api/models/1/export", {}, 501)["message"]
    assert post(service, "/api/models/9/export", {}, 404)["code"] == "NOT_FOUND"
    assert "precision" in post(service, "/api/models/1/export", {"precision": "q2"}, 400)["detail"]


@only_embedded
@pytest.mark.parametrize("size", [10, 2500])
def test_a_model_is_pushed_with_its_card(hub, service, size):
    weights_of(service, b"w" * size)

    pushed = post(service, "/api/hub/push", {"repo_name": "berths", "model_id": 1, "private": True}, 200)

    assert pushed == {"status": "pushed", "url": f"{hub.url}/harbour/berths/commit/0123"}
    assert hub.repos["harbour/berths"]["private"] is True
    [files] = hub.commits
    assert files["model.safetensors"] == b"w" * size
    assert files["README.md"] == b"# harbour"
    assert "config.json" in files
    assert len(hub.verified) == 1


@only_embedded
def test_the_token_goes_to_the_hub_only_and_not_to_its_storage(hub, service):
    weights_of(service, b"w" * 2500)

    post(service, "/api/hub/push", {"repo_name": "berths", "model_id": 1}, 200)

    assert {sent for _, path, sent in hub.seen if path.startswith("/storage/")} == {""}
    assert {sent for _, path, sent in hub.seen if not path.startswith("/storage/")} == {f"Bearer {TOKEN}"}


@only_embedded
def test_what_the_hub_has_is_not_sent_again(hub, service):
    weights_of(service, b"w" * 10)
    body = {"repo_name": "quay/berths", "model_id": 1}

    post(service, "/api/hub/push", body, 200)
    post(service, "/api/hub/push", body, 200)

    assert hub.repos["quay/berths"]["organization"] == "quay"
    assert sum(method == "PUT" for method, _, _ in hub.seen) == 1
    assert len(hub.commits) == 2


@only_embedded
def test_a_token_that_is_not_accepted_is_said_without_it(monkeypatch, hub, service):
    monkeypatch.setenv("HF_TOKEN", "hf_another_token_0000")
    weights_of(service, b"w")

    answer = post(service, "/api/hub/push", {"repo_name": "berths", "model_id": 1}, 400)

    assert "HF_TOKEN" in answer["message"]
    assert "hf_another" not in str(answer)


@only_embedded
def test_without_a_token_the_answer_says_what_to_set(monkeypatch, service):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    weights_of(service, b"w")

    assert "HF_TOKEN" in post(service, "/api/hub/push", {"repo_name": "berths", "model_id": 1}, 501)["message"]


@only_embedded
@pytest.mark.parametrize("name", ["../x", "a/b/c", "a b/c", "/x", "a/", "a b", ".."])
def test_a_name_that_is_none_is_refused(hub, service, name):
    weights_of(service, b"w")

    assert "repo_name" in post(service, "/api/hub/push", {"repo_name": name, "model_id": 1}, 400)["message"]
    assert hub.commits == []
