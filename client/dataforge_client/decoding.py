"""JSON to frozen dataclasses. Field names are Python's; unknown fields are kept in `raw` and are never an error.

A field that needs more than its JSON value names a function in its metadata: `metadata={"decode": nested(Counts)}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, TypeVar

from dataforge_client.base_errors import UnexpectedAnswer

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")


def decode(kind: type[T], wire: object) -> T:
    """Build a dataclass from a JSON object; both `projectId` and `project_id` set the field `project_id`.

    Raises UnexpectedAnswer when `wire` is not an object or a required field is missing.
    """
    if not isinstance(wire, Mapping):
        raise UnexpectedAnswer(f"Expected a {kind.__name__}, got {type(wire).__name__}")
    values: dict[str, object] = {}
    for f, names in _field_names(kind):
        name = next((n for n in names if n in wire), None)
        if f.name == "raw":
            values["raw"] = dict(wire)
        elif name is not None and (wire[name] is not None or not _has_default(f)):
            decode_field = f.metadata.get("decode")
            values[f.name] = decode_field(wire[name]) if decode_field else wire[name]
    try:
        return kind(**values)
    except TypeError as problem:
        raise UnexpectedAnswer(f"The server's {kind.__name__} is incomplete: {problem}") from None


def decode_list(kind: type[T], wire: object) -> list[T]:
    """Raises UnexpectedAnswer when `wire` is not a list."""
    if not isinstance(wire, list):
        raise UnexpectedAnswer(f"Expected a list of {kind.__name__}, got {type(wire).__name__}")
    return [decode(kind, item) for item in wire]


def nested(kind: type[T]) -> Callable[[object], T]:
    """Decoder of a field that holds one object."""
    return lambda wire: decode(kind, wire)


def nested_list(kind: type[T]) -> Callable[[object], tuple[T, ...]]:
    """Decoder of a field that holds a list of objects."""
    return lambda wire: tuple(decode_list(kind, wire))


def nested_map(kind: type[T]) -> Callable[[object], dict[str, T]]:
    """Decoder of a field that holds objects by name."""
    return lambda wire: {str(k): decode(kind, v) for k, v in wire.items()} if isinstance(wire, Mapping) else {}


def timestamp(value: object) -> datetime | None:
    """A time with its zone, UTC where the server names none; None for an empty text.

    Raises UnexpectedAnswer for what is no ISO 8601 time.
    """
    if value == "":
        return None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise UnexpectedAnswer(f"The server sent {str(value)[:100]!r} as a time; expected ISO 8601") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


TIME: Mapping[str, object] = {"decode": timestamp}
"""The metadata of a field that holds a time."""


def error_text(value: object) -> str:
    """The text of an error: its message when it is an object."""
    return str(value.get("message") or value) if isinstance(value, Mapping) else str(value)


@cache
def _field_names(kind: type[DataclassInstance]) -> list[tuple[Field[object], tuple[str, str]]]:
    """Each field with the two names that it can have in JSON."""
    return [(f, (_camel_case(f.name), f.name)) for f in fields(kind)]


def _has_default(f: Field[object]) -> bool:
    return f.default is not MISSING or f.default_factory is not MISSING


def _camel_case(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
