"""An embedded runner with functions that a test writes, and a server process that can be killed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from dataforge.platform.embedded.asl_interpreter import Machine
from dataforge.platform.embedded.asl_parser import read
from dataforge.platform.embedded.workflow_runner import Runner
from dataforge.platform.ports import Execution
from tests.support.waiting import until

Handler = Callable[[dict[str, Any]], Any]


def task(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": name, "Payload.$": "$"},
        "OutputPath": "$.Payload",
        "TimeoutSeconds": 60,
        **({} if "Next" in more else {"End": True}),
        **more,
    }


def machine(states: dict[str, Any], timeout: int = 60) -> Machine:
    return read({"StartAt": next(iter(states)), "TimeoutSeconds": timeout, "States": states})


def fan(child: dict[str, Any], mode: str = "DISTRIBUTED", **more: Any) -> dict[str, Any]:
    config = {"Mode": "INLINE"} if mode == "INLINE" else {"Mode": mode, "ExecutionType": "STANDARD"}
    return {
        "Type": "Map",
        "ItemsPath": "$.items",
        "MaxConcurrency": 3,
        "ItemProcessor": {"ProcessorConfig": config, "StartAt": "Child", "States": {"Child": child}},
        "End": True,
        **more,
    }


class RunnerHarness:
    """A runner whose functions are Python callables; `again` is what the next process would be."""

    def __init__(
        self, path: Path, machines: dict[str, Machine], handlers: dict[str, Handler], now: Callable[[], float]
    ) -> None:
        self.path, self.machines, self.handlers, self.wall = path, machines, handlers, now
        self.runner = Runner(path, machines, invoke=self._invoke, read_file=lambda key: b"[]", rng=Random(1), now=now)

    def _invoke(self, name: str, event: Any, timeout_s: float) -> Any:
        return self.handlers[name](event)

    def again(self) -> RunnerHarness:
        self.runner.close(grace=0.2)
        return RunnerHarness(self.path, self.machines, self.handlers, self.wall)

    def result(self, run_id: str = "run") -> Execution:
        until(lambda: self.now(run_id).status != "RUNNING", f"{run_id} goes on")
        return self.now(run_id)

    def now(self, run_id: str = "run") -> Execution:
        execution = self.runner.describe("m", run_id)
        assert execution
        return execution


def kill(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGKILL)
    server.wait()
