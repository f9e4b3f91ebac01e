"""What only the embedded runner promises: it goes on after kill -9, remembers, and lets other processes start runs."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dataforge.platform.embedded.asl import Machine, StateFailed
from dataforge.platform.embedded.definition import read
from dataforge.platform.embedded.executions import Executions
from dataforge.platform.embedded.runner import Runner
from dataforge.platform.ports import Execution
from tests.integration import state_server
from tests.integration.processes import alive, until

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


class Wall:
    """A runner whose functions are Python callables; `again` is what the next process would be."""

    def __init__(self, path: Path, machines: dict[str, Machine], handlers: dict[str, Handler]) -> None:
        self.path, self.machines, self.handlers = path, machines, handlers
        self.runner = Runner(path, machines, invoke=self._invoke, read_file=lambda key: b"[]", rng=Random(1))

    def _invoke(self, name: str, event: Any, timeout_s: float) -> Any:
        return self.handlers[name](event)

    def again(self) -> Wall:
        self.runner.close(grace=0.2)
        return Wall(self.path, self.machines, self.handlers)

    def result(self, run_id: str = "run") -> Execution:
        until(lambda: self.now(run_id).status != "RUNNING", f"{run_id} goes on")
        return self.now(run_id)

    def now(self, run_id: str = "run") -> Execution:
        execution = self.runner.describe("m", run_id)
        assert execution
        return execution


@pytest.fixture
def open_wall(tmp_path: Path) -> Iterator[Callable[..., Wall]]:
    walls: list[Wall] = []

    def open_wall(states: dict[str, Any], handlers: dict[str, Handler] | None = None, timeout: int = 60) -> Wall:
        walls.append(Wall(tmp_path / "runs.db", {"m": machine(states, timeout)}, handlers or {}))
        return walls[-1]

    yield open_wall
    for wall in walls:
        wall.runner.close()


def kill(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGKILL)
    server.wait()


# checklist 18, 35
def test_a_killed_server_goes_on_where_it_stood_and_leaves_no_orphans(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    book = Executions(tmp_path / "runs.db", state_server.MACHINES)
    server = subprocess.Popen(state_server.command(tmp_path))
    # Started from here: another process than the one that runs it.
    book.start("generate", "gen_1", {"run_id": "gen_1"})
    until(
        lambda: (tmp_path / "pids").exists() and calls.exists() and calls.read_text().count("end") >= 5,
        "the Map does not begin",
    )

    kill(server)

    with sqlite3.connect(tmp_path / "runs.db") as db:
        rows = db.execute("SELECT position FROM workflow_frames WHERE ended = 'SUCCEEDED'").fetchall()
    db.close()
    done = {position for (position,) in rows}
    assert 3 <= len(done) < state_server.BATCHES
    before = len(calls.read_text().splitlines())
    workers = json.loads((tmp_path / "pids").read_text())
    assert len(workers) == 3
    until(lambda: not any(alive(pid) for pid in workers), "orphans", seconds=10)

    server = subprocess.Popen(state_server.command(tmp_path))
    until(lambda: book.describe("generate", "gen_1").status != "RUNNING", "the run does not end")
    execution = book.describe("generate", "gen_1")
    kill(server)
    book.close()

    after = calls.read_text().splitlines()[before:]
    assert execution
    assert (execution.status, execution.output) == ("SUCCEEDED", {"closed": True})
    assert {int(line.split()[1]) for line in after if line.startswith("begin")} == set(range(24)) - done
    assert {line for line in calls.read_text().splitlines() if line.startswith("end")} == {
        f"end {number}" for number in range(state_server.BATCHES)
    }
    assert (calls.read_text().count("plan"), calls.read_text().count("close")) == (1, 1)


def test_only_one_process_may_run_a_file(open_wall: Callable[..., Wall]) -> None:
    wall = open_wall({"A": {"Type": "Succeed"}})
    wall.runner.start_up()
    second = open_wall({"A": {"Type": "Succeed"}})

    with pytest.raises(RuntimeError, match="Another server"):
        second.runner.start_up()


def test_retries_are_counted_across_a_restart(open_wall: Callable[..., Wall]) -> None:
    calls: list[float] = []

    def fail(event: Any) -> Any:
        calls.append(time.time())
        raise OSError("no")

    retry = [{"ErrorEquals": ["OSError"], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 2}]
    wall = open_wall({"A": task("fail", Retry=retry)}, {"fail": fail})
    wall.runner.start_up()
    wall.runner.start("m", "run", {})
    until(lambda: len(calls) == 1, "no first try")
    time.sleep(0.1)

    wall = wall.again()
    wall.runner.start_up()
    result = wall.result()
    wall.runner.close()

    assert (result.status, result.error) == ("FAILED", "OSError")
    assert len(calls) == 3
    # The wait between the tries is kept too, not begun anew and not skipped.
    assert all(later - earlier >= 0.99 for earlier, later in pairwise(calls))


def test_a_wait_goes_on_across_a_restart(open_wall: Callable[..., Wall]) -> None:
    begun = time.time()
    wall = open_wall({"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}, "B": {"Type": "Succeed"}})
    wall.runner.start_up()
    wall.runner.start("m", "run", {"x": 1})
    time.sleep(0.4)

    wall = wall.again()
    wall.runner.start_up()
    result = wall.result()
    wall.runner.close()

    assert result.output == {"x": 1}
    assert time.time() - begun >= 0.99


def test_the_deadline_of_an_execution_passes_also_while_nobody_runs_it(open_wall: Callable[..., Wall]) -> None:
    calls: list[Any] = []
    wall = open_wall({"A": task("note")}, {"note": calls.append}, timeout=1)
    wall.runner.start("m", "run", {})
    time.sleep(1.1)

    wall.runner.start_up()
    result = wall.result()

    assert (result.status, result.error) == ("TIMED_OUT", "States.Timeout")
    assert calls == []


def test_a_stop_is_seen_at_once_and_the_late_answer_is_dropped(open_wall: Callable[..., Wall]) -> None:
    entered, release = threading.Event(), threading.Event()
    later: list[Any] = []

    def slow(event: Any) -> Any:
        entered.set()
        return {"late": release.wait(30)}

    wall = open_wall({"A": task("slow", Next="B"), "B": task("later")}, {"slow": slow, "later": later.append})
    wall.runner.start_up()
    wall.runner.start("m", "run", {})
    assert entered.wait(30)

    wall.runner.stop("m", "run", cause="asked to")
    stopped = wall.now()
    release.set()
    time.sleep(0.2)

    assert (stopped.status, stopped.cause) == ("ABORTED", "asked to")
    assert wall.now() == stopped
    assert later == []


def test_closing_leaves_what_is_in_flight_for_the_next_start(open_wall: Callable[..., Wall]) -> None:
    entered, release = threading.Event(), threading.Event()
    calls: list[Any] = []

    def slow(event: Any) -> Any:
        calls.append(event)
        entered.set()
        release.wait(30)
        if len(calls) == 1:
            raise ConnectionError("the pool was closed under it")
        return {"done": True}

    wall = open_wall({"A": task("slow")}, {"slow": slow})
    wall.runner.start_up()
    wall.runner.start("m", "run", {})
    assert entered.wait(30)

    wall = wall.again()
    release.set()
    wall.runner.start_up()
    result = wall.result()
    wall.runner.close()

    assert (result.status, result.output) == ("SUCCEEDED", {"done": True})
    assert len(calls) == 2


def odd_fails(event: Any) -> Any:
    if event % 2:
        raise ValueError(f"item {event}")
    return {"item": event}


def test_a_distributed_map_gives_the_outputs_of_the_children_that_succeeded(open_wall: Callable[..., Wall]) -> None:
    tolerant = fan(task("work"), ToleratedFailurePercentage=50.0, ResultPath="$.done")
    wall = open_wall({"A": tolerant}, {"work": odd_fails})
    wall.runner.start_up()
    wall.runner.start("m", "run", {"items": [0, 1, 2, 3]})

    result = wall.result()

    assert result.output == {"items": [0, 1, 2, 3], "done": [{"item": 0}, {"item": 2}]}


@pytest.mark.parametrize(
    ("limits", "items"),
    [({}, [0, 1]), ({"ToleratedFailurePercentage": 40.0}, [0, 1, 2, 3]), ({"ToleratedFailureCount": 1}, [1, 3, 2])],
)
def test_a_distributed_map_above_its_tolerance_fails(
    open_wall: Callable[..., Wall], limits: dict[str, Any], items: list[int]
) -> None:
    wall = open_wall({"A": fan(task("work"), **limits)}, {"work": odd_fails})
    wall.runner.start_up()
    wall.runner.start("m", "run", {"items": items})

    result = wall.result()

    assert (result.status, result.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")


def test_an_inline_map_fails_with_the_error_of_its_child(open_wall: Callable[..., Wall]) -> None:
    wall = open_wall({"A": fan(task("work"), "INLINE")}, {"work": odd_fails})
    wall.runner.start_up()
    wall.runner.start("m", "run", {"items": [0, 3]})

    result = wall.result()

    assert (result.status, result.error) == ("FAILED", "ValueError")
    assert json.loads(result.cause or "")["errorMessage"] == "item 3"


def test_a_map_that_is_retried_does_all_its_items_again(open_wall: Callable[..., Wall]) -> None:
    calls: list[int] = []

    def work(event: int) -> Any:
        calls.append(event)
        if calls == [5]:
            raise ValueError
        return {}

    retry = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "JitterStrategy": "FULL"}]
    wall = open_wall({"A": fan(task("work"), MaxConcurrency=1, Retry=retry)}, {"work": work})
    wall.runner.start_up()
    wall.runner.start("m", "run", {"items": [5, 6]})

    result = wall.result()

    assert (result.status, result.output) == ("SUCCEEDED", [{}, {}])
    assert calls[-2:] == [5, 6]


def test_the_results_of_a_map_are_limited_even_where_they_are_dropped(open_wall: Callable[..., Wall]) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    states = {"A": fan(task("big"), ResultPath=None, Catch=catch), "B": {"Type": "Succeed"}}
    wall = open_wall(states, {"big": lambda event: "x" * 100_000})
    wall.runner.start_up()
    wall.runner.start("m", "run", {"items": [1, 2, 3]})

    result = wall.result()

    # States.ALL does not catch it, on Step Functions neither.
    assert (result.status, result.error) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.parametrize(("error", "at"), [(ValueError("x"), "B"), (StateFailed("States.Timeout"), "C")])
def test_a_time_out_is_no_task_failed(open_wall: Callable[..., Wall], error: Exception, at: str) -> None:
    def work(event: Any) -> Any:
        raise error

    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}, {"ErrorEquals": ["States.Timeout"], "Next": "C"}]
    states = {
        "A": task("work", Catch=catch),
        "B": {"Type": "Pass", "Result": {"at": "B"}, "End": True},
        "C": {"Type": "Pass", "Result": {"at": "C"}, "End": True},
    }
    wall = open_wall(states, {"work": work})
    wall.runner.start_up()
    wall.runner.start("m", "run", {})

    result = wall.result()

    assert result.output == {"at": at}


def test_more_executions_than_may_run_at_once_wait_their_turn(tmp_path: Path) -> None:
    lock, here, most = threading.Lock(), 0, 0

    def work(name: str, event: Any, timeout_s: float) -> Any:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        time.sleep(0.02)
        with lock:
            here -= 1
        return {}

    machines = {"m": machine({"A": task("work")})}
    runner = Runner(tmp_path / "runs.db", machines, invoke=work, read_file=lambda key: b"[]", most_at_once=3)
    runner.start_up()
    for number in range(12):
        runner.start("m", f"run_{number}", {})

    def ended(number: int) -> bool:
        execution = runner.describe("m", f"run_{number}")
        return execution is not None and execution.status == "SUCCEEDED"

    until(lambda: all(ended(number) for number in range(12)), "some run goes on")
    runner.close()

    assert 1 < most <= 3


def test_executions_that_only_wait_hold_no_place_and_no_thread(tmp_path: Path) -> None:
    machines = {
        "sleeper": machine({"A": {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "B"}, "B": {"Type": "Succeed"}}),
        "m": machine({"A": task("work")}),
    }
    runner = Runner(
        tmp_path / "runs.db", machines, invoke=lambda *_: {}, read_file=lambda key: b"[]", most_at_once=2
    )

    def status(name: str, run_id: str) -> str | None:
        execution = runner.describe(name, run_id)
        return execution.status if execution else None

    runner.start_up()
    for number in range(40):
        runner.start("sleeper", f"long_{number}", {"seconds": 3600})
    runner.start("sleeper", "short", {"seconds": 2})
    runner.start("m", "work", {})

    until(lambda: status("m", "work") == "SUCCEEDED", "the work waits behind those that wait")
    until(lambda: status("sleeper", "short") == "SUCCEEDED", "a wait never ends")
    runner.stop("sleeper", "long_0")
    threads = len(runner._threads)
    states = [status("sleeper", f"long_{n}") for n in range(40)]
    runner.close()

    assert threads == 0
    assert states == ["ABORTED"] + ["RUNNING"] * 39


def test_a_state_that_a_new_version_no_longer_has_fails_the_execution(open_wall: Callable[..., Wall]) -> None:
    wall = open_wall({"A": {"Type": "Wait", "Seconds": 30, "Next": "B"}, "B": {"Type": "Succeed"}})
    wall.runner.start("m", "run", {})
    wall.machines["m"] = machine({"C": {"Type": "Succeed"}})

    wall.runner.start_up()
    result = wall.result()

    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert "'A'" in str(result.cause)
