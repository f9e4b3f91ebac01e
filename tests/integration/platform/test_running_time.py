"""Only the time in which a server runs counts: not the nights of a laptop, not the days of a server that is down."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dataforge.platform.embedded import patience
from dataforge.platform.embedded.running_time import STOOD_STILL_SECONDS, RunningTime
from dataforge.store import progress, replies
from dataforge_infra.local.server import machine
from tests.support.runner_harness import RunnerHarness, task
from tests.support.shared_workers import make_workers
from tests.support.waiting import until

DAY = 86_400.0
Open = Callable[..., RunnerHarness]


class WallClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.set_by = 0.0

    def __call__(self) -> float:
        return time.time() + self.set_by


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


def held() -> tuple[threading.Event, threading.Event, Callable[[Any], Any]]:
    entered, release = threading.Event(), threading.Event()

    def slow(event: Any) -> Any:
        entered.set()
        return {"late": release.wait(30)}

    return entered, release, slow


def test_days_without_a_server_do_not_count(open_runner: Open, wall: WallClock) -> None:
    entered, release, slow = held()
    harness = open_runner({"A": task("slow")}, {"slow": slow}, timeout=60, now=wall)
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    assert entered.wait(30)
    again = harness.again()

    wall.set_by = 8 * DAY
    release.set()
    again.runner.start_up()

    assert again.result().status == "SUCCEEDED"


def test_a_night_in_which_the_machine_slept_does_not_count(open_runner: Open, wall: WallClock) -> None:
    entered, release, slow = held()
    harness = open_runner({"A": task("slow")}, {"slow": slow}, timeout=60, now=wall)
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    assert entered.wait(30)

    wall.set_by = DAY / 3
    time.sleep(0.2)  # some ticks
    assert harness.now().status == "RUNNING"
    release.set()

    assert harness.result().status == "SUCCEEDED"


def test_running_time_counts_over_all_servers_together(open_runner: Open, wall: WallClock) -> None:
    entered, release, slow = held()
    harness = open_runner({"A": task("slow")}, {"slow": slow}, timeout=2, now=wall)
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    assert entered.wait(30)
    half = time.monotonic() + 1.2
    until(lambda: time.monotonic() > half)
    again = harness.again()
    wall.set_by = DAY

    again.runner.start_up()
    result = again.result()
    release.set()

    assert (result.status, result.error) == ("TIMED_OUT", "States.Timeout")


def test_a_clock_that_is_set_back_makes_no_wait_longer(open_runner: Open, wall: WallClock) -> None:
    wait = {"A": {"Type": "Wait", "Seconds": 2, "Next": "B"}, "B": {"Type": "Succeed"}}
    harness = open_runner(wait, now=wall)
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    time.sleep(0.2)

    wall.set_by = -DAY
    begun = time.monotonic()

    assert harness.result().status == "SUCCEEDED"
    assert time.monotonic() - begun < 20


def test_a_wait_that_ended_while_no_server_ran_is_over(open_runner: Open, wall: WallClock) -> None:
    wait = {"A": {"Type": "Wait", "Seconds": 3600, "Next": "B"}, "B": {"Type": "Succeed"}}
    harness = open_runner(wait, timeout=4000, now=wall)
    harness.runner.start_up()
    harness.runner.start("m", "run", {})
    time.sleep(0.2)
    again = harness.again()

    wall.set_by = DAY
    again.runner.start_up()

    assert again.result().status == "SUCCEEDED"


def reply_of(run_id: str, expires_at: float) -> replies.Reply:
    return replies.Reply(run_id, "000000#00", "paid for", "m", "stop", 1, 1, int(expires_at))


# checklist 185
def test_what_a_run_has_paid_for_does_not_expire_while_no_server_runs(tmp_path: Path) -> None:
    """Rows of a run that goes on are kept from when the server is back; those of others are not."""
    home, now = tmp_path / "home", time.time()
    with machine(home, "http://testserver", make_workers=make_workers):
        for run_id in ("gen_died", "gen_over"):
            replies.keep(reply_of(run_id, now - 10 * DAY))
            progress.put(run_id, "r0b0000", progress.Progress(done=3, teacher_calls=3))
        replies.keep(replace(reply_of("gen_died", now + 25 * DAY), slot="000001#00"))
    with closing(sqlite3.connect(home / "workflows.db")) as db, db:  # as a server leaves it that was killed days ago
        db.execute(
            "INSERT INTO workflow_executions (id, machine, run_id, status, deadline) "
            "VALUES (1, 'generate', 'gen_died-recovery', 'TIMED_OUT', 0)"
        )
        db.execute("INSERT INTO workflow_unreported VALUES (1, '{}')")
        db.execute("INSERT OR REPLACE INTO workflow_clock VALUES (1, ?)", (now - 20 * DAY,))

    with machine(home, "http://testserver", make_workers=make_workers):
        kept, newest = (replies.get("gen_died", f"00000{n}#00") for n in (0, 1))
        over = replies.get("gen_over", "000000#00")

    assert kept is not None
    assert kept.expires_at == pytest.approx(now + 10 * DAY, abs=60), "the days away do not count"
    assert newest is not None
    assert newest.expires_at == pytest.approx(now + 30 * DAY, abs=60), "nor is anything kept for longer than new rows"
    assert over is not None
    assert over.expires_at == int(now - 10 * DAY)


def test_an_execution_of_a_release_that_did_not_note_the_time_has_all_of_it(open_runner: Open) -> None:
    harness = open_runner({"A": task("note")}, {"note": lambda event: {}})
    harness.runner.start("m", "run", {})
    with sqlite3.connect(harness.path) as db:
        db.execute("UPDATE workflow_executions SET deadline = 1.0")
        db.execute("DROP TABLE workflow_clock")
    db.close()
    again = harness.again()

    again.runner.start_up()

    assert again.result().status == "SUCCEEDED"


def test_a_process_that_stood_still_has_lost_that_time_whatever_its_clocks_say() -> None:
    now, ran = 1000.0, 50.0
    told = RunningTime(lambda: now, lambda: ran)
    now, ran = 1000.1, 50.1
    assert told.look()[0] == 0.0

    now, ran = 1000.1 + 7200, 50.1 + 7200  # SIGSTOP: both clocks went on
    assert told.look()[0] == pytest.approx(7200)
    now, ran = now + STOOD_STILL_SECONDS / 2, ran + STOOD_STILL_SECONDS / 2  # a busy moment
    assert told.look()[0] == 0.0
    now, ran = now - 3600, ran + 0.1
    assert told.look()[0] == pytest.approx(-3600, abs=1)


def test_who_must_know_of_a_broken_execution_is_told_until_it_has_heard(open_runner: Open) -> None:
    def broken(event: Any) -> Any:
        raise LookupError("no such chunk")

    heard = list[Any]()
    harness = open_runner({"A": task("broken")}, {"broken": broken})
    harness.runner.on_broken(lambda data: heard.append(data) or (_ for _ in ()).throw(OSError("not now")))
    harness.runner.start_up()
    harness.runner.start("m", "run", {"run_id": "gen_1"})
    assert harness.result().status == "FAILED"
    until(lambda: heard, "nobody was told")
    again = harness.again()

    again.runner.on_broken(heard.append)
    again.runner.start_up()

    until(lambda: len(heard) == 2, "it is told again after a restart")
    assert heard == [{"run_id": "gen_1"}] * 2
    until(lambda: not again.runner._store.unreported())


def test_one_broken_execution_that_cannot_be_told_keeps_no_other_waiting(open_runner: Open) -> None:
    def broken(event: Any) -> Any:
        raise LookupError("no such chunk")

    def hear(data: Any) -> None:
        if data["run_id"] == "gen_1":
            raise OSError("never")
        heard.append(data)

    heard = list[Any]()
    harness = open_runner({"A": task("broken")}, {"broken": broken})
    for number in ("gen_1", "gen_2"):
        harness.runner.start("m", number, {"run_id": number})

    harness.runner.on_broken(hear)
    harness.runner.start_up()

    until(lambda: heard == [{"run_id": "gen_2"}], "the second waits for the first")
    until(lambda: [data for _, data in harness.runner._store.unreported()] == [{"run_id": "gen_1"}])


def test_executions_stand_still_while_the_disk_is_full_and_go_on_by_themselves(
    open_runner: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(patience, "REFUSED_SECONDS", 0.02)
    calls = list[Any]()
    note = {"note": lambda event: calls.append(event) or {"x": "y" * 60_000}}
    harness = open_runner({"A": task("note", Next="B"), "B": task("note")}, note)
    store = harness.runner._store
    harness.runner.start("m", "run", {})
    pages = store._read("PRAGMA page_count")[0][0]
    store._read(f"PRAGMA max_page_count = {pages}")
    filler(store)

    harness.runner.start_up()
    until(harness.runner.refusal, "the runner does not notice it")
    time.sleep(0.2)
    asked = len(calls)
    store._read("PRAGMA max_page_count = 100000")
    result = harness.result()

    assert asked <= 1, "nothing is begun while the end of what was done cannot be stored"
    assert result.status == "SUCCEEDED"
    assert len(calls) == 2
    assert harness.runner.refusal() is None


def filler(store: Any) -> None:
    """Uses up the free pages of the file."""
    size = 40_000
    while size > 200:
        try:
            with store._write() as db:
                db.execute("CREATE TABLE IF NOT EXISTS filler (data TEXT)")
                db.execute("INSERT INTO filler VALUES (?)", ("z" * size,))
        except sqlite3.OperationalError:
            size //= 2
