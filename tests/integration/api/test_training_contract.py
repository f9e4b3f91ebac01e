"""Contract D over HTTP on both backends: a training from its request to its model."""

from __future__ import annotations

import math

from tests.support.service import Service
from tests.support.trainings import FULL, SHORT, Trainings


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
