"""The message for a field that a body does not have: it names the nearest one that there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from fastapi import Request
from pydantic import BaseModel

UNKNOWN = "extra_forbidden"
"""Pydantic's type of this error."""


def message(request: Request, location: Sequence[int | str]) -> str:
    """location: of the error, from `body` to the unknown field."""
    import difflib  # only for a request that is refused

    *place, name = location
    known = sorted(fields_at(request, place))
    near = difflib.get_close_matches(str(name), known, n=1)
    if near:
        return f"is unknown; did you mean {near[0]}?"
    return f"is unknown; use one of: {', '.join(known)}" if known else "is unknown"


def fields_at(request: Request, place: Sequence[int | str]) -> set[str]:
    """The names that the objects at this place of the body can have."""
    body = getattr(request.scope.get("route"), "body_field", None)
    if body is None or not place or place[0] != "body":
        return set()
    types = [body.field_info.annotation]
    for part in place[1:]:
        # A part that leads nowhere is pydantic's name for a member of a union.
        types = [t for found in types for t in _inside(found, part)] or types
    return {f.alias or name for model in _models(types) for name, f in model.model_fields.items()}


def _inside(annotation: Any, part: int | str) -> Iterator[Any]:
    """What stands at a key or index of a value of this type."""
    for kind in _members(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (f.annotation for name, f in kind.model_fields.items() if part in (name, f.alias))
        elif get_origin(kind) is list and isinstance(part, int):
            yield get_args(kind)[0]
        elif get_origin(kind) is dict:
            yield get_args(kind)[1]


def _models(types: Sequence[Any]) -> Iterator[type[BaseModel]]:
    for kind in (member for annotation in types for member in _members(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind


def _members(annotation: Any) -> Iterator[Any]:
    """The types of a union, without what Annotated adds."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _members(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield annotation
