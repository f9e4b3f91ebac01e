"""The promises of the Workflows port, and the two state machine files, on both walls with the same outcome."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import boto3
import pytest

from dataforge.errors import TooLarge
from dataforge.platform.aws.stepfunctions import StepFunctionsWorkflows
from dataforge.platform.embedded.asl import StateFailed
from dataforge.platform.embedded.definition import read
from dataforge.platform.embedded.runner import Runner
from dataforge.platform.ports import Execution, Workflows
from tests.integration.stepfunctions_moto import aws, definition, deploy

BUCKET = "files"
Event = dict[str, Any]


@dataclass
class Functions:
    """The six state functions, played: by default a run of two batches that needs nothing special."""

    play: dict[str, Callable[[Event], Any]] = field(default_factory=dict)
    batches: list[Any] = field(default_factory=lambda: [{"batch": 0}, {"batch": 1}])
    calls: list[tuple[str, Event]] = field(default_factory=list)
    write: Callable[[str, bytes], None] = lambda key, data: None

    def handlers(self) -> dict[str, Callable[[Event, object], Any]]:
        names = ("PlanRun", "ParseDocument", "GenerateBatch", "RecordFailure", "AssessRun", "CloseRun", "SubmitJobs",
                 "WaitForJobs", "CheckJobs", "CollectReplies")
        return {name: lambda event, context, name=name: self._call(name, event) for name in names}

    def _call(self, name: str, event: Event) -> Any:
        self.calls.append((name, copy.deepcopy(event)))
        return self.play.get(name, getattr(self, f"_{name}", lambda event: {"done": True}))(event)

    def _PlanRun(self, event: Event) -> Event:
        self.write("runs/batches.json", json.dumps(self.batches).encode())
        return {"run_id": event["run_id"], "batches": len(self.batches), "batches_key": "runs/batches.json"}

    def _AssessRun(self, event: Event) -> Event:
        return {**event, "top_up": False}

    def _CloseRun(self, event: Event) -> Event:
        return {"closed": event["run_id"], "failure": event.get("failure")}

    def called(self, name: str) -> list[Event]:
        return [event for called, event in self.calls if called == name]


OpenWall = Callable[..., AbstractContextManager[Workflows]]


@contextmanager
def embedded_wall(functions: Functions, definitions: Mapping[str, Any], folder: Path) -> Iterator[Workflows]:
    handlers = functions.handlers()
    files: dict[str, bytes] = {}
    functions.write = files.__setitem__

    def read_file(key: str) -> bytes:
        if key not in files:
            raise FileNotFoundError(key)
        return files[key]

    def invoke(name: str, event: Event, timeout_s: float) -> Any:
        """What the worker pool promises, in a thread: the answer, or States.Timeout."""
        outcome: list[Any] = []

        def work() -> None:
            try:
                outcome.append(handlers[name](event, None))
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(timeout_s)
        if not outcome:
            raise StateFailed("States.Timeout")
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return json.loads(json.dumps(outcome[0]))

    names = {**{name: name for name in handlers}, "Bucket": BUCKET}
    machines = {machine: read(raw, names) for machine, raw in definitions.items()}
    runner = Runner(folder / "runs.db", machines, invoke=invoke, read_file=read_file, rng=Random(1))
    runner.start_up()
    try:
        yield runner
    finally:
        runner.close()


@contextmanager
def aws_wall(functions: Functions, definitions: Mapping[str, Any], folder: Path) -> Iterator[Workflows]:
    with aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        functions.write = lambda key, data: s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        with deploy(functions.handlers(), definitions, BUCKET) as arns:
            yield StepFunctionsWorkflows(arns)


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(params=[embedded_wall, aws_wall], ids=["embedded", "aws"])
def wall(request: pytest.FixtureRequest, tmp_path: Path) -> OpenWall:
    def open_wall(functions: Functions, **changed: Any) -> AbstractContextManager[Workflows]:
        definitions = {"parse": definition("parse"), "generate": definition("generate"), **changed}
        return request.param(functions, definitions, tmp_path)

    return open_wall


def finish(workflows: Workflows, machine: str = "generate", run_id: str = "gen_1") -> Execution:
    """Start the run and wait for its end."""
    workflows.start(machine, run_id, {"run_id": run_id})
    return wait(workflows, machine, run_id)


def wait(workflows: Workflows, machine: str = "generate", run_id: str = "gen_1") -> Execution:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        execution = workflows.describe(machine, run_id)
        if execution and execution.status != "RUNNING":
            return execution
        time.sleep(0.02)
    raise AssertionError(f"{run_id} is still running")


def with_retries(raw: Any, attempts: int | None = None) -> Any:
    """The same machine with a second between tries, or with other numbers of them."""
    if isinstance(raw, list):
        return [with_retries(part, attempts) for part in raw]
    if not isinstance(raw, dict):
        return raw
    if "IntervalSeconds" in raw:
        return {**raw, "BackoffRate": 1.0, "MaxAttempts": raw["MaxAttempts"] if attempts is None else attempts}
    return {key: with_retries(part, attempts) for key, part in raw.items()}


def raising(error: Exception) -> Callable[[Event], Any]:
    def play(event: Event) -> Any:
        raise error

    return play


# checklist 18, 33
@pytest.mark.parametrize(("machine", "work"), [("generate", "GenerateBatch"), ("parse", "ParseDocument")])
def test_a_run_plans_fans_out_and_closes(wall: OpenWall, machine: str, work: str) -> None:
    functions = Functions()

    with wall(functions) as workflows:
        execution = finish(workflows, machine)

    assert execution.status == "SUCCEEDED"
    assert execution.output == {"closed": "gen_1", "failure": None}
    assert sorted(event["batch"] for event in functions.called(work)) == [0, 1]
    assert functions.called("RecordFailure") == []
    assert [name for name, _ in functions.calls][-1] == "CloseRun"
    assert len(functions.called("AssessRun")) == (machine == "generate")


def test_rejected_slots_are_planned_again_until_assess_is_content(wall: OpenWall) -> None:
    functions = Functions()
    functions.play["AssessRun"] = lambda event: {**event, "top_up": len(functions.called("AssessRun")) < 3}

    with wall(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert len(functions.called("PlanRun")) == 3
    assert len(functions.called("GenerateBatch")) == 6
    assert functions.called("PlanRun")[1]["top_up"] is True
    assert len(functions.called("CloseRun")) == 1


def test_nothing_to_do_goes_straight_to_the_close(wall: OpenWall) -> None:
    functions = Functions(batches=[])

    with wall(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert [name for name, _ in functions.calls] == ["PlanRun", "CloseRun"]


def test_a_plan_that_fails_is_retried_and_then_closes_the_run_with_its_failure(wall: OpenWall) -> None:
    functions = Functions(play={"PlanRun": raising(LookupError("no chunks left"))})

    with wall(functions, generate=with_retries(definition("generate"))) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert len(functions.called("PlanRun")) == 4
    [closing] = functions.called("CloseRun")
    assert closing["run_id"] == "gen_1"
    assert closing["failure"]["Error"] == "LookupError"
    cause = json.loads(closing["failure"]["Cause"])
    assert (cause["errorType"], cause["errorMessage"]) == ("LookupError", "no chunks left")


def test_a_batch_that_fails_once_is_tried_again(wall: OpenWall) -> None:
    functions = Functions()

    def generate(event: Event) -> Event:
        if event["batch"] == 1 and functions.called("GenerateBatch").count(event) == 1:
            raise ConnectionError("reset")
        return {"done": True}

    functions.play["GenerateBatch"] = generate

    with wall(functions, generate=with_retries(definition("generate"))) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert sorted(event["batch"] for event in functions.called("GenerateBatch")) == [0, 1, 1]
    assert functions.called("RecordFailure") == []


# checklist 21
def test_a_batch_that_always_fails_is_recorded_and_its_siblings_go_on(wall: OpenWall) -> None:
    functions = Functions(batches=[{"batch": number} for number in range(5)])

    def generate(event: Event) -> Event:
        if event["batch"] == 2:
            raise ValueError("poison")
        return {"done": True}

    functions.play["GenerateBatch"] = generate

    with wall(functions, generate=with_retries(definition("generate"))) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert sorted(event["batch"] for event in functions.called("GenerateBatch")) == [0, 1, 2, 2, 2, 2, 3, 4]
    [recorded] = functions.called("RecordFailure")
    assert recorded["batch"] == 2
    assert recorded["failure"]["Error"] == "ValueError"
    assert len(functions.called("AssessRun")) == 1


def test_a_failing_record_of_a_failure_does_not_stop_the_run(wall: OpenWall) -> None:
    functions = Functions(play={"GenerateBatch": raising(ValueError("a")), "RecordFailure": raising(ValueError("b"))})

    with wall(functions, generate=with_retries(definition("generate"), attempts=0)) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert execution.output == {"closed": "gen_1", "failure": None}
    assert len(functions.called("RecordFailure")) == 2
    assert len(functions.called("AssessRun")) == 1


def test_a_missing_file_of_batches_closes_the_run_with_a_failure(wall: OpenWall) -> None:
    functions = Functions(play={"PlanRun": lambda event: {**event, "batches": 1, "batches_key": "not/there.json"}})

    with wall(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert functions.called("GenerateBatch") == []
    assert functions.called("CloseRun")[0]["failure"]["Error"].startswith("States.")


def test_a_run_whose_close_fails_has_failed(wall: OpenWall) -> None:
    functions = Functions(play={"CloseRun": raising(ValueError("no room left"))})

    with wall(functions, generate=with_retries(definition("generate"), attempts=1)) as workflows:
        execution = finish(workflows)

    assert (execution.status, execution.error, execution.output) == ("FAILED", "ValueError", None)
    assert json.loads(execution.cause or "")["errorMessage"] == "no room left"
    assert len(functions.called("CloseRun")) == 2


def test_never_more_children_at_once_than_the_map_allows(wall: OpenWall) -> None:
    functions = Functions(batches=[{"batch": number} for number in range(25)])
    lock, here, most = threading.Lock(), 0, 0

    def generate(event: Event) -> Event:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        time.sleep(0.03)
        with lock:
            here -= 1
        return {}

    functions.play["GenerateBatch"] = generate

    with wall(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert len(functions.called("GenerateBatch")) == 25
    assert 1 < most <= 10


def test_a_task_that_takes_too_long_is_a_time_out_that_catch_sees(wall: OpenWall) -> None:
    slow = with_retries(definition("generate"), attempts=0)
    slow["States"]["GenerateBatches"]["ItemProcessor"]["States"]["GenerateBatch"]["TimeoutSeconds"] = 1
    release = threading.Event()
    functions = Functions(batches=[{"batch": 0}], play={"GenerateBatch": lambda event: {"late": release.wait(30)}})

    with wall(functions, generate=slow) as workflows:
        execution = finish(workflows)
        release.set()

    assert execution.status == "SUCCEEDED"
    [recorded] = functions.called("RecordFailure")
    assert recorded["failure"]["Error"] == "States.Timeout"


def test_an_execution_that_takes_too_long_is_timed_out(wall: OpenWall) -> None:
    release = threading.Event()
    functions = Functions(play={"PlanRun": lambda event: {"late": release.wait(30)}})

    with wall(functions, generate={**definition("generate"), "TimeoutSeconds": 1}) as workflows:
        execution = finish(workflows)
        release.set()

    assert execution.status == "TIMED_OUT"
    assert functions.called("CloseRun") == []


def test_starting_a_run_twice_runs_it_once(wall: OpenWall) -> None:
    functions = Functions()

    with wall(functions) as workflows:
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        wait(workflows)
        workflows.start("generate", "gen_1", {"run_id": "another"})
        execution = wait(workflows)

    assert execution.output == {"closed": "gen_1", "failure": None}
    assert len(functions.called("PlanRun")) == 1


def test_a_stopped_run_is_aborted_and_does_nothing_more(wall: OpenWall) -> None:
    entered, release = threading.Event(), threading.Event()

    def plan(event: Event) -> Event:
        entered.set()
        release.wait(30)
        return {**event, "batches": 0}

    functions = Functions(play={"PlanRun": plan})

    with wall(functions) as workflows:
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        assert entered.wait(30)
        workflows.stop("generate", "gen_1", cause="asked to")
        release.set()
        execution = wait(workflows)
        workflows.stop("generate", "gen_1", cause="again")
        again = workflows.describe("generate", "gen_1")

    assert execution.status == "ABORTED"
    assert again == execution
    assert functions.called("CloseRun") == []


def test_stopping_what_has_ended_changes_nothing(wall: OpenWall) -> None:
    functions = Functions()

    with wall(functions) as workflows:
        execution = finish(workflows)
        workflows.stop("generate", "gen_1")
        workflows.stop("generate", "never_started")
        again = workflows.describe("generate", "gen_1")
        unknown = workflows.describe("generate", "never_started")

    assert again == execution
    assert unknown is None


def test_an_input_above_256_kib_is_refused(wall: OpenWall) -> None:
    with wall(Functions()) as workflows, pytest.raises(TooLarge):
        workflows.start("generate", "gen_1", {"run_id": "gen_1", "text": "x" * 256 * 1024})


def test_an_answer_above_256_kib_ends_the_execution(wall: OpenWall) -> None:
    functions = Functions(play={"CloseRun": lambda event: {"text": "x" * 256 * 1024}})

    with wall(functions, generate=with_retries(definition("generate"), attempts=0)) as workflows:
        execution = finish(workflows)

    assert (execution.status, execution.error) == ("FAILED", "States.DataLimitExceeded")


def test_many_runs_at_once_all_finish(wall: OpenWall) -> None:
    functions = Functions()
    runs = [f"gen_{number}" for number in range(8)]

    with wall(functions) as workflows:
        for run in runs:
            workflows.start("generate", run, {"run_id": run})
        outputs = [wait(workflows, run_id=run).output for run in runs]

    assert outputs == [{"closed": run, "failure": None} for run in runs]


TOUR = {
    "StartAt": "Shape",
    "TimeoutSeconds": 60,
    "States": {
        "Shape": {
            "Type": "Pass",
            "Parameters": {"list.$": "$.list", "first.$": "$.list[0]", "fixed": {"a": [1, 2]}},
            "ResultPath": "$.shaped.here",
            "Next": "Rest",
        },
        "Rest": {"Type": "Wait", "SecondsPath": "$.zero", "Next": "Pick"},
        "Pick": {
            "Type": "Choice",
            "Choices": [
                {"And": [{"Variable": "$.word", "StringEquals": "b"}, {"Variable": "$.n", "NumericLessThan": 0}],
                 "Next": "Wrong"},
                {"Not": {"Variable": "$.nobody", "IsPresent": False}, "Next": "Wrong"},
                {"Or": [{"Variable": "$.n", "NumericGreaterThanEquals": 7},
                        {"Variable": "$.on", "BooleanEquals": False}],
                 "Next": "Each"},
            ],
            "Default": "Wrong",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.list",
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Ask",
                "States": {
                    "Ask": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::lambda:invoke",
                        "Parameters": {"FunctionName": "${GenerateBatch}", "Payload": {"batch.$": "$"}},
                        "ResultSelector": {"answer.$": "$.Payload.square", "status.$": "$.StatusCode"},
                        "TimeoutSeconds": 10,
                        "End": True,
                    }
                },
            },
            "ResultPath": "$.answers",
            "Next": "Done",
        },
        "Done": {"Type": "Succeed", "InputPath": "$", "OutputPath": "$"},
        "Wrong": {"Type": "Fail", "Error": "Wrong", "Cause": "turn"},
    },
}  # fmt: skip


def test_the_rest_of_the_subset_means_the_same(wall: OpenWall) -> None:
    functions = Functions(play={"GenerateBatch": lambda event: {"square": event["batch"] ** 2}})
    data = {"list": [3, 4, 5], "word": "b", "n": 7, "zero": 0, "on": True}

    with wall(functions, tour=TOUR) as workflows:
        workflows.start("tour", "tour_1", data)
        execution = wait(workflows, "tour", "tour_1")
        workflows.start("tour", "tour_2", {**data, "n": 6})
        wrong = wait(workflows, "tour", "tour_2")

    assert execution.output == {
        **data,
        "shaped": {"here": {"list": [3, 4, 5], "first": 3, "fixed": {"a": [1, 2]}}},
        "answers": [{"answer": 9, "status": 200}, {"answer": 16, "status": 200}, {"answer": 25, "status": 200}],
    }
    assert (wrong.status, wrong.error, wrong.cause) == ("FAILED", "Wrong", "turn")


def with_jobs(functions: Functions, *, seconds: int, answer: Callable[[str], None] = lambda _: None) -> None:
    """Play a run at batch price: one wave of jobs, then everything has its reply."""
    plan, said = functions._PlanRun, iter(["wait", "assess"])
    functions.play["PlanRun"] = lambda event: {**plan(event), "mode": "batch"}
    functions.play["SubmitJobs"] = lambda event: {**event, "next": next(said), "seconds": seconds}
    functions.play["WaitForJobs"] = lambda event: answer(event["token"])
    functions.play["CheckJobs"] = lambda event: {**event, "next": "collect"}
    functions.play["CollectReplies"] = lambda event: event


def test_a_run_at_batch_price_waits_as_long_as_it_is_told_and_goes_round(wall: OpenWall) -> None:
    functions = Functions()
    with_jobs(functions, seconds=2)
    began = time.monotonic()

    with wall(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED", execution
    assert time.monotonic() - began >= 2
    [waited] = functions.called("WaitForJobs")
    assert waited["state"]["run_id"] == "gen_1"
    assert [n for n, _ in functions.calls if n not in ("GenerateBatch", "WaitForJobs")] == [
        "PlanRun", "SubmitJobs", "CheckJobs", "CollectReplies", "SubmitJobs", "AssessRun", "CloseRun",
    ]
    assert len(functions.called("GenerateBatch")) == 4


@pytest.mark.parametrize("inside", [True, False], ids=["while the function runs", "later"])
def test_an_answered_token_ends_the_wait_at_once(wall: OpenWall, inside: bool) -> None:
    functions, tokens = Functions(), list[str]()
    with_jobs(functions, seconds=300, answer=lambda token: ports[0].answer(token) if inside else tokens.append(token))
    ports: list[Workflows] = []

    with wall(functions) as workflows:
        ports.append(workflows)
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        while not (inside or tokens):
            time.sleep(0.02)
        time.sleep(0 if inside else 1.5)
        for token in tokens * 2:  # twice is no error
            workflows.answer(token)
        execution = wait(workflows)

    assert execution.status == "SUCCEEDED", execution
    assert len(functions.called("CheckJobs")) == 1


def test_a_token_of_a_run_that_is_over_is_no_error(wall: OpenWall) -> None:
    functions, tokens = Functions(), list[str]()
    with_jobs(functions, seconds=1, answer=tokens.append)

    with wall(functions) as workflows:
        finish(workflows)
        workflows.answer(tokens[0])
        workflows.answer("12.never-seen")

        execution = workflows.describe("generate", "gen_1")

    assert execution is not None
    assert execution.status == "SUCCEEDED"


def test_a_function_that_cannot_keep_the_token_costs_a_look_at_the_jobs_only(wall: OpenWall) -> None:
    functions = Functions()
    with_jobs(functions, seconds=300, answer=raising(ValueError("no table")))  # type: ignore[arg-type]

    with wall(functions, generate=with_retries(definition("generate"), 0)) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED", execution
    assert len(functions.called("CheckJobs")) == 1
