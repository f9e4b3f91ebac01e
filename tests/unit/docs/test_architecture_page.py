"""docs/architecture.md names functions in their order; each of them exists."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from tests.support.paths import DOCS, ROOT

PAGE = (DOCS / "architecture.md").read_text("utf-8")
WALKS = [section for section in PAGE.split("\n## ") if section.startswith("Walk ")]


def names_in(text: str) -> list[str]:
    return list(dict.fromkeys(re.findall(r"`((?:dataforge|functions)(?:\.\w+)+)`", text)))


def resolve(name: str) -> object:
    """The module, function or class of a dotted name. Raises ModuleNotFoundError, AttributeError."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        module = ".".join(parts[:cut])
        try:
            found: object = import_module(module)
        except ModuleNotFoundError as missing:
            if missing.name is None or not (module == missing.name or module.startswith(f"{missing.name}.")):
                raise
            continue
        for part in parts[cut:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def test_there_are_four_walks_and_each_names_its_functions() -> None:
    assert [re.match(r"Walk \d", walk) is not None for walk in WALKS] == [True] * 4
    assert all(len(names_in(walk)) >= 10 for walk in WALKS)


@pytest.mark.parametrize("name", names_in("\n".join(WALKS)))
def test_what_a_walk_names_exists(name: str) -> None:
    assert resolve(name) is not None


@pytest.mark.parametrize("name", names_in(PAGE.split("## The packages")[1].split("\n## ")[0]))
def test_every_package_of_the_table_exists(name: str) -> None:
    assert resolve(name) is not None


def test_the_picture_is_there() -> None:
    [picture] = re.findall(r"!\[[^]]+\]\(([^)]+\.svg)\)", PAGE)

    assert (DOCS / picture).read_text("utf-8").startswith("<svg ")


def test_a_name_that_is_gone_is_found() -> None:
    with pytest.raises((ModuleNotFoundError, AttributeError)):
        resolve("dataforge.workflows.no_such_module.no_such_function")


def test_every_module_that_the_glossary_names_exists() -> None:
    root = ROOT
    page = (root / "docs/glossary.md").read_text("utf-8")
    named = set(re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.(?:py|json))?|[a-z_]+\.py)`", page))

    missing = {name for name in named if not any((root / top / name).exists() for top in ("layers/core/dataforge", ""))}

    assert len(named) > 30
    assert missing == set()
