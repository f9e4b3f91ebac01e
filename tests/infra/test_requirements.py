"""The layers install what the lock says; whatever else is installed by name is pinned and has hashes too."""

from __future__ import annotations

import re

import pytest

from dataforge_infra import requirements
from tests.support.paths import ROOT


def test_requirement_files_are_what_the_lock_says():
    for layer, text in requirements.exported().items():
        assert requirements.path(layer).read_text() == text, "run: python -m dataforge_infra.requirements"


FILES = [
    *(requirements.path(layer) for layer in ("core", "parsing")),
    *(ROOT / "benchmarks/peers").glob("*.txt"),
    ROOT / "tests/support/emulator.txt",
    ROOT / "uv.txt",
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_requirement_is_pinned_and_hashed(path):
    entries = re.split(r"\n(?![ #])", re.sub(r"\A(#.*\n)+", "", path.read_text()).strip())

    assert entries
    assert all(re.match(r"[\w.-]+==[\w.]+", entry) and "--hash=sha256:" in entry for entry in entries)


def test_make_installs_nothing_without_hashes():
    """`uv sync --frozen` takes those of the lock. For training the build of torch is that of the machine; all else has
    hashes there too, which uv compares."""
    lines = [line.strip() for line in (ROOT / "Makefile").read_text().splitlines()]
    installing = [line for line in lines if " install " in line and not line.startswith("#")]

    assert len(installing) >= 4
    free = [line for line in installing if "--require-hashes" not in line]
    assert [line for line in free if "--python .tools/training/bin/python" not in line] == []
    assert all("--frozen" in line for line in lines if " sync " in line)


def test_the_parsing_layer_repeats_nothing_of_the_core_layer_below_it():
    names = {
        layer: set(re.findall(r"^([\w.-]+)==", requirements.path(layer).read_text(), re.MULTILINE))
        for layer in ("core", "parsing")
    }

    assert {"fastapi", "boto3", "tiktoken"} <= names["core"]
    assert {"liteparse", "lxml"} <= names["parsing"]
    assert not names["core"] & names["parsing"]
