"""Organisations, their members and keys: one partition per organisation.

| question                      | access                                                         |
|---|---|
| request -> org, user, scopes  | get key_hashes (sha256 of the key)                             |
| a member, a key               | get orgs (org_id, member:<user> or key:<id>)                   |
| an organisation's members     | query orgs (org_id, begins member:)                            |
| its keys with their last use  | query orgs (org_id, begins key:), batch_get key_hashes         |
| every organisation            | query orgs (org_id = *): one line each, for the operator only  |
| at most 10 keys               | org.active_keys moves with the key, if it is below 10          |
| never without an owner        | org.owners and org.members must be what was read               |
| its own models and prices     | get orgs (org_id, models)                                      |
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dataforge import clock, ids
from dataforge.errors import ConditionFailed, Conflict, Invalid, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Delete, Item, Put, Update, Where, Write
from dataforge.store.rows import from_item, to_item

ADMIN = "admin"
"""Implies every other scope, and alone lets manage keys and members."""
SCOPES = (
    *(f"{api}:{verb}" for api in ("data-forge", "synthetic", "datasets", "training") for verb in ("read", "write")),
    ADMIN,
)
MOST_KEYS = 10
_REGISTRY = "*"
"""No organisation has this id: its partition lists them all, so that the operator needs no Scan."""
_USED_EVERY = 60
"""Seconds between two notes of a key's last use."""
_ATTEMPTS = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Org:
    org_id: str
    name: str
    created_at: str


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


@dataclass(frozen=True, slots=True)
class ApiKey:
    org_id: str
    key_id: str
    name: str
    prefix: str
    user_id: str
    """Whom it speaks for."""
    created_by: str
    created_at: str
    scopes: list[str]
    key_hash: str
    last_used_at: str | None = None


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who a key speaks for."""

    key_hash: str
    org_id: str
    user_id: str
    key_id: str
    scopes: list[str]
    last_used_at: str | None = None


def hash_key(key: str) -> str:
    """Keys carry 256 random bits, so a plain SHA-256 cannot be searched."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


# -- organisations ------------------------------------------------------------------------------------------------


def create_org(
    name: str, *, user_id: str | None = None, email: str | None = None, user_name: str | None = None
) -> tuple[str, str]:
    """A new organisation with its first member, who owns it; (org_id, user_id)."""
    now = clock.now()
    owner = Member(ids.new("org"), user_id or ids.new("user"), "owner", user_name, email, True, now)
    org = Org(owner.org_id, name, now)
    current().tables.transact(
        [
            Put(
                "orgs",
                {**to_item(org), "item": "org", "active_keys": 0, "members": 1, "owners": 1},
                where={"org_id": ABSENT},
            ),
            Put("orgs", _member_item(owner)),
            Put("orgs", {"org_id": _REGISTRY, "item": org.org_id, "name": name, "created_at": now}),
        ]
    )
    return owner.org_id, owner.user_id


def list_orgs() -> list[Org]:
    """Every organisation, oldest first. For the operator's tool and the start of the one-machine server."""
    return [from_item(Org, {**i, "org_id": i["item"]}) for i in _partition(_REGISTRY, "")]


def get_org(org_id: str) -> Org:
    """Raises NotFound."""
    return from_item(Org, _org_item(org_id))


def get_many(org_id: str, user_id: str, key_id: str) -> tuple[Org, Member, str]:
    """The organisation, the member and the key's name, in one read. Raises NotFound when one is gone."""
    wanted = ("org", f"member:{user_id}", f"key:{key_id}")
    found = current().tables.batch_get("orgs", [{"org_id": org_id, "item": item} for item in wanted])
    if len(found) < len(wanted):
        raise NotFound(f"Organization {org_id} has changed; try again")
    return from_item(Org, found[0]), _member(found[1]), str(found[2]["name"])


# -- members ------------------------------------------------------------------------------------------------------


def members_of(org_id: str) -> list[Member]:
    """Oldest first."""
    return sorted((_member(i) for i in _partition(org_id, "member:")), key=lambda m: (m.created_at, m.user_id))


def get_member(org_id: str, user_id: str) -> Member:
    """Raises NotFound."""
    item = current().tables.get("orgs", {"org_id": org_id, "item": f"member:{user_id}"})
    if item is None:
        raise NotFound(f"Member {user_id} not found")
    return _member(item)


def add_member(member: Member) -> Member:
    """Raises NotFound (no such organisation), Conflict (`MEMBER_EXISTS`: this user or email is in it)."""
    for _ in range(_ATTEMPTS):
        org = _org_item(member.org_id)
        known = members_of(member.org_id)
        if any(m.user_id == member.user_id or (m.email and _same(m.email, member.email)) for m in known):
            raise Conflict("This user is a member of the organization already", code="MEMBER_EXISTS")
        try:
            current().tables.transact(
                [
                    _count(org, members=len(known) + 1, owners=_owners(known) + (member.role == "owner")),
                    Put("orgs", _member_item(member)),
                ]
            )
        except ConditionFailed:
            continue
        return member
    raise _busy()


def remove_member(org_id: str, user_id: str) -> int:
    """The member and every key that speaks for them, at once; how many keys that were.

    Raises NotFound, Conflict (`LAST_OWNER`). A key made at the same moment is either seen here or not made.
    """
    for _ in range(_ATTEMPTS):
        org = _org_item(org_id)  # before the rest is read: whatever changes from here on breaks the condition
        known, keys = members_of(org_id), _keys(org_id)
        member = next((m for m in known if m.user_id == user_id), None)
        if member is None:
            raise NotFound(f"Member {user_id} not found")
        if member.role == "owner" and _owners(known) == 1:
            raise Conflict("The last owner of an organization cannot be removed", code="LAST_OWNER")
        theirs = [_revocable(k) for k in keys if k.user_id == user_id]
        try:
            current().tables.transact(
                [
                    _count(
                        org,
                        members=len(known) - 1,
                        owners=_owners(known) - (member.role == "owner"),
                        active_keys=len(keys) - len(theirs),
                    ),
                    Delete("orgs", {"org_id": org_id, "item": f"member:{user_id}"}),
                    *(write for key in theirs for write in _forget(key)),
                ]
            )
        except ConditionFailed:
            continue
        logger.info("member %s left organization %s with %d keys", user_id, org_id, len(theirs))
        return len(theirs)
    raise _busy()


def verify_email(org_id: str, user_id: str, *, verified: bool = True) -> Member:
    """Raises NotFound."""
    try:
        key = {"org_id": org_id, "item": f"member:{user_id}"}
        return _member(current().tables.update("orgs", key, set={"email_verified": verified}))
    except ConditionFailed:
        raise NotFound(f"Member {user_id} not found") from None


# -- keys ---------------------------------------------------------------------------------------------------------


def create_key(org_id: str, user_id: str, *, name: str) -> str:
    """A key that may do everything: the first one of an organisation."""
    return new_key(org_id, user_id, name=name, scopes=[ADMIN], created_by=user_id)[1]


def new_key(org_id: str, user_id: str, *, name: str, scopes: Sequence[str], created_by: str) -> tuple[ApiKey, str]:
    """The record, and the key itself, which is never stored and cannot be shown again.

    Raises NotFound (no such organisation or member), Conflict (`API_KEY_LIMIT_REACHED`).
    """
    secret, key_id = f"sk_{secrets.token_urlsafe(32)}", ids.new("key")
    key = ApiKey(
        org_id,
        key_id,
        name,
        secret[:10],
        user_id,
        created_by,
        clock.now(),
        [s for s in SCOPES if s in scopes],
        hash_key(secret),
    )
    holder = KeyHolder(key.key_hash, org_id, user_id, key_id, key.scopes)
    writes: list[Write] = [
        Update(
            "orgs",
            {"org_id": org_id, "item": "org"},
            add={"active_keys": 1},
            where={"active_keys": tuple(range(MOST_KEYS))},
        ),
        Update("orgs", {"org_id": org_id, "item": f"member:{user_id}"}),
        Put("orgs", {**to_item(key), "item": f"key:{key_id}"}),
        Put("key_hashes", to_item(holder)),
    ]
    try:
        current().tables.transact(writes)
    except ConditionFailed:
        if _org_item(org_id).get("active_keys") is not None:
            get_member(org_id, user_id)
            raise Conflict(
                f"An organization may have {MOST_KEYS} active keys: revoke one first", code="API_KEY_LIMIT_REACHED"
            ) from None
        _begin_counting(org_id)
        return new_key(org_id, user_id, name=name, scopes=scopes, created_by=created_by)
    logger.info("key %s of organization %s was made for %s by %s", key_id, org_id, user_id, created_by)
    return key, secret


def keys_of(org_id: str) -> list[ApiKey]:
    """The active ones, oldest first."""
    keys = _keys(org_id)
    used = current().tables.batch_get("key_hashes", [{"key_hash": k.key_hash} for k in keys if k.key_hash])
    at = {str(i["key_id"]): i.get("last_used_at") for i in used}
    return [from_item(ApiKey, {**to_item(k), "last_used_at": at.get(k.key_id)}) for k in keys]


def revoke_key(org_id: str, key_id: str) -> ApiKey:
    """It stops working with the next request. Raises NotFound, also for another organisation's key."""
    item = current().tables.get("orgs", {"org_id": org_id, "item": f"key:{key_id}"})
    if item is None:
        raise NotFound(f"API key {key_id} not found")
    key = _revocable(_key(item))
    if _org_item(org_id).get("active_keys") is None:
        _begin_counting(org_id)
    try:
        current().tables.transact(
            [
                *_forget(key, where={"key_hash": key.key_hash}),
                Update("orgs", {"org_id": org_id, "item": "org"}, add={"active_keys": -1}),
            ]
        )
    except ConditionFailed:
        raise NotFound(f"API key {key_id} not found") from None
    logger.info("key %s of organization %s was revoked", key_id, org_id)
    return key


def check_scopes(scopes: Sequence[str]) -> None:
    """Raises Invalid naming the first scope that there is not."""
    for scope in scopes:
        if scope not in SCOPES:
            raise Invalid(f"There is no scope {scope}: choose from {', '.join(SCOPES)}", field="scopes")


def holder_of(key: str) -> KeyHolder | None:
    item = current().tables.get("key_hashes", {"key_hash": hash_key(key)})
    return from_item(KeyHolder, item) if item else None


def note_use(holder: KeyHolder) -> None:
    """At most once a minute, by whoever is first. Never raises: a request must not fail for it."""
    last = holder.last_used_at
    if last is not None and clock.seconds_since(last) < _USED_EVERY:
        return
    where: Where = {"last_used_at": last if last is not None else ABSENT}
    try:
        current().tables.update(
            "key_hashes", {"key_hash": holder.key_hash}, set={"last_used_at": clock.now()}, where=where
        )
        if last is None:  # keys of the first version did not know their hash; without it they cannot be revoked
            current().tables.update(
                "orgs", {"org_id": holder.org_id, "item": f"key:{holder.key_id}"}, set={"key_hash": holder.key_hash}
            )
    except ConditionFailed:
        return
    except Exception:
        logger.warning("the last use of key %s could not be noted", holder.key_id, exc_info=True)


# -- models -------------------------------------------------------------------------------------------------------


def set_models(org_id: str, layer: Item) -> None:
    """Its layer over the catalogue of models, in the form of `teachers/models.json` and checked by its reader."""
    current().tables.put("orgs", {**layer, "org_id": org_id, "item": "models"})


def models_of(org_id: str) -> Item:
    """Empty when it has none of its own."""
    return current().tables.get("orgs", {"org_id": org_id, "item": "models"}) or {}


# -- rows ---------------------------------------------------------------------------------------------------------


def _org_item(org_id: str) -> Item:
    item = None if org_id == _REGISTRY else current().tables.get("orgs", {"org_id": org_id, "item": "org"})
    if item is None:
        raise NotFound(f"Organization {org_id} not found")
    return item


def _keys(org_id: str) -> list[ApiKey]:
    return [_key(i) for i in _partition(org_id, "key:")]


def _key(item: Item) -> ApiKey:
    """Keys of the first version lack some fields."""
    early: Item = {"scopes": [ADMIN], "created_by": item["user_id"], "key_hash": "", "key_id": str(item["item"])[4:]}
    return from_item(ApiKey, {**early, **item})


def _revocable(key: ApiKey) -> ApiKey:
    if not key.key_hash:
        raise Conflict(f"API key {key.key_id} was made by an early version: use it once, then it can be revoked")
    return key


def _member(item: Item) -> Member:
    return from_item(Member, {"user_id": str(item["item"]).removeprefix("member:"), **item})


def _member_item(member: Member) -> Item:
    return {**to_item(member), "item": f"member:{member.user_id}"}


def _owners(members: Sequence[Member]) -> int:
    return sum(m.role == "owner" for m in members)


def _same(a: str, b: str | None) -> bool:
    return b is not None and a.casefold() == b.casefold()


def _count(org: Item, **counts: int) -> Update:
    """New counts, if the organisation still is as it was read: what was listed since then is all there is."""
    read: Where = {n: org.get(n, ABSENT) for n in ("members", "owners", "active_keys")}
    return Update("orgs", {"org_id": str(org["org_id"]), "item": "org"}, set=dict(counts), where=read)


def _begin_counting(org_id: str) -> None:
    """For an organisation of the first version, which had no counters."""
    org = _org_item(org_id)
    known, keys = members_of(org_id), _keys(org_id)
    try:
        current().tables.transact([_count(org, members=len(known), owners=_owners(known), active_keys=len(keys))])
    except ConditionFailed:
        return


def _forget(key: ApiKey, *, where: Where | None = None) -> list[Write]:
    return [
        Delete("orgs", {"org_id": key.org_id, "item": f"key:{key.key_id}"}, where=where or {}),
        Delete("key_hashes", {"key_hash": key.key_hash}),
    ]


def _partition(org_id: str, begins: str) -> Iterator[Item]:
    cursor = None
    while True:
        page = current().tables.query_page(
            "orgs", {"org_id": org_id}, begins=("item", begins) if begins else None, cursor=cursor
        )
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _busy() -> Conflict:
    return Conflict("The organization is being changed by others; try again")
