"""A trained model as a teacher of the next run, in its own organisation only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dataforge import settings, teachers
from dataforge.errors import Invalid
from dataforge.store import model_settings
from tests.support.own_models import Program, add_model, use_program
from tests.support.service import Service

only_embedded = pytest.mark.parametrize("service", ["embedded"], indirect=True)
TEXT = "# Harbour\n\n" + "\n\n".join(
    f"Berth {n} of the harbour takes ships of up to {n * 30} metres and opens at {n + 5} in the morning."
    for n in range(1, 9)
)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    yield use_program(monkeypatch, tmp_path_factory.mktemp("program"))
    settings.get.cache_clear()


def org_of(service: Service) -> str:
    return service.headers["X-Organization-ID"]


# checklist 196
@only_embedded
@pytest.mark.parametrize("name", ["trained:1", "trained:harbour", "harbour"])
def test_a_trained_model_writes_the_pairs_of_the_next_run(program, service, name):
    add_model(org_of(service))
    project = service.project()
    service.upload(project, "harbour.md", TEXT.encode())
    service.parse(project)

    run = service.generate(project, model_id=name, num_pairs=4)

    pairs = service.call("GET", f"/projects/{project}/pairs")
    assert run["status"] == "completed", run
    assert pairs
    assert len(program.processes()) == 1
    assert {line.split()[2] for line in program.lines() if " answered " in line} == {
        f"m-{org_of(service).partition('_')[2]}-1"
    }


@only_embedded
def test_only_its_own_organisation_sees_and_may_ask_it(program, service):
    owner, other = service, service.other()
    add_model(org_of(owner), model_id=7)
    project = other.project()
    other.upload(project, "harbour.md", TEXT.encode())
    other.parse(project)

    for name in ("trained:7", "trained:harbour"):
        refused = other.call(
            "POST", f"/projects/{project}/generate", json={"model_id": name, "num_pairs": 1}, expect=422
        )
        assert refused["code"] == "UNKNOWN_TEACHER"
    assert "trained:7" in [m["id"] for m in owner.call("GET", "/available-models")]
    assert "trained:7" not in [m["id"] for m in other.call("GET", "/available-models")]


@only_embedded
def test_a_layer_of_the_catalogue_reaches_no_model_of_another_organisation(program, service):
    owner, other = service, service.other()
    add_model(org_of(owner), model_id=7)
    entry = {"id": "mine", "backends": ["trained:7"], "org_id": org_of(owner)}
    model_settings.put(org_of(other), {"models": [entry]})  # type: ignore[dict-item]

    with pytest.raises(Invalid) as refused:
        teachers.resolve("mine", org_id=org_of(other))

    assert refused.value.code == "UNKNOWN_TEACHER"


@only_embedded
def test_an_alias_of_the_organisation_may_name_and_price_its_model(program, service):
    add_model(org_of(service))
    layer = {"models": [{"id": "ours", "backends": ["trained:1"], "price": {"input": 1.0, "output": 2.0}}]}
    model_settings.put(org_of(service), layer)  # type: ignore[arg-type]

    model = teachers.resolve("ours", org_id=org_of(service))

    assert (model.backend, model.org_id) == ("trained:1", org_of(service))
    assert model.price is not None
    assert model.price.output == 2.0


@only_embedded
def test_its_tokens_cost_nothing(program, service):
    add_model(org_of(service))

    model = teachers.resolve("trained:1", org_id=org_of(service))

    assert model.price is not None
    assert model.price.of(10**6, 10**6) == 0
    assert model.is_priced


@only_embedded
def test_it_may_be_generator_and_critic_of_a_synthetic_job(program, service):
    add_model(org_of(service))
    roles = {"generator": {"provider": "trained", "model": "1"}, "critic": {"provider": "trained", "model": "harbour"}}
    body = {"schema": "preference_v1", "domain": "harbour rules", "count": 5, "models": roles}

    answer = service.http.post("/v1/synthetic/generate", json=body, headers=service.headers)

    assert answer.status_code == 202, answer.text


@only_embedded
def test_two_models_of_one_name_are_told_apart_by_number(program, service):
    for number in (1, 2):
        add_model(org_of(service), model_id=number)

    with pytest.raises(Invalid, match="trained:2, trained:1"):
        teachers.resolve("trained:harbour", org_id=org_of(service))


@only_embedded
@pytest.mark.parametrize("task", ["summarization", "extractive-question-answering"])
def test_a_model_of_another_task_is_no_teacher(program, service, task):
    add_model(org_of(service), task=task)

    with pytest.raises(Invalid, match="text-generation"):
        teachers.resolve("trained:1", org_id=org_of(service))
    assert "trained:1" not in [m["id"] for m in service.call("GET", "/available-models")]
