"""`dataforge train`, `watch`, `models` and `chat` against the fake API."""

from __future__ import annotations

import io
import json
import os
import pty
import shlex
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dataforge_client.cli import execute, local_server
from dataforge_client.cli.loss_chart import chart_lines
from dataforge_client.cli.training_view import ChartView, LineView, add_point
from dataforge_client.training_models import TrainingStatus
from tests.support.cli_process import Spawn, connection_arguments, gone, read_all, read_until, until
from tests.support.fake_api import KEY, FakeApi, Fault

Train = Callable[..., int]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    path.write_text('{"messages": []}\n' * 12)
    return path


@pytest.fixture
def train(api: FakeApi, dataset: Path) -> Train:
    """`dataforge train` on a file of 12 lines; the exit code."""

    def go(*options: str, data: str = str(dataset)) -> int:
        return execute(["train", data, "--model", "m", *connection_arguments(api), *options])

    return go


def started(api: FakeApi) -> list[dict[str, object]]:
    """The requests that have started a training."""
    return [job["request"] for job in api.trainings.values()]


def test_a_file_is_uploaded_estimated_trained_on_and_followed(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    code = train(
        *("--strategy", "qlora", "--epochs", "3", "--lr", "0.001", "--batch-size", "8", "--name", "rules"),
        *("--set", "lora_r=64", "--set", "use_4bit=false", "--set", "optim=sgd", "--set", "max_seq_length=null"),
    )

    said = capfd.readouterr()
    assert code == 0, said.err
    assert started(api) == [
        {
            "dataset": "set.jsonl",
            "model_name": "m",
            "task": "text-generation",
            "strategy": "qlora",
            "num_train_epochs": 3,
            "learning_rate": 0.001,
            "per_device_train_batch_size": 8,
            "name": "rules",
            "lora_r": 64,
            "use_4bit": False,
            "optim": "sgd",
            "max_seq_length": None,
        }
    ]
    assert "set.jsonl: 12 lines, as set.jsonl" in said.err
    assert "Estimate: ml.g6.2xlarge, 24 min to 1.6 h, cost $0.50 to $2.10" in said.err
    assert "training  step 10 of 30  epoch 1 of 1  loss 3.0000" in said.err
    assert "about 12 s left" in said.err
    assert "Model 1 is ready: rules, 3.6 MB" in said.err
    assert "final loss 0.2340, exact match 0.0 % -> 45.0 %" in said.err
    assert "note: use_4bit needs a CUDA GPU" in said.err
    assert "Next: dataforge chat 1 --server " in said.err
    assert KEY not in said.err
    assert said.out == ""


@pytest.mark.parametrize("data", ["earlier.jsonl", "syn_job_1#train", "proj_1@2", "s3://bucket/set.jsonl"])
def test_a_dataset_of_the_server_is_named(api: FakeApi, train: Train, data: str) -> None:
    api.datasets["earlier.jsonl"] = {}
    api.datasets["s3://bucket/set.jsonl"] = {}

    assert train(data=data) == 0
    assert [request["dataset"] for request in started(api)] == [data]
    assert api.count("POST /api/upload_dataset") == 0


def test_held_out_lines_are_uploaded_too(api: FakeApi, train: Train, tmp_path: Path) -> None:
    (tmp_path / "held.jsonl").write_text('{"messages": []}\n' * 10)

    assert train("--eval", str(tmp_path / "held.jsonl")) == 0
    assert started(api)[0]["eval_dataset"] == "held.jsonl"
    assert api.datasets.keys() == {"set.jsonl", "held.jsonl"}


def test_json_lines_tell_everything_that_happens(api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    code = train("--json")

    events = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert code == 0
    assert [e["type"] for e in events if e["type"] != "note"] == [
        *("upload", "estimate", "job"),
        *["progress"] * 4,
        "result",
    ]
    assert events[-1]["status"] == "completed"
    assert events[-1]["model"]["id"] == 1
    assert [e["loss"] for e in events if e["type"] == "progress"] == [3.0, 1.5, 1.0, 0.75]


def test_a_dry_run_starts_nothing(api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    assert train("--dry-run") == 0
    assert train("--dry-run", "--json") == 0
    assert started(api) == []
    assert capfd.readouterr().err.count("Estimate: ") == 1


def test_a_detached_training_is_watched_later(api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    assert train("--detach") == 0
    hint = capfd.readouterr().err.split("follow it with: ")[1].splitlines()[0]

    assert execute(shlex.split(hint.replace('"$DATAFORGE_API_KEY"', KEY))[1:]) == 0
    assert execute(["train", "watch", "--json", *connection_arguments(api)]) == 0

    said = capfd.readouterr()
    assert "Model 1 is ready" in said.err
    assert json.loads(said.out.splitlines()[-1])["status"] == "completed"


@pytest.mark.parametrize(
    ("options", "data", "code", "message"),
    [
        (("--set", "epochs=3"), None, 2, "did you mean num_train_epochs"),
        (("--set", "lora_r"), None, 2, "--set lora_r must look like lora_r=64"),
        ((), "missing.jsonl", 1, "There is no file missing.jsonl here"),
        ((), "folder/missing.jsonl", 2, "folder/missing.jsonl is not a file"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    api: FakeApi,
    train: Train,
    capfd: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    data: str | None,
    code: int,
    message: str,
) -> None:
    assert train(*options, **({"data": data} if data else {})) == code
    assert message in capfd.readouterr().err
    assert started(api) == []


def test_lines_that_cannot_be_trained_on_are_listed(
    api: FakeApi, train: Train, dataset: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dataset.write_text("{}\n" + "oops\n" * 30)

    assert train() == 2
    said = capfd.readouterr().err
    assert "cannot be trained on:\n  Invalid JSON on line 2\n" in said
    assert "Invalid JSON on line 11\n  and 20 more" in said
    assert api.count("/start_training") == 0


def test_a_second_training_names_the_way_to_the_first(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    api.hold = "training"
    train("--detach")
    capfd.readouterr()

    assert train("--detach") == 1
    said = capfd.readouterr().err
    assert "A training goes on; stop it first" in said
    assert "dataforge watch --server" in said
    assert execute(["train", "stop", *connection_arguments(api)]) == 0
    assert "train_0001 stopped" in capfd.readouterr().err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_status_and_cancel_take_trainings_too(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    api.hold = "training"
    train("--detach")
    capfd.readouterr()

    codes = [execute([word, "train_0001", *options, *connection_arguments(api)]) for word in ("status", "cancel")]

    said = capfd.readouterr()
    assert codes == [0, 0]
    assert api.trainings["train_0001"]["status"] == "stopped"
    if options:
        assert '"current_step": 10' in said.out
    else:
        assert said.out.startswith("train_0001  training  training  33%\ntraining  step 10 of 30")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_training_that_fails_says_why(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str], as_json: bool
) -> None:
    api.training_fails = "The model does not fit"

    assert train(*(["--json"] if as_json else [])) == 1
    said = capfd.readouterr()
    if as_json:
        assert json.loads(said.out.splitlines()[-1])["error"] == "The model does not fit"
    else:
        assert "train_0001 ended as error: The model does not fit" in said.err


def test_ctrl_c_leaves_the_training_alone(spawn: Spawn, api: FakeApi, dataset: Path) -> None:
    api.hold = "training"
    process = spawn("train", str(dataset), "--model", "m", *connection_arguments(api))
    until(lambda: api.count("/training_status") > 1, process)

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    api.released.set()
    watch = said.split("Follow it with:\n")[1].splitlines()[0].replace('"$DATAFORGE_API_KEY"', KEY)

    assert process.returncode == 130
    assert "The training train_0001 goes on; to stop it: " in said
    assert api.count("/stop_training") == 0
    assert execute(shlex.split(watch)[3:]) == 0


def test_a_local_server_outlives_the_command_while_a_training_goes_on(
    spawn: Spawn, machine: Path, dataset: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.mkdir()
    (machine / "fake.json").write_text(json.dumps({"hold": "training"}))
    process = spawn("train", str(dataset), "--model", "m", "--home", str(machine))
    read_until(process, "training  step")

    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    listed = execute(["train", "datasets", "--home", str(machine)])

    pid = int((machine / "pid").read_text())
    assert listed == 0
    assert "set.jsonl" in capfd.readouterr().out
    assert (machine / "server.json").exists(), "neither command has stopped it"
    assert len((machine / "started").read_text()) == 1
    assert local_server.ask_to_stop(machine)
    assert gone(pid)


def test_a_folder_of_this_machine_is_a_model_for_its_server(
    spawn: Spawn, machine: Path, dataset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("base").mkdir()
    home = ["--home", str(machine)]

    assert execute(["train", str(dataset), "--model", "base", "--detach", "--json", *home]) == 0
    assert execute(["watch", "--json", *home]) == 0

    assert json.loads(capfd.readouterr().out.splitlines()[-1])["model"]["base_model"] == str(Path("base").absolute())
    assert local_server.ask_to_stop(machine)


def test_models_are_found_by_number_or_name(api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "two", "two"):
        train("--name", name)
    capfd.readouterr()
    server = connection_arguments(api)

    codes = [
        execute(["models", *server]),
        execute(["models", "show", "one", *server]),
        execute(["models", "show", "2", "--card", *server]),
        execute(["models", "delete", "one", "--yes", *server]),
    ]
    said = capfd.readouterr()
    wrong = [execute(["models", "show", name, *server]) for name in ("one", "two", "99")]

    assert codes == [0, 0, 0, 0]
    assert [line.split("\t")[:2] for line in said.out.splitlines()[:3]] == [["3", "two"], ["2", "two"], ["1", "one"]]
    assert "made of m by train_0001" in said.out
    assert "# A model\n" in said.out
    assert wrong == [2, 2, 1]
    assert "2 models are called 'two'; use a number: 3 (" in capfd.readouterr().err


def test_questions_are_asked_one_by_one(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train("--quiet")
    server = connection_arguments(api)

    assert execute(["chat", "1", "-p", "why", "-p", "how", "--temperature", "0", *server]) == 0
    asked = [s.json for s in api.seen if s.path.endswith("/generate")]
    assert execute(["chat", "1", "-p", "why", "--vs", "base", *server]) == 0
    assert execute(["chat", "1", "-p", "why", "--base", *server]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("where\n\nwhen\n"))
    assert execute(["chat", "1", "--vs", "base", "--json", *server]) == 0

    out = capfd.readouterr().out.splitlines()
    assert out[:4] == ["The answer to why", "The answer to how", "model 1  The answer to why", "base     noise"]
    assert out[4] == "noise"
    lines = [json.loads(line) for line in out[5:]]
    assert [(x["prompt"], x["generated_text"], x["vs"]["generated_text"]) for x in lines] == [
        ("where", "The answer to where", "noise"),
        ("when", "The answer to when", "noise"),
    ]
    assert [(a["prompt"], a["temperature"], a["stream"]) for a in asked] == [("why", 0, True), ("how", 0, True)]


def test_a_model_that_is_being_loaded_is_waited_for(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train("--quiet")
    monkeypatch.setattr("dataforge_client.cli.chat._PAUSE", 0.01)
    loading = {"code": "MODEL_LOADING", "message": "The model is being loaded"}
    api.faults.append(Fault("/generate", 503, times=2, headers={"Retry-After": "120"}, body=loading))

    assert execute(["chat", "1", "-p", "why", *connection_arguments(api)]) == 0

    said = capfd.readouterr()
    assert said.out == "The answer to why\n"
    assert said.err.count("The model is being loaded") == 1


def test_a_file_that_is_not_there_is_told_from_a_dataset_that_was_not_uploaded(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = {"code": "NOT_FOUND", "message": "Dataset nofile.jsonl not found: upload it first"}
    other = {"code": "NOT_FOUND", "message": "Dataset nofile not found: upload it first"}
    api.faults += [Fault("/start_training", 404, body=missing), Fault("/start_training", 404, body=other)]

    codes = [train(data="nofile.jsonl"), train(data="nofile")]

    said = capfd.readouterr().err.splitlines()
    assert codes[0] == codes[1] != 0
    assert said[0].startswith("Error: There is no file nofile.jsonl here, and no uploaded dataset of that name")
    assert "train datasets" in said[0]
    assert "upload it first" in said[1]


def test_a_server_that_cannot_train_says_what_it_lacks(
    api: FakeApi, train: Train, capfd: pytest.CaptureFixture[str]
) -> None:
    lacks = "This machine has no environment to train in: run `make .tools/training/.ready`"
    api.faults.append(Fault("/start_training", 409, body={"code": "TRAINING_NOT_AVAILABLE", "message": lacks}))

    assert train() != 0

    said = capfd.readouterr().err
    assert f"Error: {lacks}" in said
    assert "Follow the training" not in said


def state(step: int, loss: float | None, **others: object) -> TrainingStatus:
    return TrainingStatus("training", stage="training", current_step=step, total_steps=100, loss=loss, **others)  # type: ignore[arg-type]


@pytest.mark.parametrize("dots", [True, False])
def test_the_chart_falls_as_the_loss_does(dots: bool) -> None:
    lines = chart_lines([(n, 4.0 / (n + 1)) for n in range(100)], steps=100, width=60, height=8, dots=dots)

    assert len(lines) == 8
    assert all(len(line) <= 60 for line in lines)
    assert lines[0].startswith("4.000")
    assert lines[-2].startswith("0.040")
    assert lines[-1].endswith("step 100")
    body = [line[7:] for line in lines[:-1]]
    assert len(body[0].rstrip()) < len(body[-1].rstrip())
    assert chart_lines([], steps=100, width=60, height=8) == []
    assert chart_lines([(1, 1.0)], steps=100, width=8, height=8) == []


def test_a_training_that_goes_on_from_a_checkpoint_draws_no_step_twice() -> None:
    points: list[tuple[float, float]] = []
    for now in (state(10, 3.0), state(20, 2.0), state(30, 1.0), state(20, 2.1), state(25, None)):
        add_point(points, now)

    assert points == [(10, 3.0), (20, 2.1)]


def test_lines_are_few() -> None:
    out, now = io.StringIO(), [0.0]
    view = LineView(out, clock=lambda: now[0])
    for step in range(25):
        view.state(state(step, 1.0))
        now[0] += 1

    assert len(out.getvalue().splitlines()) == 3


def test_a_terminal_shows_a_chart_that_the_server_cannot_steer(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pty.openpty()
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(read_all(ours)))
    reader.start()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with ChartView() as view:
            for step in range(1, 40):
                view.state(state(step, 3.0 / step))
            view.state(TrainingStatus("training", stage="saving", message="\x1b]0;owned\x07"))
            view.note("[red]a note")
    reader.join()

    assert "┤" in read[0]
    assert any(0x2800 < ord(character) < 0x2900 for character in read[0])
    assert "[red]a note" in read[0]
    assert "\x1b]0;" not in read[0]
    assert "\\x1b]0;owned" in read[0]
