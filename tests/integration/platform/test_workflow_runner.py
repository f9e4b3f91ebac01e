"""What only the embedded runner promises: a killed server goes on where it stood, stops, waits, places."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dataforge.platform.embedded.execution_store import ExecutionStore
from dataforge.platform.embedded.workflow_runner import Runner
from tests.support import state_server
from tests.support.runner_harness import RunnerHarness, kill, machine, task
from tests.support.waiting import alive, until


# checklist 18, 35
def test_a_killed_server_goes_on_where_it_stood_and_leaves_no_orphans(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    book = ExecutionStore(tmp_path / "runs.db", state_server.MACHINES)
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


def test_only_one_process_may_run_a_file(open_runner: Callable[..., RunnerHarness]) -> None:
    harness = open_runner({"A": {"Type": "Succeed"}})
    harness.runner.start_up()
    second = open_runner({"A": {"Type": "Succeed"}})

    with pytest.raises(RuntimeError, match="Another server"):
        second.runner.start_up()


def test_retries_are_counted_across_a_restart(open_runner: Callable[..., RunnerHarness]) -> None:
    calls: list[float] = []

    def fail(event: Any) -> Any:
        calls.append(time.time())
        raise OSError("no")

    retry = [{"ErrorEquals": ["OSError"], "IntervalSeconds": 1, "BackoffRate": 1.0, "MaxAttempts": 2}]
    harness = open_runner({"A": task("fail", Retry=retry)}, {"fail": fail})
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    until(lambda: len(calls) == 1, "no first try")
    time.sleep(0.1)

    harness = harness.again()
    harness.runner.start_up()
    result = harness.result()
    harness.runner.close()

    assert (result.status, result.error) == ("FAILED", "OSError")
    assert len(calls) == 3
    # The wait between the tries is kept too, not begun anew and not skipped.
    assert all(later - earlier >= 0.99 for earlier, later in pairwise(calls))


def test_a_wait_goes_on_across_a_restart(open_runner: Callable[..., RunnerHarness]) -> None:
    begun = time.time()
    harness = open_runner({"A": {"Type": "Wait", "Seconds": 1, "Next": "B"}, "B": {"Type": "Succeed"}})
    harness.runner.start_up()
    harness.runner.start("m", "run", {"x": 1})
    time.sleep(0.2)

    harness = harness.again()
    harness.runner.start_up()
    result = harness.result()
    harness.runner.close()

    assert result.output == {"x": 1}
    assert time.time() - begun >= 0.99


def test_a_stop_is_seen_at_once_and_the_late_answer_is_dropped(open_runner: Callable[..., RunnerHarness]) -> None:
    entered, release = threading.Event(), threading.Event()
    later: list[Any] = []

    def slow(event: Any) -> Any:
        entered.set()
        return {"late": release.wait(30)}

    harness = open_runner({"A": task("slow", Next="B"), "B": task("later")}, {"slow": slow, "later": later.append})
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    assert entered.wait(30)

    harness.runner.stop("m", "run", cause="asked to")
    stopped = harness.now()
    release.set()
    time.sleep(0.2)

    assert (stopped.status, stopped.cause) == ("ABORTED", "asked to")
    assert harness.now() == stopped
    assert later == []


def test_closing_leaves_what_is_in_flight_for_the_next_start(open_runner: Callable[..., RunnerHarness]) -> None:
    entered, release = threading.Event(), threading.Event()
    calls: list[Any] = []

    def slow(event: Any) -> Any:
        calls.append(event)
        entered.set()
        release.wait(30)
        if len(calls) == 1:
            raise ConnectionError("the pool was closed under it")
        return {"done": True}

    harness = open_runner({"A": task("slow")}, {"slow": slow})
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    assert entered.wait(30)

    harness = harness.again()
    release.set()
    harness.runner.start_up()
    result = harness.result()
    harness.runner.close()

    assert (result.status, result.output) == ("SUCCEEDED", {"done": True})
    assert len(calls) == 2


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
    runner = Runner(tmp_path / "runs.db", machines, invoke=lambda *_: {}, read_file=lambda key: b"[]", most_at_once=2)

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


def test_a_state_that_a_new_version_no_longer_has_fails_the_execution(
    open_runner: Callable[..., RunnerHarness],
) -> None:
    harness = open_runner({"A": {"Type": "Wait", "Seconds": 30, "Next": "B"}, "B": {"Type": "Succeed"}})
    harness.runner.start("m", "run", {})
    harness.machines["m"] = machine({"C": {"Type": "Succeed"}})

    harness.runner.start_up()
    result = harness.result()

    assert (result.status, result.error) == ("FAILED", "States.Runtime")
    assert "'A'" in str(result.cause)
