"""`dataforge train` as a person uses it: real processes, the real server, a program that trains nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.waiting import until

COMMAND = [sys.executable, "-m", "dataforge_client.cli"]
PROGRAM = f"{sys.executable} {ROOT / 'tests/support/training_program.py'}"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    own = {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "DATAFORGE_LOG_LEVEL": "ERROR"}
    return {**os.environ, **own, "DATAFORGE_TRAINING_PROGRAM": PROGRAM, "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "rules.jsonl"
    said = [{"role": "user", "content": "Why {}?"}, {"role": "assistant", "content": "Because of rule {}."}]
    path.write_text("".join(json.dumps({"messages": said}).replace("{}", str(n)) + "\n" for n in range(12)))
    return path


def train(dataset: Path, *options: str) -> list[str]:
    model = ["--model", "tiny/model", "--epochs", "2", "--set", "eval_split=0"]
    return [*COMMAND, "train", str(dataset), *model, "--home", str(dataset.parent / "data"), *options]


def dataforge(tmp_path: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words, "--home", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )


def test_a_file_becomes_a_model_with_a_number(tmp_path: Path, environment: dict[str, str], dataset: Path) -> None:
    done = subprocess.run(
        train(dataset, "--name", "rules", "--json"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )
    listed = dataforge(tmp_path, environment, "models", "--json")
    wrong = dataforge(tmp_path, environment, "train", "rules.jsonl", "--model", "m", "--set", "lora_r=0", "--json")
    deleted = dataforge(tmp_path, environment, "models", "delete", "rules", "--yes")

    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    result = events[-1]
    assert (result["status"], result["model"]["name"]) == ("completed", "rules")
    assert [e["num_examples"] for e in events if e["type"] == "upload"] == [12]
    assert {e["total_steps"] for e in events if e["type"] == "progress" and e["current_step"]} == {24}
    assert [m["id"] for m in json.loads(listed.stdout)] == [1]
    assert wrong.returncode == 2
    assert "lora_r" in json.loads(wrong.stdout.splitlines()[-1])["error"]["message"]
    assert deleted.returncode == 0, deleted.stderr


def test_ctrl_c_leaves_a_training_that_ends_by_itself_with_its_server(
    tmp_path: Path, environment: dict[str, str], dataset: Path
) -> None:
    slow = {**environment, "STAND_IN": "slow"}
    process = subprocess.Popen(train(dataset), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=slow)
    assert process.stderr is not None
    assert any("training  step" in line for line in process.stderr), "it never came to that"

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    server = tmp_path / "data/server.json"
    alive = server.exists()
    until(lambda: not server.exists(), seconds=120)
    watched = dataforge(tmp_path, environment, "watch", "--json")

    assert process.returncode == 130
    assert "goes on; to stop it: " in said
    assert alive, "the server goes on as long as the training"
    result = json.loads(watched.stdout.splitlines()[-1])
    assert (watched.returncode, result["status"]) == (0, "completed"), watched.stderr
    assert result["model"]["id"] == 1
