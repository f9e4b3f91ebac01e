"""Real processes: the one-machine server, the command, a stub model that keeps the books."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dataforge_client import DataForge
from tests.support.corpus import DOCUMENTS, present
from tests.support.paths import ROOT


@dataclass
class Process:
    """A child that told on its first line of output where it listens."""

    child: subprocess.Popen[str]
    ready: dict[str, Any]

    def kill(self) -> None:
        self.child.send_signal(signal.SIGKILL)
        self.child.wait(10)

    def stop(self) -> None:
        self.child.terminate()
        self.child.wait(20)


@dataclass
class Machine:
    """Starts servers over data folders and stops whatever is left at the end."""

    env: dict[str, str] = field(default_factory=dict)
    running: list[Process] = field(default_factory=list)

    def start(self, *module: str, **env: str) -> Process:
        child = subprocess.Popen(
            [sys.executable, "-m", *module],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "DATAFORGE_LOG_LEVEL": "ERROR", **self.env, **env},
        )
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line, f"{module} did not start: {child.wait(10)}"
        process = Process(child, json.loads(line))
        self.running.append(process)
        return process

    def stub(self, latency: float) -> Process:
        return self.start("benchmarks.stub", "--latency", str(latency))

    def server(self, home: Path, **env: str) -> Process:
        return self.start("infra.local", "--home", str(home), "--port", "0", **env)


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    for process in made.running:
        if process.child.poll() is None:
            process.kill()
        assert process.child.stdout is not None
        process.child.stdout.close()


@pytest.fixture
def connect() -> Iterator[Callable[[Process], DataForge]]:
    opened: list[DataForge] = []

    def to(server: Process) -> DataForge:
        key = json.loads(Path(server.ready["credentials"]).read_text())["api_key"]
        opened.append(DataForge(server.ready["url"], api_key=key, organization_id=server.ready["organization_id"]))
        return opened[-1]

    yield to
    for client in opened:
        client.close()


def books(stub: Process) -> dict[str, Any]:
    with urllib.request.urlopen(stub.ready["url"].removesuffix("/v1") + "/stats", timeout=10) as reply:
        return json.load(reply)


@pytest.fixture
def corpus() -> Path:
    """The folder of real documents."""
    return present(DOCUMENTS)
