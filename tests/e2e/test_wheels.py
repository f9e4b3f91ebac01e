"""The two distributions as a user installs them: built, installed into an environment that has nothing else, and used
from a folder that is not the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from uv import find_uv_bin

from dataforge import VERSION
from dataforge_client import __version__
from tests.support.paths import HANDBOOK, ROOT

pytestmark = pytest.mark.slow
FOLDERS = {"dataforge-client": ROOT / "client", "dataforge-server": ROOT}
TOP = {
    "dataforge-client": {"dataforge_client"},
    "dataforge-server": {"dataforge", "dataforge_functions", "dataforge_infra"},
}
DATA = {
    "dataforge_infra/generate.asl.json",
    "dataforge_infra/parse.asl.json",
    "dataforge_infra/erase.asl.json",
    "dataforge_infra/cost/prices.json",
    "dataforge_infra/training_images/dataforge_training/__main__.py",
    "dataforge/teachers/models.json",
    "dataforge/data/o200k_base.tiktoken.gz",
    "dataforge/py.typed",
}


def uv(*words: object) -> None:
    done = subprocess.run([find_uv_bin(), *map(str, words)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Distribution -> its wheel."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in FOLDERS.values():
        uv("build", "--quiet", "--wheel", "--out-dir", folder, source)
    return {name: next(folder.glob(f"{name.replace('-', '_')}-*.whl")) for name in FOLDERS}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        [name] = [entry for entry in archive.namelist() if entry.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


class Environment:
    """A virtual environment with nothing in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        uv("venv", "--quiet", "--python", sys.executable, folder / "venv")

    def install(self, *what: object) -> None:
        uv("pip", "install", "--quiet", "--python", self.folder / "venv/bin/python", *what)

    def run(self, program: str, *words: object) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DATAFORGE_"))}
        return subprocess.run(
            [str(self.folder / "venv/bin" / program), *map(str, words)],
            cwd=self.folder,
            env={**kept, "DATAFORGE_CONFIG": str(self.folder / "no-profiles.toml")},
            check=False,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    return Environment(tmp_path)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_wheel_says_what_it_is_and_holds_its_packages_only(wheels: dict[str, Path], name: str) -> None:
    said = metadata(wheels[name])

    assert (said["Name"], said["Version"], said["License-Expression"]) == (name, VERSION, "Apache-2.0")
    assert all(said[field] for field in ("Summary", "Author", "Keywords", "Requires-Python", "License-File"))
    assert said["Description-Content-Type"] == "text/markdown"
    assert len(said.get_all("Classifier") or []) > 5
    assert {entry.split("/")[0] for entry in files(wheels[name])} == TOP[name]


def test_both_have_one_version() -> None:
    assert __version__ == VERSION


def test_data_files_are_in_the_wheel(wheels: dict[str, Path]) -> None:
    assert DATA - files(wheels["dataforge-server"]) == set()


def test_the_client_alone_needs_four_packages_and_says_what_it_cannot_do(
    wheels: dict[str, Path], environment: Environment
) -> None:
    environment.install(wheels["dataforge-client"])

    assert environment.run("dataforge", "--version").stdout.strip().endswith(__version__)
    assert environment.run("python", "-c", "import dataforge_client; dataforge_client.DataForge").returncode == 0
    failed = environment.run("dataforge", "run", HANDBOOK, "--home", "home", "--out", "set.jsonl")
    assert failed.returncode == 1
    assert "dataforge-server[machine]" in failed.stderr
    needed = {line.split(">")[0] for line in metadata(wheels["dataforge-client"]).get_all("Requires-Dist") or []}
    assert needed == {"click", "httpx", "rich", "tomlkit"}


def test_with_the_server_a_dataset_is_made_of_documents(wheels: dict[str, Path], environment: Environment) -> None:
    server, client = wheels["dataforge-server"], wheels["dataforge-client"]
    environment.install(f"dataforge-server[machine] @ {server.as_uri()}", client)

    done = environment.run("dataforge", "run", HANDBOOK, "--pairs", 20, "--home", "home", "--out", "set.jsonl")

    assert done.returncode == 0, done.stderr
    assert len((environment.folder / "set.jsonl").read_text("utf-8").splitlines()) == 20


WHERE = "from dataforge.platform.embedded import training_environment; print(training_environment.python_path())"


def test_the_server_brings_the_program_that_trains_and_serves(
    wheels: dict[str, Path], environment: Environment
) -> None:
    """As far as it goes without the training libraries: it is found, started, and says what is wrong."""
    environment.install(wheels["dataforge-server"])
    found = environment.run("python", "-c", WHERE).stdout.strip()
    assert str(environment.folder) in found
    root = environment.folder / "job"
    (root / "input/data/config").mkdir(parents=True)
    (root / "input/data/config/training.json").write_text("{}")
    start = ["-c", "import runpy, sys; sys.path[:0] = sys.argv.pop(1).split(':'); sys.argv[0] = 'dataforge_training'; "
             "runpy.run_module('dataforge_training', run_name='__main__')", found]  # fmt: skip

    trained = environment.run("python", *start, "train", "--root", root)
    served = environment.run("python", *start, "serve", "--model", root)

    assert trained.returncode == 1, trained.stderr
    assert "task" in (root / "output/failure").read_text()
    assert served.returncode != 0
    assert "No module named 'torch'" in served.stderr or "No module named 'transformers'" in served.stderr
