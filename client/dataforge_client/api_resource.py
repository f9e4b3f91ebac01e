"""Base class of the resources: sends one API request and decodes its response."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from dataforge_client.decoding import decode_list
from dataforge_client.errors import UnexpectedAnswer
from dataforge_client.models import Page
from dataforge_client.transport import ApiRequest, Retry, Transport

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BASE_PATH = "/api/v1/data-forge"
PAGE_SIZE = 200
"""Items per page that the iterators request."""
Record = TypeVar("Record", bound="DataclassInstance")


class ApiResource:
    """Every POST carries an `Idempotency-Key`, so that it can be retried safely.

    The key is the caller's (`idempotency_key=`), which a later process can send again, or a new random one.
    """

    _transport: Transport
    _retry: Retry

    def _get(self, path: str, params: Mapping[str, str | int] | None = None, *, base: str = BASE_PATH) -> object:
        return self._transport.json(ApiRequest("GET", base + path, params=params))

    def _put(self, path: str, body: object) -> object:
        return self._transport.json(ApiRequest("PUT", BASE_PATH + path, body=body))

    def _post(self, path: str, body: object, *, key: str | None = None, base: str = BASE_PATH) -> object:
        return self._transport.json(ApiRequest("POST", base + path, body=body, key=key or uuid.uuid4().hex))

    def _post_once(self, path: str, body: object, *, base: str = BASE_PATH) -> object:
        """A POST without an Idempotency-Key: for the one operation whose response must not be stored anywhere."""
        return self._transport.json(ApiRequest("POST", base + path, body=body))

    def _delete(self, path: str, *, base: str = BASE_PATH) -> Mapping[str, object]:
        return expect_object(self._transport.json(ApiRequest("DELETE", base + path)))

    def _array_page(self, kind: type[Record], path: str, page: int) -> Page[Record]:
        """One page of a list that the API returns as a JSON array; the total is in the header X-Total-Count."""
        request = ApiRequest("GET", BASE_PATH + path, params={"page": page, "page_size": PAGE_SIZE})
        wire, headers = self._transport.json_and_headers(request)
        items = tuple(decode_list(kind, wire))
        total = headers.get("X-Total-Count", "")
        if not total.isdigit():  # a server without pages: this is the whole list
            return Page(items, len(items), page, len(items))
        return Page(items, int(total), page, PAGE_SIZE)


def path_segment(identifier: str) -> str:
    """An id as one segment of a URL path; every special character is escaped."""
    return quote(identifier, safe="")


def project_path(project_id: str) -> str:
    return f"/projects/{path_segment(project_id)}"


def without_none(**values: object) -> dict[str, object]:
    """Only the values that the caller set; the server applies its own defaults for the others."""
    return {name: value for name, value in values.items() if value is not None}


def query_params(**values: str | float | None) -> dict[str, str | int]:
    """Query parameters that the caller set; whole numbers stay numbers, everything else becomes text."""
    return {
        name: value if isinstance(value, int) and not isinstance(value, bool) else _query_text(value)
        for name, value in values.items()
        if value is not None
    }


def _query_text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def expect_object(wire: object) -> Mapping[str, object]:
    """Raises UnexpectedAnswer when `wire` is not a JSON object."""
    if not isinstance(wire, dict):
        raise UnexpectedAnswer(f"Expected an object, got {type(wire).__name__}")
    return wire


def decode_page(kind: type[Record], key: str, wire: object) -> Page[Record]:
    """One page of a list that the API returns as an object; `key` names the field with the items."""
    response = expect_object(wire)
    numbers = [response.get(name) for name in ("total", "page", "page_size")]
    total, page, size = (n if isinstance(n, int) else 0 for n in numbers)
    return Page(tuple(decode_list(kind, response.get(key))), total, page, size)


def iterate_pages(get_page: Callable[[int], Page[Record]]) -> Iterator[Record]:
    """The items of all pages; a page is requested only when the one before is used up."""
    number = 1
    while True:
        page = get_page(number)
        yield from page.items
        if not page.items or number * (page.page_size or PAGE_SIZE) >= page.total:
            return
        number += 1
