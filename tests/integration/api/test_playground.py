"""`POST /api/playground/generate`: a trained model answers, by a warm process or by an endpoint on AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dataforge import platform, settings
from dataforge.store import trained_models
from tests.support.own_models import Program, add_model, use_program
from tests.support.service import Service

URL = "/api/playground/generate"
only_embedded = pytest.mark.parametrize("service", ["embedded"], indirect=True)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    yield use_program(monkeypatch, tmp_path_factory.mktemp("program"))
    settings.get.cache_clear()


def ask(service: Service, expect: int = 200, **body: Any) -> Any:
    response = service.http.post(URL, json={"model_id": 1, "prompt": "How long?", **body}, headers=service.headers)
    assert response.status_code == expect, response.text
    return response.json()


def org_of(service: Service) -> str:
    return service.headers["X-Organization-ID"]


# checklist 178
@only_embedded
def test_a_trained_model_answers_with_true_counts_and_time(program, service):
    add_model(org_of(service))

    answer = ask(service, prompt="How long is the quay?", max_new_tokens=100, temperature=0.7, top_p=0.9)

    key = f"m-{org_of(service).partition('_')[2]}-1"
    assert answer["generated_text"] == f"{key} heard by prompt: How long is the quay?"
    assert answer["tokens_generated"] == len(answer["generated_text"].split(" "))
    assert 0 < answer["generation_time_ms"] < 10_000
    assert ask(service, prompt="a b c", max_new_tokens=2)["finish_reason"] == "length"


@only_embedded
def test_adapters_of_one_base_are_switched_in_one_process(program, service):
    for number in (1, 2):
        add_model(org_of(service), model_id=number)
    for number in (1, 2):
        ask(service, model_id=number)
    program._log.unlink()

    answers = [ask(service, model_id=number)["generated_text"].split()[0] for number in (1, 2, 1, 2)]
    base = ask(service, base=True)["generated_text"]

    assert len({*answers}) == 2
    assert answers == answers[:2] * 2
    assert base.startswith("base heard")
    assert program.loads() == {}
    assert len(program.processes()) == 1


@only_embedded
def test_a_base_whose_weights_were_staged_is_loaded_from_them_once(program, service):
    """Two copies of the same weights are one base."""
    for number in (1, 2):
        folder = f"data-forge/training/{org_of(service)}/base/copy-{number}"
        platform.current().files.write(f"{folder}/model.safetensors", b"weights")
        add_model(org_of(service), model_id=number, base_model=f"s3://our-bucket/{folder}/")

    ask(service, model_id=1)
    ask(service, model_id=2)
    ask(service, model_id=2, base=True)

    [config] = platform.current().inference._home.glob("*/config.json")
    command = json.loads(config.read_text())["command"]
    assert (Path(command[command.index("--base") + 1]) / "model.safetensors").read_bytes() == b"weights"


@only_embedded
def test_a_model_without_an_adapter_is_a_process_of_its_own(program, service):
    add_model(org_of(service), adapter=False)

    assert ask(service)["generated_text"].startswith("merged heard")
    assert ask(service, base=True)["generated_text"].startswith("base heard")
    assert program.loads() == {"merged": 1, "base": 1}


@only_embedded
def test_a_prompt_that_the_model_does_not_take_is_400(program, service):
    add_model(org_of(service))

    assert "the prompt has 9000 tokens" in ask(service, 400, prompt="overlong")["detail"]


@only_embedded
def test_while_a_model_is_being_loaded_the_answer_says_when_to_ask_again(monkeypatch, tmp_path, service):
    use_program(monkeypatch, tmp_path, loads=1.5, wait=0)
    add_model(org_of(service))

    response = service.http.post(URL, json={"model_id": 1, "prompt": "x"}, headers=service.headers)

    assert response.status_code == 503
    assert response.json()["code"] == "MODEL_LOADING"
    assert int(response.headers["Retry-After"]) >= 1
    use_program(monkeypatch, tmp_path, wait=20)
    assert ask(service)["tokens_generated"] > 0


@only_embedded
def test_a_process_that_died_is_started_again_for_the_next_question(program, service):
    add_model(org_of(service))
    ask(service)

    killed = service.http.post(URL, json={"model_id": 1, "prompt": "die"}, headers=service.headers)

    assert killed.status_code in (409, 502)
    assert ask(service)["tokens_generated"] > 0


@only_embedded
def test_a_model_that_cannot_be_loaded_says_why(program, service):
    model = add_model(org_of(service), adapter=False)
    for info in [*platform.current().files.list(f"{model.files_prefix}/merged/")]:
        platform.current().files.delete(info.key)

    answer = ask(service, 409)

    assert answer["code"] == "MODEL_NOT_LOADABLE"
    assert "holds no merged weights" in answer["message"]


@only_embedded
def test_answers_are_streamed(program, service):
    add_model(org_of(service))
    body = {"model_id": 1, "prompt": "How long is it?", "stream": True}

    with service.http.stream("POST", URL, json=body, headers=service.headers) as response:
        events = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: ")]

    *pieces, whole = events
    assert response.headers["content-type"].startswith("text/event-stream")
    assert len(pieces) > 3
    assert "".join(p["text"] for p in pieces) == whole["generated_text"]
    assert whole["tokens_generated"] == len(pieces)


@only_embedded
def test_a_model_is_held_while_it_answers_and_free_afterwards(program, service):
    add_model(org_of(service))

    ask(service)

    assert trained_models.get(org_of(service), 1).holds == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"max_new_tokens": 4097}, "max_new_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.1}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 32_769}, "prompt"),
        ({"model_id": "one"}, "model_id"),
        ({"model_id": True}, "model_id"),
    ],
)
@only_embedded
def test_values_out_of_bounds_are_400_and_named(service, body, field):
    answer = ask(service, 400, **body)

    assert answer["error"] == "Bad Request"
    assert field in answer["detail"]
    assert answer["status_code"] == 400


def test_an_unknown_model_and_that_of_another_organisation_are_not_found(service):
    add_model(org_of(service.other()))

    assert ask(service, 404)["code"] == "NOT_FOUND"
    assert ask(service, 404, model_id=10**9)["status_code"] == 404


@only_embedded
def test_without_an_environment_the_answer_says_what_to_set(monkeypatch, service, tmp_path):
    monkeypatch.setattr("dataforge.platform.embedded.local_inference.interpreter", lambda: None)
    add_model(org_of(service))

    answer = ask(service, 501)

    assert answer["code"] == "NOT_CONFIGURED"
    assert "DATAFORGE_TRAINING_PYTHON" in answer["message"]


@only_embedded
def test_the_token_of_a_process_is_in_no_log(program, service, tmp_path: Path):
    add_model(org_of(service))
    ask(service)
    [config] = (tmp_path / "inference").glob("*/config.json")
    token = json.loads(config.read_text())["token"]

    holding = [p for p in tmp_path.rglob("*") if p.is_file() and token.encode() in p.read_bytes()]

    assert holding == [config]
    assert config.stat().st_mode & 0o077 == 0
