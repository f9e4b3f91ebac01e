"""Rows of one organisation's partition, as `organisations`, `members` and `api_keys` share them."""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.errors import Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Update, Where

REGISTRY = "*"
"""No organisation has this id: its partition lists them all, so that the operator needs no Scan."""

ATTEMPTS = 20


# -- rows ---------------------------------------------------------------------------------------------------------


def organisation_row(org_id: str) -> Item:
    item = None if org_id == REGISTRY else current().tables.get("orgs", {"org_id": org_id, "item": "org"})
    if item is None:
        raise NotFound(f"Organization {org_id} not found")
    return item


def counts_update(org: Item, **counts: int) -> Update:
    """New counts, if the organisation still is as it was read: what was listed since then is all there is."""
    read: Where = {n: org.get(n, ABSENT) for n in ("members", "owners", "active_keys")}
    return Update("orgs", {"org_id": str(org["org_id"]), "item": "org"}, set=dict(counts), where=read)


def rows_of(org_id: str, begins: str) -> Iterator[Item]:
    cursor = None
    while True:
        page = current().tables.query_page(
            "orgs", {"org_id": org_id}, begins=("item", begins) if begins else None, cursor=cursor
        )
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def busy() -> Conflict:
    return Conflict("The organization is being changed by others; try again")
