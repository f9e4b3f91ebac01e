"""The container contract: the program as a process in a tree of folders, stopped, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from dataforge_training.folders import Folders
from tests.training import tiny
from tests.training.running import FAST, Run, finish, start, wait_for_step

LEARN, HELD_OUT = tiny.chats(tiny.facts(32, 0)), tiny.chats(tiny.facts(16, 1))
FIELDS = (
    *("time", "stage", "step", "total_steps", "epoch", "total_epochs", "loss", "eval_loss", "learning_rate"),
    *("tokens_per_second", "mfu", "memory_mb", "seconds_left", "message"),
)


def config(**options: Any) -> dict[str, Any]:
    return FAST | {
        "task": "text-generation",
        "model_name": "a-name-of-the-hub",
        "lora_dropout": 0.1,
        "learning_rate": 1e-2,
        "num_train_epochs": 15,
        "logging_steps": 1,
        "save_steps": 7,
        "lr_scheduler_type": "cosine",
        "provenance": {"documents": [{"id": "doc_1", "version": 3}]},
        **options,
    }


def staged(root: Path, bases: Path, name: str = "llama") -> None:
    """The weights of the base model in the channel `model`, as under network isolation."""
    (root / "input/data").mkdir(parents=True, exist_ok=True)
    os.symlink(bases / name, root / "input/data/model")


@pytest.fixture(scope="module")
def undisturbed(bases: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("job")
    staged(root, bases)
    tiny.job(root, config(), LEARN, HELD_OUT)
    return finish(start(root), root)


# checklist 162, 168
def test_a_job_leaves_what_the_contract_names(undisturbed: Any) -> None:
    model = undisturbed.root / "model"

    assert undisturbed.status == 0
    assert {p.name for p in model.iterdir()} == {
        *("adapter", "merged", "model.json", "metrics.json", "predictions.jsonl", "README.md"),
    }
    assert {stat.S_IMODE(p.stat().st_mode) for p in model.rglob("*") if p.is_file()} == {0o644}
    for name in ("model.json", "metrics.json", "predictions.jsonl", "README.md"):
        assert (undisturbed.root / "checkpoints/result" / name).read_bytes() == (model / name).read_bytes()
    assert undisturbed.about["provenance"] == {"documents": [{"id": "doc_1", "version": 3}]}
    assert "doc_1" in (model / "README.md").read_text("utf-8")
    assert not (undisturbed.root / "output/failure").exists()


# checklist 168
def test_progress_tells_the_whole_way(undisturbed: Any) -> None:
    lines = undisturbed.progress

    assert {tuple(line) for line in lines} == {FIELDS}
    stages = [line["stage"] for line in lines]
    assert list(dict.fromkeys(stages)) == ["loading", "evaluating", "training", "saving", "done"]
    times = [datetime.fromisoformat(line["time"]) for line in lines]
    assert times == sorted(times)
    assert (datetime.now(UTC) - times[-1]).total_seconds() < 60
    steps = [line for line in lines if line["stage"] == "training" and line["step"]]
    assert {line["total_steps"] for line in steps} == {60}
    assert steps[-1]["step"] == 60
    assert steps[-1]["epoch"] == steps[-1]["total_epochs"] == 15
    assert 500 < steps[-1]["tokens_per_second"] < 500_000
    assert steps[30]["seconds_left"] > 0
    assert steps[-1]["loss"] < steps[0]["loss"]
    assert max(line["learning_rate"] for line in steps) == pytest.approx(1e-2)


def test_predictions_name_base_and_tuned(undisturbed: Any) -> None:
    text = (undisturbed.root / "model/predictions.jsonl").read_text("utf-8")
    rows = [json.loads(line) for line in text.splitlines()]

    assert len(rows) == len(HELD_OUT)
    said = ["id", "topic", "prompt", "reference", "base", "tuned"]
    measured = {f"{measure}_{side}" for measure in ("exact", "f1", "rougeL") for side in ("base", "tuned")}
    assert set(rows[0]) == {*said, *measured}
    assert rows[3]["prompt"] == HELD_OUT[3]["messages"][0]["content"]
    assert rows[3]["reference"] == HELD_OUT[3]["messages"][1]["content"]
    assert rows[3]["topic"] == "colours"
    assert rows[3]["base"] != rows[3]["tuned"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_job_goes_on_to_the_same_result(
    undisturbed: Any, bases: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Spot interruption, and a machine that dies: adapters with dropout, bit for bit."""
    staged(tmp_path, bases)
    tiny.job(tmp_path, config(), LEARN, HELD_OUT)
    first = start(tmp_path)
    wait_for_step(tmp_path, 20)

    first.send_signal(number)
    stopped = finish(first, tmp_path)

    assert stopped.status == (0 if number == signal.SIGTERM else -number)
    if number == signal.SIGTERM:
        assert stopped.progress[-1]["message"] == "interrupted"
        assert stopped.progress[-1]["stage"] == "training"
    assert not list((tmp_path / "model").glob("*"))

    resumed = finish(start(tmp_path), tmp_path)

    assert resumed.status == 0
    assert any("resumed from checkpoint-" in str(line["message"]) for line in resumed.progress)
    assert resumed.metrics == undisturbed.metrics
    ours, theirs = (load_file(r.root / "model/merged/model.safetensors") for r in (resumed, undisturbed))
    assert all(ours[name].equal(theirs[name]) for name in theirs)


def test_a_job_that_was_stopped_while_it_saved_leaves_no_half_model(bases: Path, tmp_path: Path) -> None:
    staged(tmp_path, bases)
    tiny.job(tmp_path, config(num_train_epochs=1, max_completion_length=200), LEARN, HELD_OUT)
    first = start(tmp_path)
    wait_for_step(tmp_path, 4)

    while not (tmp_path / "model/merged").exists():
        assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    stopped = finish(first, tmp_path)

    assert stopped.status == 0
    assert stopped.progress[-1]["message"] == "interrupted"
    assert list((tmp_path / "model").iterdir()) == []


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_several_processes_share_a_job(bases: Path, tmp_path: Path, sharding: str) -> None:
    """What several GPUs do, by processes of the CPU: torchrun starts them, the result is written once."""
    full = sharding == "fsdp"
    staged(tmp_path, bases)
    told = config(
        processes=2,
        sharding=sharding,
        full_finetune=full,
        learning_rate=5e-3,
        num_train_epochs=5,
        per_device_train_batch_size=4,
    )
    tiny.job(tmp_path, told, LEARN, HELD_OUT)

    done = finish(start(tmp_path), tmp_path)

    assert done.status == 0
    assert done.about["processes"] == 2
    assert {line["total_steps"] for line in done.progress if line["step"]} == {20}
    assert done.metrics["eval_loss"] < 5.7
    assert load_file(tmp_path / "model/merged/model.safetensors")


def test_several_processes_are_stopped_together(bases: Path, tmp_path: Path) -> None:
    staged(tmp_path, bases)
    tiny.job(tmp_path, config(processes=2, num_train_epochs=200, save_steps=1000), LEARN, HELD_OUT)
    first = start(tmp_path)
    wait_for_step(tmp_path, 5)

    first.send_signal(signal.SIGTERM)
    stopped = finish(first, tmp_path)

    assert stopped.status == 0
    assert stopped.progress[-1]["message"] == "interrupted"
    assert len(list((tmp_path / "checkpoints").glob("checkpoint-*/complete.json"))) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"learning_rate": 7}, "learning_rate: Input should be less than or equal to 1"),
        ({"no_such_option": 1}, "no_such_option: Extra inputs are not permitted"),
        ({"use_8bit": True}, "use_4bit and use_8bit: only one of them can be true"),
        (
            {"provider": "unsloth"},
            "provider: unsloth is not installed here; it needs the image training_images/unsloth",
        ),
    ],
)
def test_a_wrong_config_fails_at_once(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    tiny.job(tmp_path, config(**change), LEARN, HELD_OUT)

    failed = finish(start(tmp_path), tmp_path)

    assert failed.status == 1
    assert failed.failure.endswith(reason)


@pytest.mark.parametrize(
    ("change", "lines", "reason"),
    [
        ({}, [], "train.jsonl has no lines: there is nothing to train on"),
        ({}, [*LEARN, {"messages": LEARN[0]["messages"][:1] * 2}], "line 33: field 'messages': the last turn"),
        ({}, [{"prompt": "a", "completion": "b"}, LEARN[0]], "use one shape"),
        ({}, [{"wrong": 1}] * 30, "line 5: field 'prompt': Field required (and 25 more)"),
        ({"task": "summarization"}, LEARN, "line 1: field 'document': Field required"),
        ({"model_name": "nobody/nothing"}, LEARN, "Stage its weights in the channel `model`"),
        ({"max_seq_length": 8}, LEARN, "32 of 32 lines hold nothing to learn after tokenisation"),
        ({"device": "cuda"}, LEARN, "device: cuda is not on this machine"),
        ({"loss_type": "none", "strategy": "dpo"}, tiny.preferences(tiny.facts(8, 0)), "loss_type: 'none' is none of"),
        ({"num_generations": 3, "strategy": "rlhf"}, tiny.preferences(tiny.facts(8, 0)), "does not divide the batch"),
    ],
)
def test_a_failure_says_why(run: Run, bases: Path, change: dict[str, Any], lines: list[Any], reason: str) -> None:
    failed = run(lines, HELD_OUT if lines is LEARN else None, **config(model_name=str(bases / "llama")) | change)

    assert failed.status == 1
    assert reason in failed.failure
    assert len(failed.failure) <= 1024
    assert not list((failed.root / "model").glob("*"))


def test_a_long_reason_is_cut(tmp_path: Path) -> None:
    Folders(tmp_path).fail("x" * 5000)

    assert len((tmp_path / "output/failure").read_text()) == 1024
