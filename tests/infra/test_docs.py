"""docs/infrastructure.md says what the catalog says."""

from __future__ import annotations

import re

from dataforge_infra import catalog
from tests.support.paths import DOCS

DOC = DOCS / "infrastructure.md"


def test_the_table_of_functions_is_the_catalog():
    expected = [
        [
            f"`{name}`",
            f"{facts.memory_mb} MB",
            f"{facts.disk_mb} MB",
            f"{facts.timeout_s} s",
            ", ".join(catalog.LAYERS[facts.layer]),
            _tables(facts.reads),
            _tables(facts.writes),
        ]
        for name, facts in catalog.FUNCTIONS.items()
    ]

    assert _rows("## Functions") == expected


def test_the_table_of_tables_is_the_catalog():
    expected = [
        [
            f"`{name}`",
            ", ".join(key for key in (facts.hash_key, facts.range_key) if key),
            ", ".join(f"{n} ({i.hash_key}, {i.range_key})" for n, i in facts.indexes.items()),
            facts.ttl or "",
        ]
        for name, facts in catalog.TABLES.items()
    ]

    assert _rows("## Tables") == expected


def test_every_file_that_makes_something_is_listed():
    [listed] = re.findall(r"\| file in `dataforge_infra/` \| makes \|\n(.*?)\n\n", DOC.read_text(), re.DOTALL)
    tools = {"__init__.py", "requirements.py"}

    assert (
        set(re.findall(r"`(\w+\.py)`", listed))
        == {path.name for path in DOC.parents[1].glob("dataforge_infra/*.py")} - tools
    )


def _tables(names):
    return "all tables" if set(names) == set(catalog.TABLES) else ", ".join(names)


def _rows(heading):
    section = DOC.read_text().split(f"{heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
