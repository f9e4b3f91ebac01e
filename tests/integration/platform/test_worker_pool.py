"""The warm worker pool and the in-process sockets: whatever a handler does, the pool goes on."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge.platform.embedded.asl_interpreter import StateFailed
from dataforge.platform.embedded.publisher import InProcessPublisher
from dataforge.platform.embedded.worker_pool import WorkerPool
from tests.support import state_server
from tests.support.waiting import alive, until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "calls").touch()
    return tmp_path


@pytest.fixture
def pool(folder: Path) -> Iterator[WorkerPool]:
    pool = WorkerPool(state_server.command(folder, "worker"), 1)
    yield pool
    pool.close()


def test_a_worker_stays_warm(pool: WorkerPool) -> None:
    event = {"text": "ä" * 200_000, "list": [1, 2.5, None, True]}

    first, second = pool.invoke("echo", event, 60), pool.invoke("echo", {}, 60)

    assert first["event"] == event
    assert first["pid"] == second["pid"] != os.getpid()


def test_prints_and_grandchildren_do_not_disturb_the_channel(pool: WorkerPool) -> None:
    answers = [pool.invoke("chat", {}, 60) for _ in range(3)]

    assert answers == [{"read": ""}] * 3


def test_an_exception_is_reported_as_by_lambda_and_without_secrets(pool: WorkerPool) -> None:
    with pytest.raises(StateFailed) as failure:
        pool.invoke("fail", {}, 60)

    cause = json.loads(failure.value.cause)
    assert failure.value.error == cause["errorType"] == "LookupError"
    assert cause["errorMessage"] == "no such chunk, key [redacted]"
    assert "in fail" in cause["stackTrace"][-1]


def test_an_answer_that_is_no_json_is_an_error(pool: WorkerPool) -> None:
    with pytest.raises(StateFailed) as failure:
        pool.invoke("unserialisable", {}, 60)

    assert failure.value.error == "Runtime.MarshalError"


def test_a_handler_knows_how_much_time_is_left(pool: WorkerPool) -> None:
    answer = pool.invoke("remaining", {}, 60)

    assert 0 < int(str(answer["ms"])) <= 60_000


@pytest.mark.parametrize(
    ("handler", "event", "said"),
    [("exit", {"code": 3}, "exit code 3"), ("kill", {}, "signal 9 (SIGKILL)")],
)
def test_a_dead_worker_fails_its_task_and_is_replaced(
    pool: WorkerPool, handler: str, event: dict[str, object], said: str
) -> None:
    before = pool.invoke("echo", {}, 60)["pid"]

    with pytest.raises(StateFailed) as failure:
        pool.invoke(handler, event, 60)

    assert failure.value.error == "Runtime.ExitError"
    assert said in json.loads(failure.value.cause)["errorMessage"]
    assert pool.invoke("echo", {}, 60)["pid"] != before


def test_a_hanging_worker_times_out_and_is_killed(pool: WorkerPool) -> None:
    before = int(str(pool.invoke("echo", {}, 60)["pid"]))

    with pytest.raises(StateFailed) as failure:
        pool.invoke("sleep", {"seconds": 600}, 0.2)

    assert failure.value.error == "States.Timeout"
    assert pool.invoke("echo", {}, 60)["pid"] != before
    assert not alive(before)


def test_a_worker_that_dies_while_idle_costs_nobody_anything(pool: WorkerPool) -> None:
    before = int(str(pool.invoke("echo", {}, 60)["pid"]))

    os.kill(before, signal.SIGKILL)
    until(lambda: not alive(before), "the worker lives on")

    assert pool.invoke("echo", {}, 60)["pid"] != before


def test_first_come_first_served_and_queueing_is_no_time_out(pool: WorkerPool, folder: Path) -> None:
    pool.invoke("echo", {}, 60)
    outcomes: queue.SimpleQueue[object] = queue.SimpleQueue()

    def ask(name: str) -> None:
        try:
            outcomes.put(pool.invoke("sleep", {"seconds": 0.3, "name": name}, 0.8))
        except StateFailed as failure:
            outcomes.put(failure)

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcde"]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    for thread in threads:
        thread.join()

    # Five times 0.3 s one after another is more than 0.8 s, but each task had its worker for 0.3 s only.
    assert [outcomes.get() for _ in threads] == [{"slept": 0.3}] * 5
    assert (folder / "calls").read_text().split("\n")[:-1] == [f"sleep {name}" for name in "abcde"]


def test_close_reaps_every_worker_and_fails_what_is_in_flight(folder: Path) -> None:
    pool = WorkerPool(state_server.command(folder, "worker"), 2)
    pids = {int(str(pool.invoke("echo", {}, 60)["pid"])) for _ in range(2)} | set(pool.pids())
    failures: list[StateFailed] = []

    def ask() -> None:
        with pytest.raises(StateFailed) as failure:
            pool.invoke("sleep", {"seconds": 600}, 600)
        failures.append(failure.value)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: (folder / "calls").read_text().count("sleep") == 2, "nobody sleeps")
    pool.close()
    for thread in threads:
        thread.join()

    assert not any(alive(pid) for pid in pids)
    assert [failure.error for failure in failures] == ["Runtime.ExitError"] * 4
    with pytest.raises(StateFailed, match="closed"):
        pool.invoke("echo", {}, 60)


@pytest.mark.parametrize("command", [["/does/not/exist"], [sys.executable, "-c", "raise SystemExit(7)"]])
def test_a_command_that_cannot_serve_fails_the_task(command: list[str]) -> None:
    pool = WorkerPool(command, 1)

    with pytest.raises(StateFailed) as failure:
        pool.invoke("echo", {}, 60)

    pool.close()
    assert failure.value.error == "Runtime.ExitError"
    assert "did not start" in failure.value.cause


@pytest.mark.parametrize("handler", ["sleep", "hog"])
def test_workers_die_with_a_parent_that_is_killed(folder: Path, handler: str) -> None:
    event = {"seconds": 600}
    program = f"""
import json, pathlib, threading
from tests.support import state_server
from dataforge.platform.embedded.worker_pool import WorkerPool
folder = pathlib.Path({str(folder)!r})
pool = WorkerPool(state_server.command(folder, "worker"), 2)
for _ in range(2):
    threading.Thread(target=pool.invoke, args=({handler!r}, {event!r}, 600)).start()
while not len(state_server.Path(folder, "calls").read_text().split("\\n")) == 3: pass
(folder / "pids").write_text(json.dumps(pool.pids()))
threading.Event().wait()
"""
    parent = subprocess.Popen([sys.executable, "-c", program])
    until((folder / "pids").exists, "the pool did not start")
    pids = json.loads((folder / "pids").read_text())
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)

    parent.kill()
    parent.wait()

    until(lambda: not any(alive(pid) for pid in pids), "orphans", seconds=10)


def test_the_end_of_stdin_alone_ends_a_worker_in_the_middle_of_a_handler(folder: Path) -> None:
    worker = subprocess.Popen(
        state_server.command(folder, "worker"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write(b'{"handler": "sleep", "event": {"seconds": 600}, "timeout_s": 600}\n')
    worker.stdin.flush()
    until(lambda: "sleep" in (folder / "calls").read_text(), "the handler does not run")

    worker.stdin.close()
    code = worker.wait(10)

    worker.stdout.close()
    assert code == -signal.SIGKILL


def test_a_subscriber_receives_its_topic_in_order() -> None:
    sockets = InProcessPublisher()

    with sockets.subscribe("run_1") as mine, sockets.subscribe("run_2") as other:
        sockets.publish("run_1", {"n": 1})
        sockets.publish("run_1", {"n": 2})
        sockets.publish("nobody", {"n": 3})
        heard = [mine.get(1), mine.get(1)]
        with pytest.raises(queue.Empty):
            other.get(0)

    assert heard == [{"n": 1}, {"n": 2}]
    assert list(mine) == []


def test_a_subscriber_that_does_not_keep_up_is_dropped_and_the_others_are_not() -> None:
    sockets = InProcessPublisher()
    slow, fast = sockets.subscribe("run", size=2), sockets.subscribe("run")

    for number in range(4):
        sockets.publish("run", {"n": number})

    assert slow.dropped
    assert [message["n"] for message in slow] == [0, 1]
    fast.close()
    assert [message["n"] for message in fast] == [0, 1, 2, 3]
    assert not fast.dropped


def test_publishing_from_many_threads_loses_nothing() -> None:
    sockets = InProcessPublisher()
    subscription = sockets.subscribe("run", size=1000)
    publishers = [
        threading.Thread(target=lambda: [sockets.publish("run", {"n": number}) for number in range(100)])
        for _ in range(8)
    ]

    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()
    subscription.close()

    assert len(list(subscription)) == 800
