"""Paging of routes that return bare arrays: all entries, or one page on request; the total is sent in a header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Response

from dataforge_functions.api.wire.limits import MAX_PAGE

TOTAL = "X-Total-Count"
Entry = TypeVar("Entry")


class Paging:
    def __init__(
        self,
        response: Response,
        page: Annotated[int | None, Query(ge=1, le=MAX_PAGE, description="1-based; without it: everything")] = None,
        page_size: Annotated[int | None, Query(ge=1, le=500, description="50 when only `page` is given")] = None,
    ) -> None:
        self._response, self._page, self._size = response, page, page_size

    def cut(self, found: Iterable[Entry]) -> list[Entry]:
        """The entries of the requested page; the others are counted, and not kept."""
        size = self._size or 50
        last = (self._page or 1) * size
        wanted = range(last - size, last) if self._page or self._size else None
        kept, total = [], 0
        for total, entry in enumerate(found, 1):
            if wanted is None or total - 1 in wanted:
                kept.append(entry)
        self._response.headers[TOTAL] = str(total)
        return kept


PagingDep = Annotated[Paging, Depends(Paging)]
