"""A server that is asked to stop closes everything and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def heard() -> Iterator[None]:
    """A shell starts what runs in the background with SIGINT ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(("answer", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stopped_server_leaves_no_sign_that_it_runs(tmp_path: Path, answer: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "dataforge_infra.local", "--home", str(tmp_path), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["event"] == "ready"

        server.send_signal(answer)
        _, log = server.communicate(timeout=30)

    assert server.returncode == code
    assert not (tmp_path / "server.json").exists()
    assert "Traceback" not in log


def test_a_server_whose_command_was_killed_ends_when_it_has_nothing_to_do(tmp_path: Path) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "dataforge_infra.local",
            "--home",
            str(tmp_path),
            "--port",
            "0",
            "--stop-when",
            "unused",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["stop_when"] == "unused"

        _, log = server.communicate(timeout=60)

    assert server.returncode == 0
    assert not (tmp_path / "server.json").exists()
    assert "Traceback" not in log
