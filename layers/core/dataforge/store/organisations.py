"""Organisations: one partition of `orgs` each, with its members, keys and settings.

| question                            | access                                                              |
|---|---|
| an organisation                     | get orgs (org_id, `org`)                                            |
| it, a member and a key in one read  | batch_get orgs (org_id, `org`, `member:<user>`, `key:<id>`)         |
| every organisation                  | query orgs (org_id = `*`): one row each, for the operator only      |
| a new one                           | transact: its row, its owner and its line in the list of all        |
"""

from __future__ import annotations

from dataclasses import dataclass

from dataforge import clock, ids
from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Put
from dataforge.store import members as member_store
from dataforge.store import organisation_rows
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.members import Member
from dataforge.store.organisation_rows import REGISTRY


@dataclass(frozen=True, slots=True)
class Org:
    org_id: str
    name: str
    created_at: str


def create(
    name: str, *, user_id: str | None = None, email: str | None = None, user_name: str | None = None
) -> tuple[str, str]:
    """A new organisation with its first member, who owns it; (org_id, user_id)."""
    now = clock.now()
    owner = Member(
        ids.new("org"), user_id or ids.new("user"), role="owner", name=user_name, email=email, created_at=now
    )
    org = Org(owner.org_id, name, now)
    current().tables.transact(
        [
            Put(
                "orgs",
                {**to_item(org), "item": "org", "active_keys": 0, "members": 1, "owners": 1},
                where={"org_id": ABSENT},
            ),
            Put("orgs", member_store.to_row(owner)),
            Put("orgs", {"org_id": REGISTRY, "item": org.org_id, "name": name, "created_at": now}),
        ]
    )
    return owner.org_id, owner.user_id


def list_all() -> list[Org]:
    """Every organisation, oldest first. For the operator's tool and the start of the one-machine server."""
    return [from_item(Org, {**i, "org_id": i["item"]}) for i in organisation_rows.beginning_with(REGISTRY, "")]


def get(org_id: str) -> Org:
    """Raises NotFound."""
    return from_item(Org, organisation_rows.get(org_id))


def get_with_member_and_key(org_id: str, user_id: str, key_id: str) -> tuple[Org, Member, str]:
    """The organisation, the member and the key's name, in one read. Raises NotFound when one is gone."""
    wanted = ("org", f"member:{user_id}", f"key:{key_id}")
    found = current().tables.batch_get("orgs", [{"org_id": org_id, "item": item} for item in wanted])
    if len(found) < len(wanted):
        raise NotFound(f"Organization {org_id} has changed; try again")
    return from_item(Org, found[0]), member_store.from_row(found[1]), str(found[2]["name"])
