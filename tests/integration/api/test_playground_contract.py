"""The playground and trained teachers, the same promises on one machine and on AWS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dataforge import platform, settings
from dataforge.platform.aws import model_endpoint
from dataforge.store import trained_models
from dataforge.workflows.engine import loading, retry
from tests.support.own_models import add_model, use_program
from tests.support.own_models_aws import Answering, answering_account, configure
from tests.support.service import Service, aws_is_slow

URL = "/api/playground/generate"
only_aws = pytest.mark.parametrize("service", ["aws"], indirect=True)


@pytest.fixture
def prepared(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Before the service: the settings of both backends."""
    use_program(monkeypatch, tmp_path_factory.mktemp("program"))
    configure(monkeypatch, serving=getattr(request, "param", "endpoint"))
    yield
    settings.get.cache_clear()


@pytest.fixture
def aws_side(prepared: None, service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering | None]:
    """None on one machine."""
    if service.backend != "aws":
        yield None
        return
    with answering_account(monkeypatch) as made:
        yield made


def org_of(service: Service) -> str:
    return service.headers["X-Organization-ID"]


def ask(service: Service, **body: Any) -> Any:
    return service.http.post(URL, json={"model_id": 1, "prompt": "How long?", **body}, headers=service.headers)


def patiently(service: Service, aws_side: Answering | None, **body: Any) -> Any:
    """As a client that obeys Retry-After, with a clock that runs fast."""
    for _ in range(8):
        response = ask(service, **body)
        if response.status_code != 503:
            assert response.status_code == 200, response.text
            return response.json()
        assert response.json()["code"] == "MODEL_LOADING"
        assert int(response.headers["Retry-After"]) > 0
        if aws_side:  # one machine waits by itself
            aws_side.account.pass_time()
    raise AssertionError("the model is never loaded")


# checklist 178
def test_a_trained_model_answers(prepared, service, aws_side):
    add_model(org_of(service))

    answer = patiently(service, aws_side, prompt="How long is the quay?", max_new_tokens=20)

    assert answer["generated_text"].endswith("How long is the quay?")
    assert answer["tokens_generated"] == len(answer["generated_text"].split(" "))
    assert 0 < answer["generation_time_ms"] < 20_000


# checklist 174
def test_a_deleted_model_answers_no_more_and_leaves_nothing_behind(prepared, service, aws_side):
    model = add_model(org_of(service))
    patiently(service, aws_side)

    deleted = service.http.delete("/api/models/1", headers=service.headers)

    assert deleted.status_code == 200, deleted.text
    assert ask(service).status_code == 404
    assert service.http.delete("/api/models/1", headers=service.headers).status_code == 404
    if aws_side:
        assert (aws_side.account.components, aws_side.account.policies) == ({}, {})
    else:
        folders = [*platform.current().inference._home.glob(f"models/*-{model.model_id}")]
        assert folders == []


def test_a_model_that_answers_cannot_be_deleted(prepared, service, aws_side):
    model = add_model(org_of(service))
    trained_models.hold(model, "call-1", 60)

    deleted = service.http.delete("/api/models/1", headers=service.headers)

    assert deleted.status_code == 409
    assert deleted.json()["code"] == "MODEL_IN_USE"


# checklist 196
@aws_is_slow
def test_a_trained_model_is_the_teacher_of_the_next_run(prepared, service, aws_side):
    add_model(org_of(service))
    patiently(service, aws_side)
    project = with_berths(service)

    run = service.generate(project, model_id="trained:1", num_pairs=2)

    assert run["status"] == "completed", run
    assert service.call("GET", f"/projects/{project}/pairs")
    assert not service.other().call("GET", "/available-models")[0]["id"].startswith("trained:")


def with_berths(service: Service) -> str:
    """A project with chunks."""
    text = "# Berths\n\n" + "\n\n".join(f"Berth {n} takes ships of {n * 30} metres and more." for n in range(1, 9))
    project = service.project()
    service.upload(project, "berths.md", text.encode())
    service.parse(project)
    return project


def set_up(service: Service, aws_side: Answering, project: str) -> None:
    """By asking for a run until it can begin; nothing is begun meanwhile."""
    for _ in range(2):
        wanted = {"model_id": "trained:1", "num_pairs": 2}
        refused = service.call("POST", f"/projects/{project}/generate", json=wanted, expect=503)
        assert refused["code"] == "MODEL_LOADING"
        aws_side.account.pass_time()
    runs = service.call("GET", f"/projects/{project}/generations")
    assert [run["generationId"].split("_")[1] for run in runs] == ["parse"]


# checklist 196
@only_aws
def test_a_run_wakes_the_model_that_sleeps_waits_for_it_and_pays_nothing_meanwhile(
    prepared, service, aws_side, monkeypatch
):
    """Its functions ask within their rights, which the service checks at its end."""
    monkeypatch.setattr(model_endpoint, "RETRY_SECONDS", 0.01)
    add_model(org_of(service))
    project = with_berths(service)
    set_up(service, aws_side, project)
    aws_side.account.loads_after = retry.MAX_TRIES * 2
    assert aws_side.account.running() == 0

    run = service.generate(project, model_id="trained:1", num_pairs=2)

    assert run["status"] == "completed", run
    assert aws_side.account.loads_after <= 0
    assert service.call("GET", f"/projects/{project}/pairs")["total"] == 2
    assert len(aws_side.bodies) == 1


@only_aws
def test_a_model_that_is_never_loaded_ends_the_run_after_a_bounded_time(prepared, service, aws_side, monkeypatch):
    monkeypatch.setattr(model_endpoint, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(loading, "LONGEST_SECONDS", 0)
    add_model(org_of(service))
    project = with_berths(service)
    set_up(service, aws_side, project)

    run = service.generate(project, model_id="trained:1", num_pairs=2)

    assert run["status"] == "failed", run
    assert "is being loaded" in json.dumps(run)
    assert aws_side.bodies == []


@only_aws
def test_on_aws_an_answer_is_signed_and_a_model_that_went_to_sleep_is_woken(prepared, service, aws_side):
    add_model(org_of(service))
    patiently(service, aws_side)
    aws_side.account.scale_in()

    asleep = ask(service)

    assert (asleep.status_code, asleep.json()["code"]) == (503, "MODEL_LOADING")
    platform.current().inference._endpoint._ready.clear()  # twenty seconds later
    assert patiently(service, aws_side)["tokens_generated"] > 0
    assert all(s.startswith("AWS4-HMAC-SHA256") for s in aws_side.signatures)


@only_aws
@pytest.mark.parametrize("prepared", ["import"], indirect=True)
def test_bedrock_is_asked_in_the_form_in_which_the_model_was_trained(prepared, service, aws_side):
    add_model(org_of(service))
    add_model(org_of(service), model_id=2, use_chat_template=False)

    patiently(service, aws_side)
    patiently(service, aws_side, model_id=2)

    chat, plain = aws_side.bodies
    assert chat["messages"] == [{"role": "user", "content": "How long?"}]
    assert plain["prompt"] == "How long?"


@only_aws
def test_the_base_model_is_for_one_machine_and_says_so(prepared, service, aws_side):
    add_model(org_of(service))

    answer = ask(service, base=True)

    assert answer.status_code == 501
    assert "one machine" in answer.json()["message"]


@only_aws
def test_a_deployment_does_not_stream_and_sends_the_whole_answer(prepared, service, aws_side):
    add_model(org_of(service))

    assert patiently(service, aws_side, stream=True)["generated_text"] == "heard: How long?"
