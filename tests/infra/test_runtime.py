"""The functions run on Python 3.13 on arm64: each package of the layers has a wheel for that in the lock."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from dataforge_infra import code, requirements
from tests.runtime.interpreters import VERSION
from tests.support.paths import ROOT

GLIBC_MINOR = 28
PYTHON = tuple(int(part) for part in VERSION.split("."))
PLATFORMS = [f"manylinux_2_{minor}_aarch64" for minor in range(GLIBC_MINOR, 16, -1)] + ["manylinux2014_aarch64"]
TAGS = {*cpython_tags(PYTHON, platforms=PLATFORMS), *compatible_tags(PYTHON, f"cp{PYTHON[0]}{PYTHON[1]}", PLATFORMS)}
THERE = {"python_version": VERSION, "python_full_version": f"{VERSION}.0", "sys_platform": "linux"}
THERE |= {"platform_machine": "aarch64", "implementation_name": "cpython", "platform_python_implementation": "CPython"}


def wheels() -> dict[str, list[tuple[str, set[Tag], str]]]:
    """`name==version` -> file name, tags and hash of each of its wheels in the lock."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    found = {}
    for package in lock["package"]:
        files = [(wheel["url"].rsplit("/", 1)[1], wheel["hash"]) for wheel in package.get("wheels", [])]
        pin = f"{package['name']}=={package.get('version')}"
        found[pin] = [(name, set(parse_wheel_filename(name)[3]), digest) for name, digest in files]
    return found


def missing(layer: str) -> list[str]:
    """The pins of a layer without a wheel that Lambda could load and whose hash the layer's file has."""
    text = requirements.path(layer).read_text()
    known = wheels()
    lacking = []
    for entry in re.split(r"\n(?![ #])", text[text.index("\n") + 1 :].strip()):
        wanted = Requirement(entry.split(" \\")[0])
        if wanted.marker is None or wanted.marker.evaluate(THERE):
            pin = f"{wanted.name}{wanted.specifier}"
            if not any(tags & TAGS and f"--hash={digest}" in entry for _, tags, digest in known[pin]):
                lacking.append(pin)
    return lacking


@pytest.mark.parametrize("layer", ["core", "parsing"])
def test_each_package_of_the_layers_has_a_wheel_for_the_processor_and_python_of_lambda(layer: str) -> None:
    assert missing(layer) == []


def test_those_are_the_processor_and_python_that_are_deployed_and_the_smoke_suite_runs_on() -> None:
    assert code.RUNTIME.name == f"python{VERSION}"
    assert code.PLATFORMS["lambda"] == [
        *("--python-platform", f"aarch64-manylinux_2_{GLIBC_MINOR}"),
        *("--python-version", VERSION),
    ]


def test_a_package_without_such_a_wheel_would_be_found() -> None:
    only_elsewhere = parse_wheel_filename("lxml-6.1.3-cp313-cp313-manylinux_2_34_aarch64.whl")[3]
    other_processor = parse_wheel_filename("lxml-6.1.3-cp313-cp313-manylinux_2_28_x86_64.whl")[3]
    abi3 = parse_wheel_filename("liteparse-2.18.0-cp310-abi3-manylinux_2_28_aarch64.whl")[3]

    assert not only_elsewhere & TAGS
    assert not other_processor & TAGS
    assert abi3 & TAGS
