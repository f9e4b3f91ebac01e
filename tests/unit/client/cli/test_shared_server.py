"""Several commands on one data folder: one server for all of them, stopped by the last."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from dataforge_client.cli import execute, local_server, server_users
from tests.support.cli_process import Spawn, free_port, gone, read_until
from tests.support.waiting import until


def starts(home: Path) -> int:
    return len((home / "started").read_text())


def held(home: Path, stage: str) -> None:
    home.mkdir(exist_ok=True)
    (home / "fake.json").write_text(json.dumps({"hold": stage}))


def test_two_commands_at_once_start_one_server_and_both_finish(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path
) -> None:
    commands = [
        spawn("run", str(docs), "--home", str(machine), "--out", str(tmp_path / f"{n}.jsonl")) for n in range(3)
    ]

    said = [command.communicate(timeout=60)[1] for command in commands]

    assert [command.returncode for command in commands] == [0, 0, 0], said
    assert [len((tmp_path / f"{n}.jsonl").read_text().splitlines()) for n in range(3)] == [6, 6, 6]
    announced = sum("Starting a local server" in text for text in said)
    assert announced == starts(machine), "it is said by the command that starts one, and by no other"
    assert not (machine / "server.json").exists()


def test_the_command_that_started_the_server_leaves_it_to_the_others(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path
) -> None:
    held(machine, "generating")
    first = spawn("run", str(docs), "--home", str(machine), "--out", str(tmp_path / "1.jsonl"))
    read_until(first, "generate")
    second = spawn("run", str(docs), "--home", str(machine), "--out", str(tmp_path / "2.jsonl"))
    read_until(second, "generate")

    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 130
    alive = (machine / "server.json").exists()
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 130

    assert alive, "the second command still used it"
    assert starts(machine) == 1
    assert (machine / "stopped").exists(), "the last one stops it, though it did not start it"


def test_a_second_ctrl_c_kills_no_server_that_another_command_uses(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path
) -> None:
    held(machine, "generating")
    first = spawn("run", str(docs), "--home", str(machine), "--out", str(tmp_path / "1.jsonl"))
    read_until(first, "generate")
    with server_users.start_lock(machine):
        users = server_users.register(machine)
        first.send_signal(signal.SIGINT)
        read_until(first, "Resume with")
        first.send_signal(signal.SIGINT)
        assert first.wait(30) == 130
        users.close()

    assert not gone_at_once(int((machine / "pid").read_text()))
    assert execute(["down", "--home", str(machine)]) == 0


def test_the_files_that_count_users_are_for_their_owner(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with server_users.start_lock(tmp_path):
            server_users.register(tmp_path).close()
    finally:
        os.umask(before)

    assert {p.name: oct(p.stat().st_mode & 0o777) for p in tmp_path.iterdir()} == {
        "server.start": "0o600",
        "server.users": "0o600",
    }


def gone_at_once(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_command_waits_while_another_starts_the_server_and_says_so(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_users, "TOLD_AFTER", 0.05)
    told = list[str]()
    done = threading.Event()

    def use() -> None:
        with local_server.running_server(machine, on_wait=lambda: told.append("waiting")):
            done.set()

    with server_users.start_lock(machine):
        other = threading.Thread(target=use)
        other.start()
        until(lambda: told, "nothing was said")
        assert not done.is_set()
    other.join(60)

    assert (done.is_set(), told[0]) == (True, "waiting")


def test_down_stops_a_server_that_up_started(spawn: Spawn, machine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    up = spawn("up", "--home", str(machine), "--port", str(free_port()))
    read_until(up, "is running at")

    code = execute(["down", "--home", str(machine)])
    again = execute(["down", "--home", str(machine)])

    assert up.wait(30) == 0
    assert (code, again) == (0, 0)
    said = capfd.readouterr().err
    assert "Stopped." in said
    assert f"No server is running on {machine}." in said


def test_down_leaves_a_server_that_a_command_uses(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    held(machine, "generating")
    run = spawn("run", str(docs), "--home", str(machine), "--out", str(tmp_path / "1.jsonl"))
    read_until(run, "generate")

    refused = execute(["down", "--home", str(machine)])
    server = int((machine / "pid").read_text())
    forced = execute(["down", "--home", str(machine), "--force"])

    assert (refused, forced) == (1, 0)
    assert "another command is using the server" in capfd.readouterr().err
    assert gone(server)


def test_a_server_that_cannot_start_says_why_first(
    machine: Path, docs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    machine.mkdir()
    (machine / "fake.json").write_text('{"broken": true}')

    code = execute(["run", str(docs), "--home", str(machine)])

    assert code == 1
    assert "Error: The local server did not start: another server holds the folder\n" in capfd.readouterr().err
