"""Descriptions of fields, from the docstrings under them.

As pydantic's `use_attribute_docstrings`, but read when the OpenAPI document is made: pydantic reads the source of every
class when it is imported, at each cold start.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from functools import cache

from pydantic import BaseModel

PACKAGE = "dataforge_functions.api.wire."


def models() -> dict[str, type[BaseModel]]:
    """The bodies that are imported, by the name of the class."""
    return {model.__name__: model for model in _below(BaseModel) if model.__module__.startswith(PACKAGE)}


def of(model: type[BaseModel]) -> dict[str, str]:
    """The description of each field that has one, by its name on the wire; also of inherited fields."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if kind.__module__.startswith(PACKAGE):
            found |= _of_module(kind.__module__).get(kind.__name__, {})
    return {model.model_fields[name].alias or name: text for name, text in found.items() if name in model.model_fields}


def _below(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in kind.__subclasses__():
        yield model
        yield from _below(model)


@cache
def _of_module(name: str) -> dict[str, dict[str, str]]:
    """Class -> field -> its docstring."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    return {node.name: dict(_of_class(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _of_class(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(node.body, node.body[1:], strict=False):
        is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        if is_text and isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            yield field.target.id, inspect.cleandoc(str(after.value.value))  # type: ignore[attr-defined]
