"""A place that no setting of this machine reaches, two documents, and `dataforge run` on them against the fake."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dataforge_client.cli import execute, training_session
from tests.support.cli_process import Spawn, connection_arguments
from tests.support.fake_api import FakeApi
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No server, key or profile of the machine that runs the tests."""
    for name in [n for n in os.environ if n.startswith("DATAFORGE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DATAFORGE_CONFIG", str(tmp_path / "no-profiles.toml"))
    monkeypatch.setenv("DATAFORGE_HOME", str(tmp_path / "default-home"))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")


@pytest.fixture(autouse=True)
def quick_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training of the fake ends at its fourth look, and not after as many seconds."""
    monkeypatch.setattr(training_session, "POLL_SECONDS", 0.01)


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as running:
        yield running


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n25 days.")
    (folder / "travel.txt").write_text("Trains only.")
    return folder


@pytest.fixture
def run(api: FakeApi, docs: Path, tmp_path: Path) -> Callable[..., int]:
    """`dataforge run` on two documents against the fake; the exit code."""

    def go(*options: str, paths: tuple[str, ...] = (str(docs),)) -> int:
        out = [] if "--out" in options else ["--out", str(tmp_path / "set.jsonl")]
        return execute(["run", *paths, *out, *connection_arguments(api), *options])

    return go


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    started = Spawn()
    yield started
    for process in started.processes:
        process.kill()
        process.communicate()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder, and a `python -m dataforge_infra.local` that serves the fake. Where the command runs, another
    package of that name lies about: it must not be taken for the server."""
    package = tmp_path / "site" / "dataforge_infra" / "local"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("from tests.support.fake_api import main\nmain()\n")
    trap = tmp_path / "cwd" / "dataforge_infra" / "local"
    trap.mkdir(parents=True)
    (trap / "__main__.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'site'}:{ROOT}")
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path / "home"
