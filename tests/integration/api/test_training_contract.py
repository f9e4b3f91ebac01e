"""Contract D over HTTP on both backends: a training from its request to its model."""

from __future__ import annotations

import math

import pytest

from dataforge import platform
from dataforge.store import runs, trained_models
from dataforge.training import instances
from dataforge.workflows.training import jobs
from tests.support import dead_machines, training_program
from tests.support.service import Service
from tests.support.trainings import FULL, SHORT, Json, Trainings


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in takes a tenth of a second for a step. Ask for it before `service`, whose workers inherit it."""
    monkeypatch.setenv("STAND_IN", "slow")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN", "fails")


# checklist 157, 158
def test_what_can_be_trained_is_public(service: Service) -> None:
    info = service.http.get("/api/info").json()
    health = service.http.get("/api/health").json()

    assert info == {
        "providers": ["huggingface", "unsloth"],
        "strategies": ["sft", "qlora", "rlhf", "dpo"],
        "tasks": ["text-generation", "summarization", "extractive-question-answering"],
        "version": "v2",
    }
    assert health == {"status": "healthy", "version": "v2"}


# checklist 159, 168, 172, 173
def test_both_requests_of_the_document_train_a_model(service: Service) -> None:
    api = Trainings(service)
    idle = api.status()
    api.dataset(20)

    models = []
    for body in (FULL, SHORT):
        started = api.call("POST", "/start_training", json=body)
        assert (started["status"], started["message"]) == ("started", "Training started successfully")
        assert started["job_id"].startswith("train_")
        ended = api.wait(started["job_id"])
        assert (ended["status"], ended["progress"], ended["current_epoch"]) == ("completed", 100.0, 3), ended
        models.append(api.call("GET", f"/models/{ended['model_id']}"))

    assert idle == {**idle, "status": "idle", "progress": 0, "current_step": 0, "total_steps": 0, "loss": None}
    assert [m["id"] for m in models] == [1, 2]
    assert [m["id"] for m in api.call("GET", "/models")["models"]] == [2, 1]
    first = models[0]
    assert (first["name"], first["base_model"]) == ("my-llama-3-2-3b-finetuned", "meta-llama/Llama-3.2-3B")
    assert (first["task"], first["provider"], first["strategy"]) == ("text-generation", "unsloth", "sft")
    assert first["training_params"]["num_epochs"] == 3
    assert first["training_params"]["batch_size"] == 4
    assert first["training_params"]["learning_rate"] == 2e-4
    assert first["metrics"]["perplexity"] == math.exp(first["metrics"]["final_loss"])
    assert first["size_mb"] > 0


# checklist 160, 161
def test_an_invalid_option_is_a_bad_request_that_names_it_and_begins_nothing(service: Service) -> None:
    api = Trainings(service)
    api.dataset()
    refused: list[tuple[Json, str]] = [
        ({"task": "poetry"}, "task"),
        ({"task": None}, "task"),
        ({"model_name": ""}, "model_name"),
        ({"provider": "unsloth", "task": "summarization"}, "provider"),
        ({"strategy": "dpo", "task": "summarization", "provider": "huggingface"}, "strategy"),
        ({"lora_r": 0}, "lora_r"),
        ({"lora_r": 257}, "lora_r"),
        ({"lora_dropout": 1.5}, "lora_dropout"),
        ({"use_4bit": True, "use_8bit": True}, "use_8bit"),
        ({"fp16": True, "bf16": True}, "bf16"),
        ({"num_train_epochs": 0}, "num_train_epochs"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"eval_split": 1}, "eval_split"),
        ({"optim": "magic"}, "optim"),
        ({"instance_type": "ml.none.large"}, "instance_type"),
        ({"learning_rat": 1}, "learning_rat"),
    ]

    for change, field in refused:
        body = {k: v for k, v in {**FULL, **change}.items() if v is not None}
        answer = api.call("POST", "/start_training", json=body, expect=400)

        assert (answer["error"], answer["status_code"]) == ("Bad Request", 400), change
        assert isinstance(answer["detail"], str)
        assert field in answer["detail"], (change, answer["detail"])
        assert field in [e["field"] for e in answer["errors"]]
    unreadable = service.http.post(
        "/api/start_training", content=b"{", headers={**api.headers, "Content-Type": "application/json"}
    )
    assert unreadable.status_code == 400
    assert api.call("POST", "/start_training", json=["a list"], expect=400)["status_code"] == 400
    assert api.status()["status"] == "idle"


def test_a_dataset_that_nobody_uploaded_is_not_found(service: Service) -> None:
    answer = Trainings(service).start(expect=404)

    assert "dataset.jsonl" in answer["detail"]


# checklist 168, 169, 170
def test_one_training_at_a_time_shows_live_numbers_and_can_be_stopped(slow: None, service: Service) -> None:
    api, other = Trainings(service), Trainings(service.other())
    api.dataset(40)
    assert api.call("POST", "/stop_training", expect=404)["code"] == "NO_ACTIVE_TRAINING"
    job_id = api.start()["job_id"]
    waiting = api.status()

    second = api.start(expect=409)
    live = api.wait(job_id, until=lambda s: s["current_step"] >= 3)
    later = api.wait(job_id, until=lambda s: s["current_step"] > live["current_step"])
    assert other.status()["status"] == "idle"
    other.call("GET", "/training_status", job_id=job_id, expect=404)
    other.call("POST", "/stop_training", json={"job_id": job_id}, expect=404)
    stopped = api.call("POST", "/stop_training")
    again = service.http.post("/api/stop_training", headers=api.headers)
    ended = api.wait(job_id)

    assert (waiting["status"], waiting["progress"], waiting["job_id"]) == ("training", 0, job_id)
    assert second["code"] == "TRAINING_IN_PROGRESS"
    assert (live["status"], live["total_steps"], live["total_epochs"]) == ("training", 96, 3)
    assert live["progress"] == round(100 * live["current_step"] / 96, 1)
    assert live["current_epoch"] == 1
    assert live["loss"] == pytest.approx(2.0 / (1 + live["current_step"]), abs=1e-5)
    assert live["learning_rate"] == 2e-4
    assert later["progress"] > live["progress"]
    assert (stopped["status"], stopped["message"]) == ("stopped", "Training stopped successfully")
    assert again.status_code in (200, 404)
    assert ended["status"] == "stopped"
    assert api.call("GET", "/models") == {"models": []}
    assert api.call("POST", "/stop_training", expect=404)["code"] == "NO_ACTIVE_TRAINING"
    api.start()  # the place is free
    api.call("POST", "/stop_training")


# checklist 170
def test_a_stopped_training_keeps_no_machine(slow: None, service: Service) -> None:
    api = Trainings(service)
    api.dataset(40)
    job_id = api.start()["job_id"]
    api.wait(job_id, until=lambda s: s["current_step"] >= 2)
    api.call("POST", "/stop_training", json={"job_id": job_id})
    api.wait(job_id)

    run = runs.get(api.org_id, job_id)
    state = platform.current().trainer.describe(jobs.job_name(run, 0))
    assert state is None or state.status == "stopped"
    assert (run.asked, run.delivered, run.rejected, run.failed) == (1, 0, 0, 1)
    assert list(platform.current().files.list(f"{run.files_prefix}/checkpoints/checkpoint-")) == []


def test_a_program_that_fails_says_why_in_the_status(failing: None, service: Service) -> None:
    api = Trainings(service)

    ended = api.run()

    assert ended["status"] == "error"
    assert "The base model does not exist: meta-llama/none" in ended["error"]
    assert ended["message"] == ended["error"]
    assert api.call("GET", "/models") == {"models": []}


# checklist 172, 173, 174
def test_a_deleted_model_is_gone_with_its_files_and_its_number(service: Service) -> None:
    api, other = Trainings(service), Trainings(service.other())
    first = api.run()["model_id"]
    model = trained_models.get(api.org_id, first)
    files = platform.current().files
    assert [*files.list(f"{model.files_prefix}/")]
    other.call("GET", f"/models/{first}", expect=404)
    other.call("DELETE", f"/models/{first}", expect=404)

    trained_models.hold(model, "playground", 60)
    assert api.call("DELETE", f"/models/{first}", expect=409)["code"] == "MODEL_IN_USE"
    trained_models.release(model, "playground")
    gone = api.call("DELETE", f"/models/{first}")

    assert gone == {"status": "deleted", "message": "Model deleted successfully"}
    assert [*files.list(f"data-forge/training/{api.org_id}/runs/")] == []
    for method in ("GET", "DELETE"):
        api.call(method, f"/models/{first}", expect=404)
        api.call(method, "/models/99", expect=404)
        api.call(method, "/models/none", expect=400)
    assert api.call("GET", "/models") == {"models": []}
    assert api.run()["model_id"] == first + 1
    assert api.status()["model_id"] == first + 1


def test_a_machine_that_dies_loses_no_training(slow: None, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_machines.noticed_at_once(monkeypatch)
    api = Trainings(service)
    api.dataset(30)
    job_id = api.start()["job_id"]
    api.wait(job_id, until=lambda s: s["current_step"] >= 2)

    dead_machines.kill("train", job_id)
    ended = api.wait(job_id)

    assert ended["status"] == "completed"
    seen = trained_models.get(api.org_id, ended["model_id"]).details["seen"]
    assert seen == training_program.digest(lines_of(api, job_id))
    assert api.call("GET", "/models")["models"][0]["id"] == ended["model_id"]


@pytest.mark.parametrize("service", ["aws"], indirect=True)
def test_an_interrupted_training_goes_on_and_trains_no_line_twice(slow: None, service: Service) -> None:
    """One machine is interrupted by its own end: tests/e2e/test_killed_server_in_training.py."""
    assert service.sagemaker
    api = Trainings(service)
    api.dataset(30)
    job_id = api.start()["job_id"]
    service.sagemaker.reclaim.add(jobs.job_name(runs.get(api.org_id, job_id), 0))

    ended = api.wait(job_id)

    assert ended["status"] == "completed"
    assert sorted(service.sagemaker.jobs)[-1].endswith("-a1")
    seen = trained_models.get(api.org_id, ended["model_id"]).details["seen"]
    assert seen == training_program.digest(lines_of(api, job_id))


def lines_of(api: Trainings, job_id: str) -> list[str]:
    """What the program counted: its lines, three times."""
    run = runs.get(api.org_id, job_id)
    return platform.current().files.read(jobs.data_key(run, jobs.TRAIN)).decode().splitlines() * 3


def test_staged_weights_are_read_without_any_network_and_only_the_organisations_own(service: Service) -> None:
    api, other = Trainings(service), service.other().headers["X-Organization-ID"]
    api.dataset()
    folder = f"data-forge/training/{api.org_id}"
    platform.current().files.write(f"{folder}/base/tiny/model.safetensors", b"w")

    for place in (f"data-forge/training/{other}/base", folder, f"{folder}/base/none", "data-forge/user/proj"):
        answer = api.start(expect=400, model_name=f"s3://forge/{place}")
        assert [e["field"] for e in answer["errors"]] == ["model_name"], place
    ended = api.wait(api.start(model_name=f"s3://forge/{folder}/base/tiny")["job_id"])

    details = trained_models.get(api.org_id, ended["model_id"]).details
    assert (details["staged"], details["network"]) == (["model.safetensors"], False)
    if service.sagemaker:
        [job] = service.sagemaker.jobs.values()
        assert job.request["EnableNetworkIsolation"] is True
        assert "model" in [channel["ChannelName"] for channel in job.request["InputDataConfig"]]


@pytest.mark.parametrize("service", ["aws"], indirect=True)
def test_a_budget_ends_a_training_in_time_and_a_path_of_no_machine_is_refused(service: Service) -> None:
    api = Trainings(service)
    api.dataset()

    assert "max_cost_usd" in api.start(expect=400, instance_type="ml.p4d.24xlarge", max_cost_usd=0.01)["detail"]
    assert "model_name" in api.start(expect=400, model_name="/home/me/model")["detail"]
    api.wait(api.start(instance_type="ml.g5.xlarge", max_cost_usd=1, spot=True)["job_id"])

    assert service.sagemaker
    [job] = service.sagemaker.jobs.values()
    seconds = job.request["StoppingCondition"]["MaxRuntimeInSeconds"]
    price = instances.get("ml.g5.xlarge").usd_per_hour
    assert seconds == int(3600 / price)
    assert job.request["EnableManagedSpotTraining"] is True
    assert {t["Key"] for t in job.request["Tags"]} == {"application", "stage", "run", "org"}


# checklist 160
def test_a_training_is_estimated_and_nothing_is_started(service: Service) -> None:
    api = Trainings(service)
    api.dataset(40)
    answer = api.start(estimate=True)
    found = answer["estimate"]

    assert (answer["status"], answer["job_id"]) == ("estimated", None)
    assert api.status()["status"] == "idle"
    assert found["lines"] == 40
    assert 400 < found["tokens"] < 1600
    assert found["notes"]
    if service.backend == "aws":
        assert found["instance_type"].startswith("ml.")
        assert 0 < found["hours"]["low"] < found["hours"]["high"]
        assert 0 < found["cost_usd"]["low"] < found["cost_usd"]["high"]
    else:
        assert (found["instance_type"], found["hours"]) == (None, None)
    api.start(estimate=True, dataset="nothing.jsonl", expect=404)
