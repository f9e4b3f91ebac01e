"""Conditional writes that recognise themselves.

| question                              | access                                                            |
|---|---|
| was it this write that is there now?  | put_new, or update with a condition; if refused, get the item     |

A write whose answer is lost on the network is sent again, by the SDK or by whoever called. The first attempt may have
been carried out, and then its own condition refuses the second. Each write therefore leaves a mark of its own on the
item, and a refused one whose mark is there has succeeded. Transactions need none: DynamoDB knows the token that the SDK
sends with every attempt; those whose callers may repeat them look for what they were to write.
"""

from __future__ import annotations

import secrets

from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import Item, Key, Where

MARK = "write_id"
"""The attribute that holds the mark; no record has a field of this name."""


def new_mark() -> str:
    return secrets.token_hex(8)


def put_new(table: str, key: Key, values: Item) -> None:
    """The item is there afterwards, written here. Raises ConditionFailed when somebody else's is."""
    mine = new_mark()
    try:
        current().tables.put_new(table, {**values, **key, MARK: mine})
    except ConditionFailed:
        if _there(table, key, mine) is None:
            raise


def update(table: str, key: Key, *, set: Item, where: Where, remove: tuple[str, ...] = ()) -> Item:
    """The item afterwards. Raises ConditionFailed when it was not as required, and was not changed here."""
    mine = new_mark()
    try:
        return current().tables.update(table, key, set={**set, MARK: mine}, remove=remove, where=where)
    except ConditionFailed:
        item = _there(table, key, mine)
        if item is None:
            raise
        return item


def _there(table: str, key: Key, mine: str) -> Item | None:
    item = current().tables.get(table, key)
    return item if item is not None and item.get(MARK) == mine else None
