"""JSON to frozen records. Names are Python's; unknown fields are kept in `raw`, never an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from dataforge_client.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def read(kind: type[T], wire: object) -> T:
    """`{"projectId": ...}` or `{"project_id": ...}` -> a record. Raises UnexpectedAnswer when a needed field lacks."""
    if not isinstance(wire, Mapping):
        raise UnexpectedAnswer(f"Expected a {kind.__name__}, got {type(wire).__name__}")
    values: dict[str, object] = {}
    for f, names in _plan(kind):
        name = next((n for n in names if n in wire), None)
        if f.name == "raw":
            values["raw"] = dict(wire)
        elif name is not None and (wire[name] is not None or not _has_default(f)):
            build = f.metadata.get("build")
            values[f.name] = build(wire[name]) if build else wire[name]
    try:
        return kind(**values)
    except TypeError as problem:
        raise UnexpectedAnswer(f"The server's {kind.__name__} is incomplete: {problem}") from None


def read_list(kind: type[T], wire: object) -> list[T]:
    if not isinstance(wire, list):
        raise UnexpectedAnswer(f"Expected a list of {kind.__name__}, got {type(wire).__name__}")
    return [read(kind, entry) for entry in wire]


@cache
def _plan(kind: type[DataclassInstance]) -> list[tuple[Field[object], tuple[str, str]]]:
    return [(f, (_camel(f.name), f.name)) for f in fields(kind)]


def _has_default(f: Field[object]) -> bool:
    return f.default is not MISSING or f.default_factory is not MISSING


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def one(kind: type[T]) -> Callable[[object], T]:
    return lambda wire: read(kind, wire)


def many(kind: type[T]) -> Callable[[object], tuple[T, ...]]:
    return lambda wire: tuple(read_list(kind, wire))


def by_name(kind: type[T]) -> Callable[[object], dict[str, T]]:
    return lambda wire: {str(k): read(kind, v) for k, v in wire.items()} if isinstance(wire, Mapping) else {}


def text(value: object) -> str:
    """An error that is an object is shown by its message."""
    return str(value.get("message") or value) if isinstance(value, Mapping) else str(value)
