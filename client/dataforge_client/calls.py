"""What every resource of the client is made of: one call of the API, sent and read."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from dataforge_client.errors import UnexpectedAnswer
from dataforge_client.models import Page
from dataforge_client.reading import read_list
from dataforge_client.transport import Call, Retry, Transport

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BASE = "/api/v1/data-forge"
PAGE = 200
"""Items that the iterators ask for at a time."""
Entry = TypeVar("Entry", bound="DataclassInstance")


class Calls:
    """The wire as a resource sees it. Every POST carries an `Idempotency-Key` of its own, so that it can be retried:
    the caller's (`idempotency_key=`), which a later process can repeat, or a fresh one."""

    _transport: Transport
    _retry: Retry

    def _get(self, path: str, params: Mapping[str, str | int] | None = None, *, base: str = BASE) -> object:
        return self._transport.json(Call("GET", base + path, params=params))

    def _put(self, path: str, body: object) -> object:
        return self._transport.json(Call("PUT", BASE + path, body=body))

    def _post(self, path: str, body: object, *, key: str | None = None, base: str = BASE) -> object:
        return self._transport.json(Call("POST", base + path, body=body, key=key or uuid.uuid4().hex))

    def _post_once(self, path: str, body: object, *, base: str = BASE) -> object:
        """For the one kind of POST that takes no Idempotency-Key: its answer must not be kept anywhere."""
        return self._transport.json(Call("POST", base + path, body=body))

    def _delete(self, path: str, *, base: str = BASE) -> Mapping[str, object]:
        return as_object(self._transport.json(Call("DELETE", base + path)))

    def _array_page(self, kind: type[Entry], path: str, page: int) -> Page[Entry]:
        """One page of a list that the API answers as a bare array; its total comes in a header."""
        call = Call("GET", BASE + path, params={"page": page, "page_size": PAGE})
        wire, headers = self._transport.json_and_headers(call)
        items = tuple(read_list(kind, wire))
        told = headers.get("X-Total-Count", "")
        if not told.isdigit():  # a server without pages: this is the whole list
            return Page(items, len(items), page, len(items))
        return Page(items, int(told), page, PAGE)


def part(identifier: str) -> str:
    """An id as one part of a path, whatever it holds."""
    return quote(identifier, safe="")


def project_path(project_id: str) -> str:
    return f"/projects/{part(project_id)}"


def given(**values: object) -> dict[str, object]:
    """Only what the caller set: the server knows the defaults."""
    return {name: value for name, value in values.items() if value is not None}


def params(**values: str | float | None) -> dict[str, str | int]:
    """Query parameters that the caller set, as text where they are not whole numbers."""
    return {
        name: value if isinstance(value, int) and not isinstance(value, bool) else _word(value)
        for name, value in values.items()
        if value is not None
    }


def _word(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def as_object(wire: object) -> Mapping[str, object]:
    if not isinstance(wire, dict):
        raise UnexpectedAnswer(f"Expected an object, got {type(wire).__name__}")
    return wire


def as_page(kind: type[Entry], key: str, wire: object) -> Page[Entry]:
    found = as_object(wire)
    numbers = [found.get(name) for name in ("total", "page", "page_size")]
    total, page, size = (n if isinstance(n, int) else 0 for n in numbers)
    return Page(tuple(read_list(kind, found.get(key))), total, page, size)


def every(page: Callable[[int], Page[Entry]]) -> Iterator[Entry]:
    """The entries of all pages; a page is asked for when the one before is used up."""
    number = 1
    while True:
        found = page(number)
        yield from found.items
        if not found.items or number * (found.page_size or PAGE) >= found.total:
            return
        number += 1
