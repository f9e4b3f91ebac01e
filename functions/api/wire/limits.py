"""What any string, number and object of a request may hold: a broken limit is a 422 that names field and limit.

The numbers keep every stored item below DynamoDB's 400 KB, whatever is combined in it.
"""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, ConfigDict, Field, JsonValue, StringConstraints
from pydantic_core import PydanticCustomError

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
        raise _broken("holds a NUL character")
    return text


def _json_object(given: dict[str, Any]) -> dict[str, Any]:
    _check(given, "", 1)
    size = len(orjson.dumps(given))
    if size > MAX_OBJECT_BYTES:
        raise _broken(f"takes {size:,} bytes as JSON; at most {MAX_OBJECT_BYTES:,} are kept")
    return given


def _check(value: object, where: str, depth: int) -> None:
    """where: the way to the value inside the object, for the message."""
    if isinstance(value, dict | list):
        if depth > MAX_OBJECT_DEPTH:
            raise _broken(f"is nested more than {MAX_OBJECT_DEPTH} levels deep")
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(key, str):
                _check_text(key, f"a key{_at(where)}")
                if not key:
                    raise _broken(f"has an empty key{_at(where)}")
            _check(inner, f"{where}.{key}" if where else str(key), depth + 1)
    elif isinstance(value, str):
        _check_text(value, f"the text{_at(where)}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            items.number(value, where)
        except Invalid:
            raise _broken(
                f"the number{_at(where)} must be finite, fit 64 bits if whole, else lie between 1e-130 and "
                "1e125 in size"
            ) from None


def _check_text(text: str, what: str) -> None:
    if "\0" in text:
        raise _broken(f"{what} holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _broken(f"{what} holds half a surrogate pair, which UTF-8 cannot write") from None


def _at(where: str) -> str:
    return f" at {where[:100]}" if where else ""


def _broken(message: str) -> PydanticCustomError:
    return PydanticCustomError("limit", "{message}", {"message": message})


def example(**fields: JsonValue) -> ConfigDict:
    """One body as the OpenAPI document shows it."""
    return ConfigDict(protected_namespaces=(), json_schema_extra={"examples": [fields]})


def text(low: int, high: int) -> Any:
    """What a person may write, `low` to `high` characters: no lone surrogate, no NUL."""
    return Annotated[str, StringConstraints(min_length=low, max_length=high), AfterValidator(_no_nul)]


def ratio(low: float, high: float) -> Any:
    """A number of ordinary size: nine decimals are kept, so that nothing too small for a table remains."""
    return Annotated[float, Field(ge=low, le=high), AfterValidator(lambda given: round(given, 9))]


Id = text(1, 200)
Ids = Annotated[list[Id], Field(max_length=MAX_IDS)]

Revision = text(0, 200)

MediaType = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")]
"""It becomes an HTTP header."""

JsonObject = Annotated[dict[str, Any], AfterValidator(_json_object)]
"""A free object that a caller sends: at most 64 KiB and 30 levels; keys may hold dots."""
