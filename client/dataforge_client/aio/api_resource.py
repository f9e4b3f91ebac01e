"""Base class of the resources: sends one API request and decodes its response."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from dataforge_client.aio.transport import AsyncRetry, Transport
from dataforge_client.api_request import BASE_PATH, PAGE_SIZE, ApiRequest, Record, expect_object
from dataforge_client.decoding import decode_list
from dataforge_client.models import Page


class ApiResource:
    """Every POST carries an `Idempotency-Key`, so that it can be retried safely.

    The key is the caller's (`idempotency_key=`), which a later process can send again, or a new random one.
    """

    _transport: Transport
    _retry: AsyncRetry

    async def _get(self, path: str, params: Mapping[str, str | int] | None = None, *, base: str = BASE_PATH) -> object:
        return await self._transport.json(ApiRequest("GET", base + path, params=params))

    async def _get_text(self, path: str, *, base: str = BASE_PATH) -> str:
        return await self._transport.text(ApiRequest("GET", base + path))

    async def _get_public(self, path: str) -> object:
        """A GET that needs no API key."""
        return await self._transport.json(ApiRequest("GET", path, public=True))

    async def _put(self, path: str, body: object) -> object:
        return await self._transport.json(ApiRequest("PUT", BASE_PATH + path, body=body))

    async def _post(self, path: str, body: object, *, key: str | None = None, base: str = BASE_PATH) -> object:
        return await self._transport.json(ApiRequest("POST", base + path, body=body, key=key or uuid.uuid4().hex))

    async def _post_once(self, path: str, body: object, *, base: str = BASE_PATH) -> object:
        """A POST without an Idempotency-Key: for the one operation whose response must not be stored anywhere."""
        return await self._transport.json(ApiRequest("POST", base + path, body=body))

    async def _delete(self, path: str, *, base: str = BASE_PATH) -> Mapping[str, object]:
        return expect_object(await self._transport.json(ApiRequest("DELETE", base + path)))

    async def _array_page(self, kind: type[Record], path: str, page: int) -> Page[Record]:
        """One page of a list that the API returns as a JSON array; the total is in the header X-Total-Count."""
        request = ApiRequest("GET", BASE_PATH + path, params={"page": page, "page_size": PAGE_SIZE})
        wire, headers = await self._transport.json_and_headers(request)
        items = tuple(decode_list(kind, wire))
        total = headers.get("X-Total-Count", "")
        if not total.isdigit():  # a server without pages: this is the whole list
            return Page(items, len(items), page, len(items))
        return Page(items, int(total), page, PAGE_SIZE)


async def iterate_pages(get_page: Callable[[int], Awaitable[Page[Record]]]) -> AsyncIterator[Record]:
    """The items of all pages; a page is requested only when the one before is used up."""
    number = 1
    while True:
        page = await get_page(number)
        for item in page.items:
            yield item
        if not page.items or number * (page.page_size or PAGE_SIZE) >= page.total:
            return
        number += 1
