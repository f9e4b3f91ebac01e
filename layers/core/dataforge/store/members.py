"""Members of organisations.

| question                    | access                                                                        |
|---|---|
| a member                    | get orgs (org_id, `member:<user>`)                                            |
| an organisation's members   | query orgs (org_id, begins `member:`)                                         |
| a new one, only once        | transact: its row, and the counts, if they are what was read                  |
| never without an owner      | transact: the rows of the member and their keys go, if the counts are as read |
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Delete, Item, Put
from dataforge.store import api_keys, connections, organisation_rows, own_writes
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.organisation_rows import ATTEMPTS, MEMBER

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    org_id: str
    user_id: str
    role: str = "member"
    """owner or member; the last owner cannot be removed."""
    name: str | None = None
    email: str | None = None
    email_verified: bool = True
    created_at: str = ""


def of_organisation(org_id: str) -> list[Member]:
    """Oldest first."""
    found = map(from_row, organisation_rows.beginning_with(org_id, MEMBER))
    return sorted(found, key=lambda m: (m.created_at, m.user_id))


def get(org_id: str, user_id: str) -> Member:
    """Raises NotFound."""
    return from_row(organisation_rows.get_member(org_id, user_id))


def add(member: Member) -> Member:
    """Raises NotFound (no such organisation), Conflict (`MEMBER_EXISTS`: this user or email is in it)."""
    mark = own_writes.new_mark()
    for _ in range(ATTEMPTS):
        org = organisation_rows.get(member.org_id)
        known = of_organisation(member.org_id)
        if any(m.user_id == member.user_id or (m.email and _same(m.email, member.email)) for m in known):
            raise Conflict("This user is a member of the organization already", code="MEMBER_EXISTS")
        try:
            current().tables.transact(
                [
                    organisation_rows.update_counts(
                        org, members=len(known) + 1, owners=owners_of(known) + (member.role == "owner")
                    ),
                    Put("orgs", {**to_row(member), own_writes.MARK: mark}),
                ]
            )
        except ConditionFailed:
            key = {"org_id": member.org_id, "item": f"{MEMBER}{member.user_id}"}
            there = current().tables.get("orgs", key)
            if there is None or there.get(own_writes.MARK) != mark:
                continue  # else it was added by an attempt whose answer was lost
        return member
    raise organisation_rows.busy()


def remove(org_id: str, user_id: str) -> int:
    """The member and every key that speaks for them, at once; how many keys that were.

    Raises NotFound, Conflict (`LAST_OWNER`). A key made at the same moment is either seen here or not made.
    """
    for _ in range(ATTEMPTS):
        # Before the rest is read: whatever changes from here on breaks the condition.
        org = organisation_rows.get(org_id)
        known, keys = of_organisation(org_id), api_keys.stored(org_id)
        member = next((m for m in known if m.user_id == user_id), None)
        if member is None:
            raise NotFound(f"Member {user_id} not found")
        if member.role == "owner" and owners_of(known) == 1:
            raise Conflict("The last owner of an organization cannot be removed", code="LAST_OWNER")
        theirs = [api_keys.require_revocable(k) for k in keys if k.user_id == user_id]
        try:
            current().tables.transact(
                [
                    organisation_rows.update_counts(
                        org,
                        members=len(known) - 1,
                        owners=owners_of(known) - (member.role == "owner"),
                        active_keys=len(keys) - len(theirs),
                    ),
                    Delete("orgs", {"org_id": org_id, "item": f"{MEMBER}{user_id}"}),
                    *(write for key in theirs for write in api_keys.deletion(key)),
                ]
            )
        except ConditionFailed:
            continue
        logger.info("member %s left organization %s with %d keys", user_id, org_id, len(theirs))
        connections.end_those_of([key.key_id for key in theirs])
        return len(theirs)
    raise organisation_rows.busy()


def verify_email(org_id: str, user_id: str, *, verified: bool = True) -> Member:
    """Raises NotFound."""
    try:
        key = {"org_id": org_id, "item": f"{MEMBER}{user_id}"}
        return from_row(current().tables.update("orgs", key, set={"email_verified": verified}))
    except ConditionFailed:
        raise NotFound(f"Member {user_id} not found") from None


def from_row(item: Item) -> Member:
    """Rows of the first version name the user in their key only."""
    return from_item(Member, {"user_id": str(item["item"]).removeprefix(MEMBER), **item})


def to_row(member: Member) -> Item:
    return {**to_item(member), "item": f"{MEMBER}{member.user_id}"}


def owners_of(members: Sequence[Member]) -> int:
    return sum(m.role == "owner" for m in members)


def _same(a: str, b: str | None) -> bool:
    return b is not None and a.casefold() == b.casefold()
