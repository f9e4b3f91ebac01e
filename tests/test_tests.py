"""Rules for the tests themselves: no test module imports another one, benchmarks and tests share one folder of helpers,
nobody sleeps long, files stay readable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.paths import ROOT, TESTS
from tests.support.source_code import tree_of

LONGEST_SLEEP_S = 0.2
MOST_LINES = 450
FILES = sorted(TESTS.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


TEST_MODULES = {name_of(path) for path in FILES if path.name.startswith(("test_", "conftest"))}


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in the tree, `from a import b` as both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_tests(names: Iterator[str]) -> list[str]:
    """Those of the names that are test modules or conftest files."""
    return sorted({name for name in names if name in TEST_MODULES})


def numbers(argument: ast.expr) -> list[float]:
    """The argument as it stands, or both branches of `a if x else b`; nothing for what is computed."""
    if isinstance(argument, ast.IfExp):
        return numbers(argument.body) + numbers(argument.orelse)
    known = isinstance(argument, ast.Constant) and isinstance(argument.value, int | float)
    return [argument.value] if known else []


def long_sleeps(tree: ast.AST) -> list[int]:
    """Lines of calls of `sleep` with a number above the longest in their argument."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")) == "sleep"
        and any(value > LONGEST_SLEEP_S for argument in node.args for value in numbers(argument))
    ]


def test_no_module_imports_a_test_module() -> None:
    """What two of them need stands in tests/support; fixtures stand in a conftest.py."""
    found = {name_of(path): of_tests(imported(tree_of(path))) for path in FILES}

    assert {module: names for module, names in found.items() if names} == {}


def test_benchmarks_and_tests_share_helpers_in_one_direction() -> None:
    """A test may look at a benchmark, and a benchmark may use tests/support; what both need stands there."""
    benchmarks = {p for p in (ROOT / "benchmarks").rglob("*.py") for n in imported(tree_of(p)) if of_the_tests_only(n)}
    support = {
        p
        for p in (TESTS / "support").rglob("*.py")
        for n in imported(tree_of(p))
        if n.partition(".")[0] == "benchmarks"
    }

    assert (benchmarks, support) == (set(), set())


def of_the_tests_only(module: str) -> bool:
    return module.startswith("tests.") and not module.startswith("tests.support")


def test_nobody_sleeps_long() -> None:
    """Wait for the condition: `until` of tests/support/waiting.py."""
    found = {name_of(path): long_sleeps(tree_of(path)) for path in FILES}

    assert {module: lines for module, lines in found.items() if lines} == {}


def test_files_of_tests_stay_readable() -> None:
    lines = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in FILES}

    assert {module: count for module, count in lines.items() if count > MOST_LINES} == {}


def test_long_sleeps_are_found() -> None:
    program = "time.sleep(0.3)\nsleep(0 if x else 1)\nasyncio.sleep(0.2)\ntime.sleep(n)\n"

    assert long_sleeps(ast.parse(program)) == [1, 2]


def test_imports_of_test_modules_are_found() -> None:
    program = "def f():\n    from tests import test_house\nimport tests.conftest\nfrom tests.support import paths\n"

    assert of_tests(imported(ast.parse(program))) == ["tests.conftest", "tests.test_house"]
