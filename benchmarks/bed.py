"""The whole product beside a stub model, for the benchmarks of the run engine."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataforge_client import DataForge

SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u", "ai", "or", "en")]


@contextmanager
def process(command: list[str], env: dict[str, str] | None = None) -> Iterator[dict[str, str]]:
    """A child that prints one JSON line when it is ready; stopped at the end."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})})
    assert child.stdout is not None
    try:
        yield json.loads(child.stdout.readline())
    finally:
        _stop(child)


def passages(count: int, words: int = 200) -> list[str]:
    """Made-up words; no two passages give the same pair."""
    rng = random.Random(count)
    made = []
    for _ in range(count):
        text = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(words)]
        made.append(" ".join(" ".join(text[i : i + 12]).capitalize() + "." for i in range(0, words, 12)))
    return made


def write_document(path: Path, count: int) -> None:
    """One section per passage: each becomes one chunk."""
    path.write_text("\n\n".join(f"# Rule {n}\n\n{text}" for n, text in enumerate(passages(count))), "utf-8")


def _stop(child: subprocess.Popen[str]) -> None:
    child.terminate()
    child.wait(30)
    if child.stdout:
        child.stdout.close()


@dataclass
class Bed:
    """A stub, a data folder, and the servers that are started on it."""

    stack: ExitStack
    folder: Path
    stub: dict[str, str]
    settings: dict[str, str]
    server: subprocess.Popen[str] | None = None

    def serve(self) -> DataForge:
        command = [sys.executable, "-m", "dataforge_infra.local", "--home", str(self.folder / "home"), "--port", "0"]
        environment = {**os.environ, "OPENAI_BASE_URL": self.stub["url"], **self.settings}
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        self.stack.callback(_stop, self.server)
        assert self.server.stdout is not None
        ready = json.loads(self.server.stdout.readline())
        key = json.loads(Path(ready["credentials"]).read_text())["api_key"]
        return self.stack.enter_context(DataForge(ready["url"], api_key=key, organization_id=ready["organization_id"]))

    def statistics(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.stub["url"].removesuffix("/v1") + "/stats", timeout=10) as reply:
            return json.load(reply)  # type: ignore[no-any-return]


@contextmanager
def bed(*stub: str, latency: float, concurrency: int, **settings: str) -> Iterator[Bed]:
    """stub: further flags of the stub; settings: of the server."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        flags = [sys.executable, "-m", "benchmarks.stub", "--latency", str(latency), *stub]
        served = {"DATAFORGE_CONCURRENCY": str(concurrency), "DATAFORGE_LOG_LEVEL": "ERROR", **settings}
        yield Bed(stack, folder, stack.enter_context(process(flags)), served)


def project_of(api: DataForge, folder: Path, calls: int, name: str = "rules") -> str:
    document = folder / f"{name}.md"
    write_document(document, calls)
    project = api.create_project(name).project_id
    api.upload_file(project, document)
    api.wait(api.parse(project).generation_id)
    return project


def cpu_seconds(pids: list[int]) -> float:
    """User and system, with the children that ended: documents are parsed in one each."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += sum(int(fields[n]) for n in (11, 12, 13, 14))
    return ticks / os.sysconf("SC_CLK_TCK")
