"""What is really uploaded: packages installed by uv for Lambda, and for this machine to import every handler from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from dataforge_infra import catalog
from tests.support.paths import ROOT

LARGEST = 250 * 2**20
pytestmark = pytest.mark.slow


def synthesise(folder, *arguments):
    """As a person would, in a process of its own with no node on its path; returns what it printed and the folder."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("JSII_")}
    done = subprocess.run(
        [sys.executable, "-m", "dataforge_infra.app", "--output", str(folder), *arguments],
        cwd=ROOT,
        env={**environment, "PATH": "/nowhere"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done, folder


@pytest.fixture(scope="module")
def for_lambda(tmp_path_factory):
    return synthesise(tmp_path_factory.mktemp("lambda"), "-c", "stage=prod")


@pytest.fixture(scope="module")
def for_host(tmp_path_factory):
    return synthesise(tmp_path_factory.mktemp("host"), "-c", "layers=host")


def test_synthesis_says_how_large_each_function_is_and_warns_of_nothing(for_lambda):
    done, _ = for_lambda
    sizes = dict(re.findall(r"^dataforge-prod-(\w+): ([\d.]+) MB unzipped", done.stdout, re.MULTILINE))
    noise = [line for line in done.stderr.splitlines() if not line.startswith("Bundling asset")]

    assert set(sizes) == set(catalog.FUNCTIONS)
    assert all(5 < float(size) < LARGEST / 2**20 for size in sizes.values())
    assert noise == []


def test_every_function_fits_lambdas_limit_unzipped(for_lambda):
    _, folder = for_lambda

    for name in catalog.FUNCTIONS:
        files = [file for path in _paths(folder, name) for file in path.rglob("*") if file.is_file()]
        assert sum(file.stat().st_size for file in files) < LARGEST, name


def test_compiled_packages_are_for_the_processor_and_python_of_lambda(for_lambda):
    _, folder = for_lambda
    libraries = [file for path in _paths(folder, "parse_document") for file in path.rglob("*.so*")]

    assert len(libraries) > 20
    for library in libraries:
        # ELF header, bytes 18-19: the machine; 0xB7 is AArch64.
        assert library.read_bytes()[18:20] == b"\xb7\x00", library.name
    assert not [file.name for file in libraries if re.search(r"cpython-(?!313)\d+", file.name)]


def test_the_archive_of_our_code_holds_what_functions_need_and_no_more(for_lambda):
    _, folder = for_lambda
    code = _paths(folder, "api")[-1]
    top = {path.relative_to(code).as_posix() for path in [*code.glob("*"), *code.glob("dataforge_infra/*")]}

    assert top == {
        "dataforge",
        "dataforge_functions",
        "dataforge_infra",
        "dataforge_infra/__init__.py",
        "dataforge_infra/catalog.py",
        "dataforge_infra/catalog_entries.py",
    }
    assert (code / "dataforge/data/o200k_base.tiktoken.gz").stat().st_size > 1_000_000
    assert not list(code.rglob("__pycache__"))


@pytest.mark.parametrize("name", catalog.FUNCTIONS)
def test_handlers_import_from_the_archives_alone(for_host, name):
    _, folder = for_host
    module, attribute = catalog.FUNCTIONS[name].handler.rsplit(".", 1)
    paths = [str(path) for path in _paths(folder, name)]
    program = f"import sys; sys.path[:0] = {paths}\nimport {module}\nassert callable({module}.{attribute})\n"
    program += "import dataforge; print(dataforge.__file__)"

    # -I -S: neither this folder nor the packages of this environment.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={"AWS_DEFAULT_REGION": "us-east-1"},
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(paths[-1])


def _paths(folder, name):
    """Where a function's packages and code lie unzipped, in the order of its search path: code last."""
    resources = json.loads((folder / "ServiceStack.template.json").read_text())["Resources"]
    functions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Function"]
    [function] = [f for f in functions if f["FunctionName"].endswith(f"-{name}")]
    layers = [resources[layer["Ref"]]["Properties"]["Content"] for layer in function["Layers"]]
    archives = [folder / f"asset.{where['S3Key'].removesuffix('.zip')}" for where in [*layers, function["Code"]]]
    return [*(archive / "python" for archive in archives[:-1]), archives[-1]]
