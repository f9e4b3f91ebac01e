"""The column types of a whole dataset, so that each of its parts can be loaded with the same schema.

A reader that guesses types from one file sees `null` where a small split happens to hold no value, and refuses to put
the parts together. Here every record of the dataset is seen before the types are told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Kind = str | list["Kind"] | dict[str, "Kind"]
"""A type's name, a list of one kind, or named kinds: `"null"` is a value that never was there."""
_NUMBERS = {"int64", "float64"}


class Columns:
    """Sees records one by one, keeps only their types."""

    def __init__(self) -> None:
        self._kind: dict[str, Kind] = {}

    def see(self, record: Mapping[str, Any]) -> None:
        for name, value in record.items():
            self._kind[name] = merged(self._kind.get(name, "null"), kind_of(value))

    def features(self) -> dict[str, Any]:
        """What `datasets.Features.from_dict` takes."""
        return {name: feature(kind, name) for name, kind in self._kind.items()}


def kind_of(value: Any) -> Kind:
    if isinstance(value, Mapping):
        return {str(name): kind_of(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        inner: Kind = "null"
        for one in value:
            inner = merged(inner, kind_of(one))
        return [inner]
    return _SCALARS.get(type(value), "null")


_SCALARS: dict[type, str] = {bool: "bool", int: "int64", float: "float64", str: "string"}


def merged(one: Kind, other: Kind) -> Kind:
    """The kind that holds both: anything holds null, float64 holds int64, text holds every other mixture."""
    if one == other or other == "null":
        return one
    if one == "null":
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: merged(one.get(name, "null"), other.get(name, "null")) for name in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [merged(one[0], other[0])]
    if isinstance(one, str) and isinstance(other, str) and {one, other} == _NUMBERS:
        return "float64"
    return "string"


def feature(kind: Kind, name: str = "") -> Any:
    """A column that is empty throughout is text: what it would hold if it held something."""
    if isinstance(kind, dict):
        return {inner: feature(one, inner) for inner, one in kind.items()}
    if isinstance(kind, list):
        return {"feature": feature(kind[0]), "_type": "List"}
    if name == "generated_at":  # readers of JSON take a text of this form for a time
        return {"dtype": "timestamp[s]", "_type": "Value"}
    return {"dtype": "string" if kind == "null" else kind, "_type": "Value"}
