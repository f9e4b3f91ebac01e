"""One option of a training request: its type, default, limits and words, in one field of `options.Options`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field
from typing import Any

from dataforge.errors import Invalid

META = "option"
"""Key of a field's metadata under which its `Option` lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    doc: str
    check: Callable[[str, Any], Any]
    """(name, value from JSON) -> the value as it is kept. Raises Invalid."""
    schema: dict[str, Any]
    """JSON schema of the value, without its default."""
    nullable: bool = False
    extension: bool = False
    """Not in the public document: ours."""

    def read(self, name: str, value: Any) -> Any:
        """Raises Invalid naming the field and its limits."""
        if value is None:
            if self.nullable:
                return None
            raise Invalid(f"{name} must not be null", field=name)
        return self.check(name, value)


def of(declared: Field[Any]) -> Option:
    found: Option = declared.metadata[META]
    return found


def is_required(declared: Field[Any]) -> bool:
    return declared.default is MISSING


def text(doc: str, default: Any = MISSING, *, most: int = 500, extension: bool = False) -> Any:
    """default: None makes it optional; without one it is required. most: characters."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str):
            raise Invalid(f"{name} must be a text, not {kind_of(value)}", field=name)
        if not value.strip():
            raise Invalid(f"{name} must not be blank", field=name)
        if len(value) > most:
            raise Invalid(f"{name} must have at most {most} characters, not {len(value)}", field=name)
        if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise Invalid(f"{name} must not hold control characters", field=name)
        return value.strip()

    schema = {"type": "string", "minLength": 1, "maxLength": most}
    return _field(Option(doc=doc, check=check, schema=schema, nullable=default is None, extension=extension), default)


def choice(doc: str, choices: tuple[str, ...], default: Any = MISSING, *, extension: bool = False) -> Any:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            found = repr(value[:100]) if isinstance(value, str) else kind_of(value)
            raise Invalid(f"{name} must be one of {', '.join(choices)}, not {found}", field=name)
        return value

    schema = {"type": "string", "enum": list(choices)}
    return _field(Option(doc=doc, check=check, schema=schema, nullable=default is None, extension=extension), default)


def flag(doc: str, default: bool, *, extension: bool = False) -> Any:
    def check(name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise Invalid(f"{name} must be true or false, not {kind_of(value)}", field=name)
        return value

    option = Option(doc=doc, check=check, schema={"type": "boolean"}, extension=extension)
    return _field(option, default)


def whole(
    doc: str, default: Any, *, low: int, high: int = 2**31 - 1, besides: tuple[int, ...] = (), extension: bool = False
) -> Any:
    """A whole number from low to high, or one of `besides`."""

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Invalid(f"{name} must be a whole number, not {kind_of(value)}", field=name)
        if not low <= value <= high and value not in besides:
            other = "".join(f" or {b}" for b in besides)
            raise Invalid(f"{name} must be from {low} to {high}{other}, not {_short(value)}", field=name)
        return value

    limits = {"type": "integer", "minimum": min(low, *besides) if besides else low, "maximum": high}
    return _field(Option(doc=doc, check=check, schema=limits, nullable=default is None, extension=extension), default)


def number(
    doc: str,
    default: Any,
    *,
    low: float,
    high: float,
    above: bool = False,
    below: bool = False,
    extension: bool = False,
) -> Any:
    """From low to high; `above` and `below` leave out the limits themselves."""
    words = f"{'above' if above else 'at least'} {low:g} and {'below' if below else 'at most'} {high:g}"

    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Invalid(f"{name} must be a number, not {kind_of(value)}", field=name)
        inside = (value > low if above else value >= low) and (value < high if below else value <= high)
        if not inside or (isinstance(value, float) and not math.isfinite(value)):
            raise Invalid(f"{name} must be {words}, not {_short(value)}", field=name)
        return float(value)

    schema = {
        "type": "number",
        "exclusiveMinimum" if above else "minimum": low,
        "exclusiveMaximum" if below else "maximum": high,
    }
    return _field(Option(doc=doc, check=check, schema=schema, nullable=default is None, extension=extension), default)


def modules(doc: str, default: str) -> Any:
    """The word `default`, or a list of 1 to 50 names of layers."""

    def check(name: str, value: Any) -> str | tuple[str, ...]:
        if value == default:
            return default
        if (
            isinstance(value, list)
            and 1 <= len(value) <= 50
            and all(isinstance(v, str) and 0 < len(v) < 200 for v in value)
        ):
            return tuple(value)
        raise Invalid(f"{name} must be {default!r}, or a list of 1 to 50 names of layers", field=name)

    names = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 50}
    option = Option(doc=doc, check=check, schema={"anyOf": [{"type": "string", "enum": [default]}, names]})
    return _field(option, default)


def _field(option: Option, default: Any) -> Any:
    if default is MISSING:
        return field(metadata={META: option})
    return field(default=default, metadata={META: option})


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    names: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list"}
    return names.get(type(value), "an object")


def _short(value: float) -> str:
    return (
        f"{value:g}" if isinstance(value, float) else str(value) if abs(value) < 10**20 else "a number of many digits"
    )
