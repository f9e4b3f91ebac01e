"""The house keeps its shape: imports go down only, the cloud stays in its room, files stay readable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge.recipes import RECIPES

ROOT = Path(__file__).parents[1]
PRODUCT = [ROOT / "layers/core/dataforge", ROOT / "functions", ROOT / "infra", ROOT / "client/dataforge_client"]

FLOORS: list[set[str]] = [
    {
        "dataforge.records",
        "dataforge.ids",
        "dataforge.errors",
        "dataforge.settings",
        "dataforge.log",
        "dataforge.clock",
    },
    {"dataforge.tokens", "dataforge.text"},
    {"dataforge.recipes", "dataforge.quality", "dataforge.parsing", "dataforge.chunking", "dataforge.formats"},
    {"dataforge.platform", "dataforge.metrics"},
    {"dataforge.store", "dataforge.teachers"},
    {"dataforge.access", "dataforge.quotas"},
    {"dataforge.workflows"},
    {"functions", "infra.local", "infra.deploy"},
]
"""From the cellar up; a room imports from its own floor or from below."""

PURE = (
    "dataforge.recipes",
    "dataforge.quality",
    "dataforge.parsing",
    "dataforge.chunking",
    "dataforge.formats",
    "dataforge.tokens",
    "dataforge.text",
)
WITHOUT_CIRCLES = (
    "dataforge.recipes",
    "dataforge.quality",
    "dataforge.formats",
    "dataforge.parsing",
    "dataforge.chunking",
    "dataforge.text",
    "dataforge.tokens",
)
"""Packages whose modules import each other in one direction only, inside of functions too."""
KINDS: set[object] = set(RECIPES)
OUTSIDE_WORLD = {"boto3", "botocore", "httpx", "aiohttp", "requests", "urllib3", "socket", "urllib.request"}


def module_name(path: Path) -> str:
    for top in (ROOT / "layers/core", ROOT / "client", ROOT):
        if path.is_relative_to(top):
            return ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__")
    raise AssertionError(path)


def sources(*folders: Path) -> list[Path]:
    return sorted(p for folder in folders for p in folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module the file imports, `from a import b` as both `a` and `a.b`; not those for type checkers only."""
    for node in run_time_nodes(path):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def run_time_nodes(path: Path) -> Iterator[ast.AST]:
    """The whole syntax tree, but for what only type checkers read."""
    tree = ast.parse(path.read_text("utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    return (node for node in ast.walk(tree) if node not in for_types)


def floor(module: str) -> int | None:
    for level, rooms in enumerate(FLOORS):
        if any(module == room or module.startswith(room + ".") for room in rooms):
            return level
    return None


@pytest.mark.parametrize("path", sources(*PRODUCT), ids=module_name)
def test_imports_go_down_only(path: Path) -> None:
    here = module_name(path)
    level = floor(here)

    too_high = [
        name for name in imports(path) if level is not None and (above := floor(name)) is not None and above > level
    ]

    assert too_high == [], f"{here} reaches up"


def test_every_room_has_a_floor() -> None:
    rooms = {".".join(module_name(p).split(".")[:2]) for p in sources(ROOT / "layers/core/dataforge")}

    homeless = {r for r in rooms if floor(r) is None} - {"dataforge"}

    assert homeless == set()


@pytest.mark.parametrize("path", [p for p in sources(*PRODUCT) if module_name(p).startswith(PURE)], ids=module_name)
def test_pure_rooms_touch_no_network(path: Path) -> None:
    assert {name for name in imports(path) if name in OUTSIDE_WORLD or name.split(".")[0] in OUTSIDE_WORLD} == set()


def test_boto3_is_only_behind_the_aws_backend() -> None:
    allowed = ("dataforge.platform.aws", "dataforge.teachers.bedrock", "infra.deploy")

    users = {
        module_name(p) for p in sources(*PRODUCT) if any(n.split(".")[0] in ("boto3", "botocore") for n in imports(p))
    }

    assert {u for u in users if not u.startswith(allowed)} == set()


def test_the_client_and_the_templates_stand_alone() -> None:
    """The client speaks HTTP only; CDK reads plain data only."""
    client = {n for p in sources(ROOT / "client") for n in imports(p)}
    templates = {n for p in sources(ROOT / "infra") if not {"local", "deploy"} & {*p.parts} for n in imports(p)}

    assert not {n for n in client if n.split(".")[0] in ("dataforge", "functions", "infra")}
    assert not {n for n in templates if n.split(".")[0] == "dataforge"}


def graph(packages: tuple[str, ...]) -> dict[str, set[str]]:
    """Each module of the packages with those of them that it imports. A package's name stands for its `__init__.py`: it
    counts only where something is taken from there that is no module (`from dataforge.recipes import RECIPES`)."""
    files = {name: p for p in sources(*PRODUCT) if (name := module_name(p)).startswith(packages)}
    found: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for node in run_time_nodes(path):
            if isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                within = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= within & set(files) | ({str(node.module)} if within - set(files) else set())
    return {name: imported & set(files) - {name} for name, imported in found.items()}


def circles(of: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected components of more than one module."""
    reach: dict[str, set[str]] = {}
    for start in of:
        seen, todo = set[str](), [start]
        while todo:
            todo += (new := of.get(todo.pop(), set()) - seen)
            seen |= new
        reach[start] = seen
    groups = {frozenset(n for n in reach[m] if m in reach[n]) for m in of}
    return [set(g) for g in groups if len(g) > 1]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(graph(WITHOUT_CIRCLES)) == []


def test_the_search_for_circles_finds_one() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_kinds_of_records_are_listed_by_the_recipes_only() -> None:
    """But for the offline teacher, who says which of them it can write."""
    allowed = ("dataforge.recipes", "dataforge.teachers.extractive")
    listing = {
        module_name(p)
        for p in sources(*PRODUCT)
        if len({n.value for n in ast.walk(ast.parse(p.read_text("utf-8"))) if isinstance(n, ast.Constant)} & KINDS) > 2
    }

    assert {m for m in listing if not m.startswith(allowed)} == set()


@pytest.mark.parametrize("path", sources(*PRODUCT), ids=module_name)
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 450
