"""Rows of an organisation's partition, as `organisations`, `members` and `api_keys` share them.

| question                        | access                                                                |
|---|---|
| the organisation                | get orgs (org_id, `org`)                                              |
| one of its members              | get orgs (org_id, `member:<user>`)                                    |
| its members, or its keys        | query orgs (org_id, begins `member:` or `key:`)                       |
| how many members, owners, keys  | counted on the organisation's row; update if they are what was read   |
"""

from __future__ import annotations

from collections.abc import Iterator

from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Update, Where
from dataforge.store import item_codec

REGISTRY = "*"
"""No organisation has this id: its partition lists them all, so that the operator needs no Scan."""

MEMBER = "member:"
KEY = "key:"
"""What the names of a member's and of a key's row begin with."""

ATTEMPTS = 20
"""How often a change of members is tried while others change the same organisation."""


def get(org_id: str) -> Item:
    """The organisation's own row. Raises NotFound."""
    item = None if org_id == REGISTRY else current().tables.get("orgs", {"org_id": org_id, "item": "org"})
    if item is None:
        raise NotFound(f"Organization {org_id} not found")
    return item


def get_member(org_id: str, user_id: str) -> Item:
    """Raises NotFound."""
    item = current().tables.get("orgs", {"org_id": org_id, "item": f"{MEMBER}{user_id}"})
    if item is None:
        raise NotFound(f"Member {user_id} not found")
    return item


def beginning_with(org_id: str, prefix: str) -> Iterator[Item]:
    """Rows by the beginning of their name, in the order of their names; the empty prefix gives all."""
    return item_codec.items_of("orgs", {"org_id": org_id}, begins=("item", prefix) if prefix else None)


def update_counts(org: Item, **counts: int) -> Update:
    """The write of new counts, if the organisation still is as it was read: what was listed since is all there is."""
    read: Where = {n: org.get(n, ABSENT) for n in ("members", "owners", "active_keys")}
    return Update("orgs", {"org_id": str(org["org_id"]), "item": "org"}, set=dict(counts), where=read)


def begin_counting(org_id: str) -> None:
    """Count what there is, for an organisation of the first version, which had no counters."""
    org = get(org_id)
    members = list(beginning_with(org_id, MEMBER))
    keys = sum(1 for _ in beginning_with(org_id, KEY))
    owners = sum(m.get("role") == "owner" for m in members)
    try:
        current().tables.transact([update_counts(org, members=len(members), owners=owners, active_keys=keys)])
    except ConditionFailed:  # somebody else did
        return


def busy() -> Conflict:
    """The error after ATTEMPTS attempts."""
    return Conflict("The organization is being changed by others; try again")
