"""Trainings through the client: upload, start, watch, stop, and the models that come of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataforge_client import AsyncDataForge, BadRequest, Conflict, DataForge, NotFound, ServerError, WaitTimeout
from dataforge_client.aio.resources import training_data as aio_training_data
from dataforge_client.errors import ConnectionFailed, UnexpectedAnswer
from dataforge_client.resources import training_data
from dataforge_client.training_models import Generated
from tests.support.fake_api import KEY, ORGANIZATION, FakeApi, Fault

LINES = b'{"messages": []}\n' * 12


@pytest.fixture
def trained(data_forge: DataForge) -> int:
    """The number of a model that was trained on uploaded lines."""
    data_forge.upload_training_file(LINES, name="set.jsonl")
    started = data_forge.start_training("text-generation", "m", "set.jsonl", num_train_epochs=2)
    done = data_forge.wait_training(started.job_id)
    assert done.model_id is not None
    return done.model_id


# checklist 161
def test_every_state_of_a_training_is_watched_until_it_has_ended(
    api: FakeApi, data_forge: DataForge, pauses: list[float]
) -> None:
    data_forge.upload_training_file(LINES, name="set.jsonl")
    started = data_forge.start_training("text-generation", "m", "set.jsonl", learning_rate=None, lora_r=8)

    states = list(data_forge.watch_training(started.job_id, poll=2.0))

    assert [s.current_step for s in states] == [10, 20, 30, 30]
    assert [s.closed for s in states] == [False, False, False, True]
    assert states[-1].model_id == 1
    assert pauses == [2.0] * 3
    [sent] = [s.json for s in api.seen if s.path == "/api/start_training"]
    assert sent == {"task": "text-generation", "model_name": "m", "dataset": "set.jsonl", "lora_r": 8}


def test_a_training_can_be_stopped_and_waited_for_no_longer_than_asked(api: FakeApi, data_forge: DataForge) -> None:
    api.hold = "training"
    job = data_forge.training_start({"task": "text-generation", "model_name": "m", "dataset": "syn_job_1"}).job_id

    with pytest.raises(WaitTimeout, match=f"{job} is still in training after 0 s"):
        data_forge.wait_training(timeout=0)
    with pytest.raises(Conflict):
        data_forge.start_training("text-generation", "m", "syn_job_1")
    stopped = data_forge.stop_training()

    assert stopped.job_id == job
    assert data_forge.wait_training(job).status == "stopped"
    with pytest.raises(NotFound):
        data_forge.stop_training(job_id=job)


def test_an_estimate_starts_nothing_and_a_failed_training_says_why(api: FakeApi, data_forge: DataForge) -> None:
    api.training_fails = "The model does not fit"
    request = {"task": "text-generation", "model_name": "m", "dataset": "syn_job_1"}

    estimate = data_forge.training_estimate(request)
    before = data_forge.training_status()
    failed = data_forge.wait_training(data_forge.training_start(request).job_id)
    with pytest.raises(BadRequest, match="did you mean num_train_epochs"):
        data_forge.training_start({**request, "epochs": 3})

    assert estimate.status == "estimated"
    assert estimate.estimate is not None
    assert estimate.estimate["hours"] == {"low": 0.4, "high": 1.6}
    assert (before.status, before.closed) == ("idle", True)
    assert (failed.status, failed.error) == ("error", "The model does not fit")


# checklist 169
def test_a_file_is_uploaded_in_the_request_or_beside_it(
    api: FakeApi, data_forge: DataForge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set.jsonl").write_bytes(LINES)

    small = data_forge.upload_training_file(tmp_path / "set.jsonl")
    monkeypatch.setattr(training_data, "INLINE_LIMIT", 100)
    large = data_forge.upload_training_file(LINES, name="large.jsonl")
    wrong = data_forge.upload_training_file(b"{}\noops\n", name="wrong.jsonl")

    assert (small.filename, small.num_examples, small.validation.valid) == ("set.jsonl", 12, True)
    assert (large.filename, large.num_examples) == ("large.jsonl", 12)
    assert api.datasets["set.jsonl"]["content"] == api.datasets["large.jsonl"]["content"] == LINES
    assert wrong.validation.errors == ("Invalid JSON on line 2",)
    assert api.count("POST /api/upload_dataset/url") == 1
    assert [d.filename for d in data_forge.list_training_datasets()] == ["wrong.jsonl", "large.jsonl", "set.jsonl"]
    assert data_forge.delete_training_dataset("large.jsonl").status == "deleted"


def test_an_upload_that_is_tried_again_has_the_same_body(api: FakeApi, data_forge: DataForge) -> None:
    api.faults.append(Fault("/api/upload_dataset", 503))

    data_forge.upload_training_file(LINES, name="set.jsonl")

    first, second = (s for s in api.seen if s.path == "/api/upload_dataset")
    assert first.body == second.body
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_models_are_listed_shown_and_deleted(data_forge: DataForge, trained: int) -> None:
    [listed] = data_forge.list_models()
    model = data_forge.get_model(trained)
    deleted = data_forge.delete_model(trained)

    assert (listed.id, listed.size_mb) == (trained, 3.6)
    assert model.metrics["final_loss"] == 0.234
    assert model.notes == ("use_4bit needs a CUDA GPU: full precision",)
    assert deleted.status == "deleted"
    assert data_forge.list_models() == []


def test_a_model_leaves_as_a_file_or_to_a_hub(
    data_forge: DataForge, trained: int, tmp_path: Path, pauses: list[float]
) -> None:
    pauses.clear()

    data_forge.download_model(trained, tmp_path / "m.gguf", precision="q8_0")
    pushed = [data_forge.push_model(trained, "harbour/rules", private=True) for _ in range(2)]

    assert (tmp_path / "m.gguf").read_bytes() == b"GGUF"
    assert pauses == [5.0]
    assert [p.status for p in pushed] == ["pushing", "pushed"]
    assert pushed[1].url == "https://hub.example/harbour/rules"


# checklist 167
def test_a_model_answers_at_once_or_piece_by_piece(api: FakeApi, data_forge: DataForge, trained: int) -> None:
    whole = data_forge.playground_generate(trained, "why", temperature=0, max_new_tokens=20)
    pieces = list(data_forge.stream_generate(trained, "why"))
    base = data_forge.playground_generate(trained, "why", base=True)
    api.streams = False
    unstreamed = list(data_forge.stream_generate(trained, "why"))

    assert whole.generated_text == "The answer to why"
    assert pieces[:-1] == ["The ", "answer ", "to why"]
    assert isinstance(pieces[-1], Generated)
    assert pieces[-1] == whole
    assert base.generated_text == "noise"
    assert unstreamed == [whole]


def test_a_model_that_is_being_loaded_is_asked_again(
    api: FakeApi, data_forge: DataForge, trained: int, pauses: list[float]
) -> None:
    loading = {"code": "MODEL_LOADING", "message": "The model is being loaded"}
    pauses.clear()
    api.faults.append(Fault("/generate", 503, times=2, headers={"Retry-After": "5"}, body=loading))

    pieces = list(data_forge.stream_generate(trained, "why"))
    api.faults.append(Fault("/generate", 503, times=9, headers={"Retry-After": "90"}, body=loading))
    with pytest.raises(ServerError) as caught:
        data_forge.playground_generate(trained, "why")

    assert pauses == [5.0, 5.0]
    assert len(pieces) == 4
    assert (caught.value.code, caught.value.retry_after) == ("MODEL_LOADING", 90)


def test_an_answer_that_breaks_off_is_an_error(api: FakeApi, data_forge: DataForge, trained: int) -> None:
    stream = {"Content-Type": "text/event-stream"}
    cut = b'data: {"text": "The "}\n\n'
    api.faults.append(Fault("/generate", 200, headers=stream, body=cut))  # type: ignore[arg-type]
    with pytest.raises(UnexpectedAnswer, match="broke off"):
        list(data_forge.stream_generate(trained, "why"))

    api.faults.append(Fault("/generate", 200, headers={**stream, "Content-Length": "999"}, body=cut))  # type: ignore[arg-type]
    pieces = data_forge.stream_generate(trained, "why")
    assert next(pieces) == "The "
    with pytest.raises(ConnectionFailed):
        list(pieces)


async def test_the_asynchronous_client_does_the_same(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aio_training_data, "INLINE_LIMIT", 100)
    async with AsyncDataForge(api.url, KEY, ORGANIZATION) as forge:
        await forge.upload_training_file(LINES, name="set.jsonl")
        started = await forge.start_training("text-generation", "m", "set.jsonl")
        states = [s.status async for s in forge.watch_training(started.job_id, poll=0.01)]
        pieces = [p async for p in forge.stream_generate(1, "why")]

    assert states == ["training", "training", "training", "completed"]
    assert pieces[:-1] == ["The ", "answer ", "to why"]


def test_what_is_public_needs_no_key(api: FakeApi) -> None:
    with DataForge(api.url) as nobody:
        assert nobody.training_info().strategies == ("sft", "qlora", "rlhf", "dpo")
        assert nobody.training_health()["status"] == "healthy"
