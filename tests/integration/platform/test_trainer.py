"""The trainer port: one suite for SageMaker's jobs and for processes of one machine. The program is a real process that
keeps the container contract, and counts instead of training."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dataforge import settings
from dataforge.platform.aws.s3 import S3Files
from dataforge.platform.aws.sagemaker_jobs import SageMakerTrainer
from dataforge.platform.embedded.training_processes import TrainingProcesses
from dataforge.platform.ports import TRAINING_ENDED, Files, Trainer, TrainingRequest, TrainingState
from tests.support import storage_backends
from tests.support.sagemaker_jobs import PROGRAM, SageMaker
from tests.support.storage_backends import BUCKET, REGION
from tests.support.waiting import alive, until

RUN = "data-forge/training/org_1/runs/train_1"
LINES = 12


@dataclass
class Gym:
    """A trainer, its files, and how a test makes AWS take a machine away or one machine shut down."""

    trainer: Trainer
    files: Files
    interrupt: Callable[[str], None]
    environment: Callable[[str, str], None]
    changed: list[str] = field(default_factory=list)
    home: Path | None = None

    def start(self, words: str = "", *, job_id: str = "job-1", epochs: int = 2, **more: Any) -> TrainingRequest:
        self.environment("STAND_IN", words)
        config = {"num_train_epochs": epochs, "learning_rate": 2e-4, "model_name": "tiny", "provenance": {}}
        self.files.write(f"{RUN}/input/data/config/training.json", json.dumps(config).encode())
        rows = "".join(json.dumps({"prompt": str(n), "completion": "yes"}) + "\n" for n in range(LINES))
        self.files.write(f"{RUN}/input/data/train/train.jsonl", rows.encode())
        channels = {name: f"{RUN}/input/data/{name}" for name in ("config", "train")}
        request = TrainingRequest(
            job_id=job_id, files_prefix=RUN, channels=channels, instance_type="ml.g5.xlarge", **more
        )
        self.trainer.start(request)
        return request

    def ended(self, job_id: str = "job-1") -> TrainingState:
        def look() -> TrainingState | None:
            state = self.trainer.describe(job_id)
            return state if state and state.status in TRAINING_ENDED else None

        found = until(look, f"{job_id} goes on", 60)
        assert found
        return found

    def progress(self, job_id: str = "job-1") -> list[dict[str, Any]]:
        self.trainer.refresh(job_id)
        try:
            raw = self.files.read(f"{RUN}/checkpoints/progress.jsonl").decode()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in raw.splitlines() if line.endswith("}")]

    def reached(self, step: int, job_id: str = "job-1") -> None:
        until(lambda: any(line["step"] >= step for line in self.progress(job_id)), f"step {step} never came", 60)

    def model(self, name: str, job_id: str = "job-1") -> bytes:
        return self.files.read(f"{RUN}/output/{job_id}/output/model/{name}")


@contextmanager
def embedded_gym(folder: Path, environment: Callable[[str, str], None]) -> Iterator[Gym]:
    with storage_backends.embedded_files(folder / "files") as files:
        trainer = TrainingProcesses(folder, files)
        changed: list[str] = []
        trainer.on_changed(changed.append)
        yield Gym(trainer, files, lambda _: trainer.close(), environment, changed, folder)
        trainer.close()


@contextmanager
def aws_gym(_: Path, environment: Callable[[str, str], None]) -> Iterator[Gym]:
    with storage_backends.aws():
        storage_backends.client_of("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        changed: list[str] = []

        def hear(event: dict[str, Any]) -> None:
            if "TrainingJobName" in event["detail"]:
                changed.append(event["detail"]["TrainingJobName"])

        sagemaker = SageMaker(hear)
        trainer = SageMakerTrainer(BUCKET, client=sagemaker)
        yield Gym(trainer, S3Files(BUCKET), sagemaker.reclaim.add, environment, changed)
        sagemaker.close()


@pytest.fixture(params=[embedded_gym, aws_gym], ids=["embedded", "aws"])
def gym(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gym]:
    monkeypatch.setenv("DATAFORGE_TRAINING_PROGRAM", PROGRAM)
    monkeypatch.setenv("DATAFORGE_TRAINING_ROLE", "arn:aws:iam::123456789012:role/train")
    monkeypatch.setenv("DATAFORGE_TRAINING_IMAGE", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/training:1")
    monkeypatch.setenv("DATAFORGE_TRAINING_GRACE", "1")
    settings.get.cache_clear()
    with request.param(tmp_path, monkeypatch.setenv) as opened:
        yield opened
    settings.get.cache_clear()


def test_a_job_shows_its_progress_and_leaves_its_model_as_single_files(gym: Gym) -> None:
    gym.start("slow")
    gym.reached(3)
    running = gym.trainer.describe("job-1")
    ended = gym.ended()

    assert running is not None
    assert running.status == "training"
    assert ended.status == "completed"
    assert ended.failure is None
    assert ended.started_at is not None
    assert [line["step"] for line in gym.progress()][-1] == 2 * LINES
    assert json.loads(gym.model("metrics.json"))["final_loss"] > 0
    assert len(gym.model("merged/model.safetensors")) == 20_000
    assert gym.files.read(f"{RUN}/checkpoints/result/metrics.json") == gym.model("metrics.json")
    until(lambda: gym.changed == ["job-1"], "nobody was told of the end", 10)


def test_a_second_start_of_the_same_job_trains_nothing_twice(gym: Gym) -> None:
    request = gym.start("slow")
    gym.trainer.start(request)
    gym.reached(2)
    gym.trainer.start(request)
    gym.ended()
    gym.trainer.start(request)

    assert gym.ended().status == "completed"
    assert [line["step"] for line in gym.progress() if line["stage"] == "training"] == [*range(1, 2 * LINES + 1)]


def test_an_unknown_job_is_none(gym: Gym) -> None:
    assert gym.trainer.describe("job-9") is None
    gym.trainer.refresh("job-9")


def test_a_stopped_job_ends_as_stopped_and_makes_no_model(gym: Gym) -> None:
    gym.start("slow")
    gym.reached(2)
    gym.trainer.stop("job-1")
    gym.trainer.stop("job-1")

    assert gym.ended().status == "stopped"
    assert list(gym.files.list(f"{RUN}/output/job-1/output/model/")) == []
    gym.trainer.stop("job-1")
    assert gym.ended().status == "stopped"


def test_why_a_program_failed_is_what_it_wrote_to_the_failure_file(gym: Gym) -> None:
    gym.start("fails")

    ended = gym.ended()

    assert ended.status == "failed"
    assert "The base model does not exist: meta-llama/none" in str(ended.failure)


def test_an_interrupted_job_goes_on_from_its_checkpoint_under_the_next_name(gym: Gym) -> None:
    request = gym.start("slow")
    gym.reached(7)
    gym.interrupt("job-1")
    assert gym.ended().status == "interrupted"
    before = max(line["step"] for line in gym.progress())

    gym.start("", job_id="job-2", max_runtime_seconds=request.max_runtime_seconds)
    assert gym.ended("job-2").status == "completed"

    steps = [line["step"] for line in gym.progress("job-2") if line.get("loss") is not None]
    assert steps[:-1] == [*range(1, 2 * LINES + 1)], "no step was trained twice or left out"
    assert before < 2 * LINES
    assert json.loads(gym.model("model.json", "job-2"))["seen"]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gym]:
    """One machine only: what SageMaker does by itself."""
    monkeypatch.setenv("DATAFORGE_TRAINING_PROGRAM", PROGRAM)
    monkeypatch.setenv("DATAFORGE_TRAINING_GRACE", "1")
    settings.get.cache_clear()
    with embedded_gym(tmp_path, monkeypatch.setenv) as opened:
        yield opened
    settings.get.cache_clear()


def pid(gym: Gym, name: str) -> int:
    assert gym.home
    path = gym.home / "training/train_1/opt/ml/checkpoints" / name
    return int(until(lambda: path.exists() and path.read_text(), f"no {name}"))


def test_a_stopped_job_leaves_no_process_behind(machine: Gym) -> None:
    machine.start("child")
    program, child = pid(machine, "main.pid"), pid(machine, "child.pid")
    assert alive(program)
    assert alive(child)

    machine.trainer.stop("job-1")

    assert machine.ended().status == "stopped"
    until(lambda: not alive(program) and not alive(child), "a process was left behind", 10)


def test_a_program_that_ignores_the_request_to_end_is_killed_after_its_grace(machine: Gym) -> None:
    machine.start("stubborn", epochs=1000)
    program = pid(machine, "main.pid")
    machine.reached(2)
    asked = time.monotonic()
    machine.trainer.stop("job-1")

    assert machine.ended().status == "stopped"
    assert 0.9 < time.monotonic() - asked < 15
    assert not alive(program)


def test_a_job_that_takes_too_long_fails_and_says_which_limit(machine: Gym) -> None:
    machine.start("slow", epochs=1000, max_runtime_seconds=2)

    ended = machine.ended()

    assert (ended.status, "max_runtime_seconds (2 s)" in str(ended.failure)) == ("failed", True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("silent-failure", "ended with exit code 3: Traceback: it went wrong"),
        ("out-of-memory", "was killed by signal 9, often because the memory is used up"),
    ],
)
def test_a_program_that_says_nothing_is_described_by_how_it_ended(machine: Gym, words: str, said: str) -> None:
    machine.start(words)

    ended = machine.ended()

    assert ended.status == "failed"
    assert said in str(ended.failure)


def test_a_program_that_cannot_be_started_fails(machine: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_TRAINING_PROGRAM", "/nowhere/python")
    settings.get.cache_clear()
    machine.start()

    ended = machine.ended()

    assert (ended.status, "could not be started" in str(ended.failure)) == ("failed", True)


def test_without_an_environment_it_says_how_to_make_one(machine: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATAFORGE_TRAINING_PROGRAM")
    monkeypatch.setattr("dataforge.platform.embedded.training_processes.interpreter", lambda: None)
    settings.get.cache_clear()

    assert "make .tools/training/.ready" in str(machine.trainer.missing())


def test_a_training_gets_no_keys_but_the_one_for_gated_models(machine: Gym, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "HF_TOKEN", "PLAIN"):
        machine.environment(name, "x")
    machine.start()
    machine.ended()

    facts = json.loads((tmp_path / "training/jobs/job-1.json").read_text())
    kept = {"OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD", "HF_TOKEN", "PLAIN"} & set(facts["environment"])
    assert kept == {"HF_TOKEN", "PLAIN"}
    assert (tmp_path / "training/jobs/job-1.json").stat().st_mode & 0o077 == 0


def test_an_ended_job_is_forgotten_and_its_model_stays(machine: Gym, tmp_path: Path) -> None:
    machine.start()
    assert machine.ended().status == "completed"

    machine.trainer.forget("job-1", RUN)

    assert machine.trainer.describe("job-1") is None
    assert not (tmp_path / "training/train_1").exists()
    assert machine.model("metrics.json")


def test_a_job_that_is_still_ending_is_forgotten_as_soon_as_it_has_ended(machine: Gym, tmp_path: Path) -> None:
    machine.start("stubborn", epochs=1000)
    program = pid(machine, "main.pid")

    machine.trainer.stop("job-1")
    machine.trainer.forget("job-1", RUN)

    until(lambda: not (tmp_path / "training/train_1").exists(), "its folder stays", 20)
    assert not alive(program)
    assert list((tmp_path / "training/jobs").iterdir()) == []
