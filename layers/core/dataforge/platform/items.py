"""Limits of table items and of attribute paths in writes: the same on both backends.

They are DynamoDB's, so that what works on one machine works on AWS too: signed 64-bit integers, floats
between 1e-130 and 1e125 in size, 32 levels of nesting, 400 KB an item, 100 writes a transaction.

DynamoDB numbers have no type: 1.0 is stored as 1. Both backends therefore return a float with a whole value as int.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import orjson

from dataforge.errors import Invalid, Malformed
from dataforge.platform.ports import Item, Value

MAX_ITEM_BYTES = 400 * 1024
MAX_TRANSACTION = 100
_MAX_DEPTH = 32
_INT64 = 2**63


def checked(item: Item) -> Item:
    """A copy that shares no list or map with the argument. Raises Invalid naming an attribute that cannot be stored."""
    if type(item) is not dict:
        raise Invalid(f"an item is a dict, not {type(item).__name__}")
    return {_name(k): value(v, k) for k, v in item.items()}


def value(given: object, field: str, depth: int = 1) -> Value:
    """One attribute's value as both backends store it."""
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, str):
        return _text(given, field)
    if isinstance(given, (int, float)):
        return number(given, field)
    if depth > _MAX_DEPTH:
        raise Invalid(f"{field} is nested more than {_MAX_DEPTH} levels deep", field=field)
    if isinstance(given, list):
        return [value(v, field, depth + 1) for v in given]
    if isinstance(given, dict):
        return {_name(k): value(v, field, depth + 1) for k, v in given.items()}
    raise Invalid(f"{field} holds a {type(given).__name__}, which a table cannot store", field=field)


def number(given: int | float, field: str) -> int | float:
    """An int where the value is whole and fits 64 bits, else a float."""
    if isinstance(given, float):
        if not math.isfinite(given) or (given and not 1e-130 <= abs(given) < 1e125):
            raise Invalid(f"{field} is {given!r}, which a table cannot store", field=field)
        return int(given) if given.is_integer() and -_INT64 <= given < _INT64 else float(given)
    if not -_INT64 <= given < _INT64:
        raise Invalid(f"{field} does not fit 64 bits", field=field)
    return int(given)


def key_value(given: object, field: str, kind: str) -> str | int:
    """A key attribute: kind `S` wants text of 1 to 1,024 bytes, `N` a whole number."""
    if kind == "N":
        if isinstance(given, bool) or not isinstance(given, int):
            raise Invalid(f"key attribute {field} must be a whole number", field=field)
        return number(given, field)  # type: ignore[return-value]  # an int stays one
    if not isinstance(given, str) or not given or (len(given) > 256 and len(given.encode()) > 1024):
        raise Invalid(f"key attribute {field} must be text of 1 to 1,024 bytes", field=field)
    return _text(given, field)


def path(name: str) -> list[str]:
    """`stats.total_pairs` -> [`stats`, `total_pairs`]; a dot always separates."""
    steps = name.split(".")
    if not all(steps):
        raise Invalid(f"{name!r} is no attribute path", field=name)
    return steps


def check_paths(keys: Iterable[str], *names: Iterable[str]) -> None:
    """Raises Invalid when a write would touch a key attribute, or reach one place by two paths."""
    fixed = set(keys)
    taken: list[list[str]] = []
    for name in (n for group in names for n in group):
        steps = path(name)
        if steps[0] in fixed:
            raise Invalid(f"{name} is part of the key and cannot change", field=name)
        for other in taken:
            shorter = min(len(steps), len(other))
            if steps[:shorter] == other[:shorter]:
                raise Invalid(f"{name} and {'.'.join(other)} overlap in one write", field=name)
        taken.append(steps)


def check_transaction(targets: Sequence[object]) -> None:
    """targets: what identifies each written item. At most 100, each once."""
    if len(targets) > MAX_TRANSACTION:
        raise Invalid(f"a transaction holds at most {MAX_TRANSACTION} writes, not {len(targets)}")
    if len(set(targets)) != len(targets):
        raise Invalid("a transaction cannot write one item twice")


def check_limit(limit: int) -> None:
    if limit < 1:
        raise Invalid(f"limit must be at least 1, not {limit}", field="limit")


def check_range(
    attribute: str | None, kind: str, begins: tuple[str, str] | None, between: tuple[str, str | int, str | int] | None
) -> None:
    """attribute: the range key that is walked, kind its type; the conditions must be on it, and only one given."""
    if begins and between:
        raise Invalid("a query takes begins or between, not both")
    for name, *bounds in (c for c in (begins, between) if c):
        if name != attribute:
            raise Invalid(f"{name} is not the range key of this query; that is {attribute}", field=name)
        if begins and (kind != "S" or not isinstance(begins[1], str)):
            raise Invalid(f"begins needs text, and {name} is not", field=name)
        for bound in bounds if between else ():
            key_value(bound, name, kind)


def cursor_of(position: Sequence[str | int] | Mapping[str, Value]) -> str:
    """Opaque to callers; holds only the position to continue at, never a permission."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).rstrip(b"=").decode()


def position_of(cursor: str) -> object:
    """Raises Malformed for text that `cursor_of` did not make."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return cast(object, orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
    except (binascii.Error, UnicodeEncodeError, orjson.JSONDecodeError):
        raise bad_cursor() from None


def bad_cursor() -> Malformed:
    return Malformed("The cursor is not one that this listing gave", field="cursor")


def _name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise Invalid(f"{name!r} is no attribute name")
    return _text(name, name)


def _text(given: str, field: str) -> str:
    if not given.isascii():
        try:
            given.encode()
        except UnicodeEncodeError:
            raise Invalid(f"{field!a} holds half a character, which UTF-8 cannot write", field=None) from None
    return str(given)
