"""Limits of strings, numbers and objects in requests: a violation is a 422 that names field and limit.

They keep every stored item below DynamoDB's 400 KB, whatever is combined in it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    StringConstraints,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from dataforge.errors import Invalid
from dataforge.platform import items

MAX_OBJECT_BYTES = 64 * 1024
MAX_OBJECT_DEPTH = 30
MAX_IDS = 5000
MAX_PAIR_IDS = 50_000
"""In one bulk action: 50,000 ids of pairs are 3.4 MB of JSON, and a function takes 6 MB."""
MAX_PAGE = 10**9


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise _violation("holds a NUL character")
    return text


def _json_object(given: dict[str, Any]) -> dict[str, Any]:
    _check(given, "", 1)
    size = len(orjson.dumps(given))
    if size > MAX_OBJECT_BYTES:
        raise _violation(f"takes {size:,} bytes as JSON; at most {MAX_OBJECT_BYTES:,} are kept")
    return given


def _check(value: object, where: str, depth: int) -> None:
    """where: the path of the value inside the object, for the message."""
    if isinstance(value, dict | list):
        if depth > MAX_OBJECT_DEPTH:
            raise _violation(f"is nested more than {MAX_OBJECT_DEPTH} levels deep")
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str):
                _check_text(key, f"a key{_at(where)}")
                if not key:
                    raise _violation(f"has an empty key{_at(where)}")
            _check(inner, f"{where}.{key}" if where else str(key), depth + 1)
    elif isinstance(value, str):
        _check_text(value, f"the text{_at(where)}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            items.number(value, where)
        except Invalid:
            raise _violation(
                f"the number{_at(where)} must be finite, fit 64 bits if whole, else lie between 1e-130 and "
                "1e125 in size"
            ) from None


def _check_text(text: str, what: str) -> None:
    if "\0" in text:
        raise _violation(f"{what} holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _violation(f"{what} holds half a surrogate pair, which UTF-8 cannot write") from None


def _at(where: str) -> str:
    return f" at {where[:100]}" if where else ""


def _violation(message: str) -> PydanticCustomError:
    return PydanticCustomError("limit", "{message}", {"message": message})


def example(**fields: JsonValue) -> ConfigDict:
    """One body as the OpenAPI document shows it."""
    return ConfigDict(protected_namespaces=(), json_schema_extra={"examples": [fields]})


@dataclass(frozen=True, slots=True)
class Text:
    """`Annotated[str, Text(1, 200)]`: text of `low` to `high` characters, without lone surrogates and NUL."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(min_length=self.low, max_length=self.high)
        return core_schema.no_info_after_validator_function(_no_nul, text)


@dataclass(frozen=True, slots=True, eq=False)  # hashed by identity: a dict of names has no hash
class OneOf:
    """`Annotated[str, OneOf(RECIPES)]`: one of the names as they are when the request comes; the schema lists those
    of the start."""

    names: Collection[str]

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._known)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"enum": [*self.names], "type": "string"}

    def _known(self, given: object) -> str:
        if isinstance(given, str) and given in self.names:
            return given
        *most, last = map(repr, self.names)
        raise PydanticKnownError("literal_error", {"expected": f"{', '.join(most)} or {last}"})


@dataclass(frozen=True, slots=True)
class Ratio:
    """`Annotated[float, Ratio(0, 1)]`: nine decimals are kept, so that no number is too small for a table."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        number = core_schema.float_schema(ge=self.low, le=self.high)
        rounded = core_schema.no_info_after_validator_function(_rounded, number)
        return core_schema.no_info_before_validator_function(_no_boolean, rounded)


def _rounded(number: float) -> float:
    return round(number, 9)


@dataclass(frozen=True, slots=True)
class NotBoolean:
    """`Annotated[int, Field(ge=1), NotBoolean()]`: true is not 1, and false is not 0."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_no_boolean, handler(source))


def _no_boolean(given: object) -> object:
    if isinstance(given, bool):
        raise PydanticCustomError("no_number", "must be a number, not true or false")
    return given


@dataclass(frozen=True, slots=True)
class _NotNumber:
    """1 is not true, and 0 is not false."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_no_number, handler(source))


def _no_number(given: object) -> object:
    if isinstance(given, int | float) and not isinstance(given, bool):
        raise PydanticCustomError("no_boolean", "must be true or false, not a number")
    return given


Flag = Annotated[bool, _NotNumber()]
"""In a body `true` or `false`; in a query their words."""


Id = Annotated[str, Text(1, 200)]
Ids = Annotated[list[Id], Field(max_length=MAX_IDS)]

Revision = Annotated[str, Text(0, 200)]

MediaType = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
"""It becomes an HTTP header."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_json_object)]
"""A free object that a caller sends: at most 64 KiB and 30 levels; keys may hold dots."""
