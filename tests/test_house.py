"""The structure of the code: imports go down only and never in a circle, the AWS SDK stays behind its backend, files
stay short, and retired names do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dataforge.recipes import RECIPES
from dataforge.workflows import kinds
from tests.support.source_code import tree_of

ROOT = Path(__file__).parents[1]
PRODUCT = [
    ROOT / "layers/core/dataforge",
    ROOT / "dataforge_functions",
    ROOT / "dataforge_infra",
    ROOT / "client/dataforge_client",
]

LAYERS: list[set[str]] = [
    {
        "dataforge.records",
        "dataforge.ids",
        "dataforge.errors",
        "dataforge.settings",
        "dataforge.log",
        "dataforge.clock",
    },
    {"dataforge.tokens", "dataforge.text"},
    {
        "dataforge.recipes",
        "dataforge.quality",
        "dataforge.parsing",
        "dataforge.chunking",
        "dataforge.formats",
        "dataforge.training",
    },
    {"dataforge.platform", "dataforge.metrics"},
    {"dataforge.store", "dataforge.teachers"},
    {"dataforge.access", "dataforge.quotas"},
    {"dataforge.workflows"},
    {"dataforge_functions", "dataforge_infra.local", "dataforge_infra.deploy"},
]
"""From the bottom up; a module imports from its own layer or from one below."""

PURE = (
    "dataforge.recipes",
    "dataforge.quality",
    "dataforge.parsing",
    "dataforge.chunking",
    "dataforge.formats",
    "dataforge.training",
    "dataforge.tokens",
    "dataforge.text",
)
RECIPE_NAMES: set[object] = set(RECIPES)
NETWORK_LIBRARIES = {"boto3", "botocore", "httpx", "aiohttp", "requests", "urllib3", "socket", "urllib.request"}


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
    tree = tree_of(path)
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    return (node for node in ast.walk(tree) if node not in for_types)


def layer(module: str) -> int | None:
    for number, packages in enumerate(LAYERS):
        if any(module == package or module.startswith(package + ".") for package in packages):
            return number
    return None


def test_imports_go_down_only() -> None:
    upward = {
        module_name(path): [name for name in imports(path) if (other := layer(name)) is not None and other > own]
        for path in sources(*PRODUCT)
        if (own := layer(module_name(path))) is not None
    }

    assert len(upward) > 150
    assert {module: names for module, names in upward.items() if names} == {}


def test_every_package_has_a_layer() -> None:
    packages = {".".join(module_name(p).split(".")[:2]) for p in sources(ROOT / "layers/core/dataforge")}

    assert {p for p in packages if layer(p) is None} - {"dataforge"} == set()


def test_pure_packages_import_no_network_library() -> None:
    pure = [p for p in sources(*PRODUCT) if module_name(p).startswith(PURE)]
    connected = {
        module_name(path): name
        for path in pure
        for name in imports(path)
        if name in NETWORK_LIBRARIES or name.split(".")[0] in NETWORK_LIBRARIES
    }

    assert len(pure) > 50
    assert connected == {}


def test_boto3_is_only_behind_the_aws_backend() -> None:
    allowed = ("dataforge.platform.aws", "dataforge.teachers.bedrock", "dataforge_infra.deploy")

    users = {
        module_name(p) for p in sources(*PRODUCT) if any(n.split(".")[0] in ("boto3", "botocore") for n in imports(p))
    }

    assert {u for u in users if not u.startswith(allowed)} == set()


def test_the_client_and_the_templates_stand_alone() -> None:
    """The client speaks HTTP only; CDK reads plain data only."""
    client = {n for p in sources(ROOT / "client") for n in imports(p)}
    templates = {
        n for p in sources(ROOT / "dataforge_infra") if not {"local", "deploy"} & {*p.parts} for n in imports(p)
    }

    assert not {n for n in client if n.split(".")[0] in ("dataforge", "dataforge_functions", "dataforge_infra")}
    assert not {n for n in templates if n.split(".")[0] == "dataforge"}


def graph() -> dict[str, set[str]]:
    """Each module of the product with those that it imports, inside functions and for type checkers only, too.

    A package's name stands for its `__init__.py`: it counts only where something is taken from there that is no module
    (`from dataforge.recipes import RECIPES`).
    """
    files = {module_name(p): p for p in sources(*PRODUCT)}
    found: dict[str, set[str]] = {name: set() for name in files}
    for name, path in files.items():
        for node in ast.walk(tree_of(path)):
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
    assert circles(graph()) == []


def test_the_search_for_circles_finds_one() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}]


def test_kinds_of_records_are_listed_by_the_recipes_only() -> None:
    """But for the offline teacher, who says which of them it can write, the types of the client, which imports
    nothing of the product (a test compares them with the API), and the shapes of training lines, whose fields have some
    of these names."""
    allowed = ("dataforge.recipes", "dataforge.teachers.extractive", "dataforge_client.literals")
    allowed += ("dataforge.training.shapes",)
    listing = {
        module_name(p)
        for p in sources(*PRODUCT)
        if len({n.value for n in ast.walk(tree_of(p)) if isinstance(n, ast.Constant)} & RECIPE_NAMES) > 2
    }

    assert {m for m in listing if not m.startswith(allowed)} == set()


def test_kinds_of_runs_are_distinguished_by_their_table_only() -> None:
    """No `run.kind == "parse"` outside of `workflows.kinds`: what differs is a field or a step of the table."""
    comparing = {
        module_name(path)
        for path in sources(ROOT / "layers/core/dataforge", ROOT / "dataforge_functions")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Compare)
        and {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & (kinds.KINDS.keys() - {"erase"})
        and any(isinstance(n, ast.Attribute) and n.attr == "kind" for n in ast.walk(node))
    }

    assert comparing == set()


RETIRED = {
    *("admitting", "bury", "burying", "buried", "desk", "excuse", "excuses", "fate", "grave", "hits", "house"),
    *("knocking", "look_after", "lull", "lulls", "offices", "owed", "parking", "pulse", "purse", "sieve", "travel"),
    *("walls", "wishes"),
}
"""Names that this code had and a newcomer had to guess; docs/glossary.md has those that are used instead."""
STORED = {"layers/core/dataforge/workflows/engine/provider_batch/job_state.py": {"fate"}}
"""Names in files that earlier releases wrote."""


def words(text: str) -> set[str]:
    """Lower-case words, those of CamelCase and snake_case names too, and whole snake_case names."""
    names = set(re.findall(r"[A-Za-z_]+", text))
    parts = {p for n in names for p in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", n)}
    return {w.lower() for w in names | parts}


def texts() -> list[Path]:
    pages = [ROOT / name for name in ("README.md", "Makefile", "pyproject.toml", ".ci/run")]
    pages += sorted((ROOT / "docs").rglob("*.md"))
    return [*(p for p in sources(*PRODUCT, ROOT / "benchmarks") if "extractive" not in p.parts), *pages]


def test_retired_names_do_not_come_back() -> None:
    read = {str(path.relative_to(ROOT)): words(path.read_text("utf-8")) & RETIRED for path in texts()}

    assert {path: found for path, names in read.items() if (found := names - STORED.get(path, set()))} == {}


def test_retired_names_would_be_found() -> None:
    assert words("def look_after(Purse): # bury_all") & RETIRED == {"look_after", "purse", "bury"}


def test_functions_take_few_fields_by_position() -> None:
    """No call of a class or a function of ours with more than five positional arguments: nobody can read them."""
    many = [
        f"{module_name(path)}:{node.lineno}"
        for path in sources(*PRODUCT)
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id[:1].isupper()
        and sum(not isinstance(a, ast.Starred) for a in node.args) > 5
    ]

    assert many == []


def test_files_stay_readable() -> None:
    lines = {module_name(path): len(path.read_text("utf-8").splitlines()) for path in sources(*PRODUCT)}

    assert {module: count for module, count in lines.items() if count > 450} == {}
