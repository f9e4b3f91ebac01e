"""Real processes: the one-machine server, and a stub model that counts what it is asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataforge import platform
from dataforge.store import projects
from dataforge_infra.local.platform import build
from tests.support import many_pairs
from tests.support.many_pairs import Shape
from tests.support.paths import ROOT


@dataclass
class Process:
    """A child that printed on its first line of output where it listens."""

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
        return self.start("dataforge_infra.local", "--home", str(home), "--port", "0", **env)


def books(stub: Process) -> dict[str, Any]:
    with urllib.request.urlopen(stub.ready["url"].removesuffix("/v1") + "/stats", timeout=10) as reply:
        return json.load(reply)


@contextmanager
def filled(home: Path, org_id: str, user_id: str) -> Iterator[tuple[str, list[str]]]:
    """A project of 3,000 pairs in two runs, written beside the running server."""
    platform.use(build(home, base_url=lambda: "", invoke=lambda *_: {}))
    try:
        project = projects.create(org_id, user_id, name="busy", description="", source_type="documents", config={})
        made = [p for seed in (1, 2) for p in many_pairs.fill(project, Shape(1500, seed=seed, words=20))[1]]
        yield project.project_id, [p.pair_id for p in made]
    finally:
        platform.use(None)
