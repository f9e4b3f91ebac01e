"""Typed records in, table items out: the one place where a dataclass meets the tables port.

| question                    | access                        |
|---|---|
| every item of a partition   | query any table, page by page |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

from dataforge.platform import current
from dataforge.platform.ports import Item


def items_of(
    table: str,
    hash_key: dict[str, str],
    *,
    begins: tuple[str, str] | None = None,
    between: tuple[str, str, str] | None = None,
    descending: bool = False,
    index: str | None = None,
    attributes: Sequence[str] = (),
) -> Iterator[Item]:
    """Every item of one partition, page after page, so that only one page is in memory."""
    cursor = None
    while True:
        page = current().tables.query_page(
            table,
            hash_key,
            index=index,
            begins=begins,
            between=between,
            cursor=cursor,
            descending=descending,
            attributes=attributes,
        )
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


T = TypeVar("T")


def to_item(record: object) -> Item:
    """Every field by its name. None is left out, so that an unset index key keeps the item out of that index."""
    item: Item = {}
    for name in _names(cast(Any, type(record))):
        value = getattr(record, name)
        if value is not None:
            item[name] = value
    return item


def from_item(cls: type[T], item: Item) -> T:
    """Unknown attributes are ignored (a newer version wrote them), missing ones take the field's default."""
    names = _names(cast(Any, cls))
    return cls(**{name: value for name, value in item.items() if name in names})


@cache
def _names(cls: type) -> frozenset[str]:
    return frozenset(f.name for f in fields(cast(Any, cls)))
