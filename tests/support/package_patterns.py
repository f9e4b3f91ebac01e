"""Every pattern that the package compiles, wherever it does: at the head of a module, or within a function."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGES = ("dataforge", "dataforge_functions", "dataforge_client")
_CALLS = ("compile", "match", "search", "sub", "subn", "fullmatch", "finditer", "findall", "split")
_ANCHORED = {"match", "fullmatch"}


@dataclass(frozen=True)
class Found:
    """where: module and name, or module and function. scans: it is searched for, not only matched at one place."""

    where: str
    pattern: re.Pattern[Any]
    scans: bool


def modules() -> list[ModuleType]:
    """All of the packages, imported."""
    found = []
    for package in map(importlib.import_module, PACKAGES):
        names = [package.__name__, *(m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))]
        found += [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return found


def of_module(module: ModuleType) -> tuple[list[Found], list[str]]:
    """Its patterns, and the places in it that compile what is not known before they run."""
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    used = _methods(tree)
    made: dict[tuple[Any, int], Found] = {}
    for name, value in vars(module).items():
        for pattern in _within(value):
            key = (pattern.pattern, pattern.flags)
            methods = used.get(name, set())
            made.setdefault(key, Found(f"{module.__name__}.{name}", pattern, not methods or not methods <= _ANCHORED))
    unknown = []
    for where, call in _inner_calls(tree):
        try:
            pattern = _evaluated(call, module)
        except _Unknown:
            unknown.append(f"{module.__name__}.{where}")
            continue
        method = call.func.attr  # type: ignore[attr-defined]
        made.setdefault(
            (pattern.pattern, pattern.flags), Found(f"{module.__name__}.{where}", pattern, method not in _ANCHORED)
        )
    return list(made.values()), unknown


def _within(value: object, depth: int = 3) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for inner in (*value.keys(), *value.values()):
            yield from _within(inner, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _within(inner, depth - 1)
    elif depth and is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _within(getattr(value, field.name, None), depth - 1)


def _methods(tree: ast.AST) -> dict[str, set[str]]:
    """By the name of a pattern: the methods that are called on it. Used otherwise (passed on): `?`."""
    found: dict[str, set[str]] = {}
    called = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base = node.value.value if isinstance(node.value, ast.Subscript) else node.value
            if isinstance(base, ast.Name):
                found.setdefault(base.id, set()).add(node.attr)
                called.add(id(base))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called:
            found.setdefault(node.id, set()).add("?")
    return found


def _inner_calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """`re.<method>(...)` in functions, with the function's name."""

    def walk(node: ast.AST, name: str) -> Iterator[tuple[str, ast.Call]]:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = f"{name}.{child.name}" if name else child.name
            if name and isinstance(child, ast.Call) and _is_re(child.func):
                yield name, child
            yield from walk(child, inner)

    yield from walk(tree, "")


def _is_re(func: ast.expr) -> bool:
    return (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name)
        and func.value.id == "re"
        and func.attr in _CALLS
    )


class _Unknown(Exception):
    """It depends on what the function was given."""


def _evaluated(call: ast.Call, module: ModuleType) -> re.Pattern[Any]:
    source = call.args[0]
    names = {n.id for n in ast.walk(source) if isinstance(n, ast.Name)}
    if names - set(vars(module)) - set(dir(__builtins__)):
        raise _Unknown
    flags = 0
    at = (
        1
        if call.func.attr in ("compile",)
        else 2
        if call.func.attr in ("match", "search", "fullmatch", "finditer", "findall")
        else 99
    )  # type: ignore[attr-defined]
    given = [k.value for k in call.keywords if k.arg == "flags"] + call.args[at : at + 1]
    if given:
        flags = int(eval(compile(ast.Expression(given[0]), "<flags>", "eval"), vars(module)))
    value = eval(compile(ast.Expression(source), "<pattern>", "eval"), dict(vars(module)))
    return value if isinstance(value, re.Pattern) else re.compile(value, flags)
