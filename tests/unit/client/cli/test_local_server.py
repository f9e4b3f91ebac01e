"""The server that the command starts for itself on this machine, finds, and stops."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from dataforge_client.cli import execute
from tests.support.cli_process import Spawn, free_port, gone, read_until
from tests.support.fake_api import KEY, ORGANIZATION


def test_a_run_starts_a_server_and_stops_it_with_sigterm(machine: Path, docs: Path, tmp_path: Path) -> None:
    code = execute(["run", str(docs), "--out", str(tmp_path / "set.jsonl"), "--home", str(machine), "--quiet"])

    assert code == 0
    assert len((tmp_path / "set.jsonl").read_text().splitlines()) == 6
    assert (machine / "stopped").exists()


def test_a_server_that_is_up_is_used_and_left_running(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    up = spawn("up", "--home", str(machine), "--port", str(free_port()))
    assert up.stderr is not None
    welcome = [up.stderr.readline() for _ in range(6)]

    code = execute(["run", str(docs), "--out", str(tmp_path / "set.jsonl"), "--home", str(machine), "--quiet"])
    listed = execute(["projects", "--home", str(machine)])
    up.send_signal(signal.SIGINT)
    up.communicate(timeout=30)

    assert "Data Forge is running at http://127.0.0.1:" in welcome[0]
    assert welcome[1].rstrip().endswith("/docs")
    assert str(machine / "credentials.json") in welcome[3]
    assert (code, listed, up.returncode) == (0, 0, 0)
    assert capfd.readouterr().out.startswith("proj_0001\tdocs\t")
    assert (machine / "started").read_text() == "x"
    assert (machine / "stopped").exists()


def test_a_stale_server_file_is_not_trusted(machine: Path, capfd: pytest.CaptureFixture[str]) -> None:
    machine.mkdir()
    (machine / "credentials.json").write_text(json.dumps({"api_key": KEY}))
    (machine / "server.json").write_text(
        json.dumps(
            {
                "event": "ready",
                "url": "http://127.0.0.1:9",
                "home": str(machine),
                "organization_id": ORGANIZATION,
                "credentials": str(machine / "credentials.json"),
            }
        )
    )

    code = execute(["teachers", "--home", str(machine)])

    assert code == 0
    assert capfd.readouterr().out == "extractive\tExtractive\tbuilt-in\n"


def test_a_server_that_cannot_start_says_why(machine: Path, docs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    machine.mkdir()
    (machine / "fake.json").write_text('{"broken": true}')

    code = execute(["run", str(docs), "--home", str(machine)])

    assert code == 1
    assert "another server holds the folder" in capfd.readouterr().err


def test_ctrl_c_stops_the_local_server_and_a_second_one_kills_it(
    spawn: Spawn, machine: Path, docs: Path, tmp_path: Path
) -> None:
    machine.mkdir()
    (machine / "fake.json").write_text('{"hold": "generating"}')
    arguments = ("run", str(docs), "--home", str(machine), "--out", str(tmp_path / "set.jsonl"))

    first = spawn(*arguments)
    assert first.stderr is not None
    read_until(first, "generate")
    first.send_signal(signal.SIGINT)
    said = first.stderr.read()
    assert first.wait(30) == 130
    assert (machine / "stopped").exists()
    assert not (machine / "got_sigint").exists()
    assert f"--resume gen_0005 --home {machine}" in said

    (machine / "stopped").unlink()
    (machine / "fake.json").write_text('{"hold": "generating", "stubborn": true}')
    second = spawn(*arguments)
    read_until(second, "generate")
    second.send_signal(signal.SIGINT)
    read_until(second, "Resume with")
    server = int((machine / "pid").read_text())
    second.send_signal(signal.SIGINT)

    assert second.wait(10) == 130
    assert not (machine / "stopped").exists()
    assert gone(server)
