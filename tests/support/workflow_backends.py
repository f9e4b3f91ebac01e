"""Both backends' state machines, with functions that a test writes as it likes."""

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

from dataforge.platform.aws.stepfunctions import StepFunctionsWorkflows
from dataforge.platform.embedded.asl_interpreter import StateFailed
from dataforge.platform.embedded.asl_parser import read
from dataforge.platform.embedded.workflow_runner import Runner
from dataforge.platform.ports import Execution, Workflows
from tests.support.stepfunctions_moto import aws, deploy

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
        names = (
            "PlanRun",
            "ParseDocument",
            "GenerateBatch",
            "RecordFailure",
            "AssessRun",
            "CloseRun",
            "SubmitJobs",
            "WaitForJobs",
            "CheckJobs",
            "CollectReplies",
        )
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


OpenBackend = Callable[..., AbstractContextManager[Workflows]]


@contextmanager
def embedded_backend(functions: Functions, definitions: Mapping[str, Any], folder: Path) -> Iterator[Workflows]:
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
def aws_backend(functions: Functions, definitions: Mapping[str, Any], folder: Path) -> Iterator[Workflows]:
    with aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        functions.write = lambda key, data: s3.put_object(Bucket=BUCKET, Key=key, Body=data)
        with deploy(functions.handlers(), definitions, BUCKET) as arns:
            yield StepFunctionsWorkflows(arns)


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
