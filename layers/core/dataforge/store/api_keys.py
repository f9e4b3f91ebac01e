"""API keys: what they may do, whom they speak for, and when they were used last.

| question                             | access                                                               |
|---|---|
| request -> org, user, scopes         | get key_hashes (sha256 of the key)                                   |
| one key of an organisation           | get orgs (org_id, `key:<id>`)                                        |
| its keys with their last use         | query orgs (org_id, begins `key:`), batch_get key_hashes             |
| at most 10 keys                      | transact: org.active_keys moves with the key, if it is below 10      |
| a key works or not, nothing between  | transact: its row and its hash come and go together                  |
| does a key still work?               | get orgs (org_id, `key:<id>`)                                        |
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from dataforge import clock, ids
from dataforge.errors import ConditionFailed, Conflict, Invalid, NotFound
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Delete, Item, Put, Update, Where, Write
from dataforge.store import connections, organisation_rows
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.organisation_rows import KEY, MEMBER

ADMIN = "admin"
"""Implies every other scope, and alone lets manage keys and members."""

SCOPES = (
    *(f"{api}:{verb}" for api in ("data-forge", "synthetic", "datasets", "training") for verb in ("read", "write")),
    ADMIN,
)

MAX_KEYS = 10

_USED_EVERY = 60
"""Seconds between two notes of a key's last use."""

logger = logging.getLogger(__name__)


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


def create_first(org_id: str, user_id: str, *, name: str) -> str:
    """A key that may do everything: the first one of an organisation."""
    return create(org_id, user_id, name=name, scopes=[ADMIN], created_by=user_id)[1]


def create(org_id: str, user_id: str, *, name: str, scopes: Sequence[str], created_by: str) -> tuple[ApiKey, str]:
    """The record, and the key itself, which is never stored and cannot be shown again.

    Raises NotFound (no such organisation or member), Conflict (`API_KEY_LIMIT_REACHED`).
    """
    secret, key_id = f"sk_{secrets.token_urlsafe(32)}", ids.new("key")
    key = ApiKey(
        org_id=org_id,
        key_id=key_id,
        name=name,
        prefix=secret[:10],
        user_id=user_id,
        created_by=created_by,
        created_at=clock.now(),
        scopes=[s for s in SCOPES if s in scopes],
        key_hash=hash_key(secret),
    )
    holder = KeyHolder(key.key_hash, org_id, user_id, key_id, key.scopes)
    writes: list[Write] = [
        Update(
            "orgs",
            {"org_id": org_id, "item": "org"},
            add={"active_keys": 1},
            where={"active_keys": tuple(range(MAX_KEYS))},
        ),
        Update("orgs", {"org_id": org_id, "item": f"{MEMBER}{user_id}"}),
        Put("orgs", {**to_item(key), "item": f"{KEY}{key_id}"}),
        Put("key_hashes", to_item(holder)),
    ]
    try:
        current().tables.transact(writes)
    except ConditionFailed:
        if current().tables.get("orgs", {"org_id": org_id, "item": f"{KEY}{key_id}"}) is not None:
            return key, secret  # made by an attempt whose answer was lost
        if organisation_rows.get(org_id).get("active_keys") is not None:
            organisation_rows.get_member(org_id, user_id)
            raise Conflict(
                f"An organization may have {MAX_KEYS} active keys: revoke one first", code="API_KEY_LIMIT_REACHED"
            ) from None
        organisation_rows.begin_counting(org_id)
        return create(org_id, user_id, name=name, scopes=scopes, created_by=created_by)
    logger.info("key %s of organization %s was made for %s by %s", key_id, org_id, user_id, created_by)
    return key, secret


def of_organisation(org_id: str) -> list[ApiKey]:
    """The active ones, oldest first."""
    keys = stored(org_id)
    used = current().tables.batch_get("key_hashes", [{"key_hash": k.key_hash} for k in keys if k.key_hash])
    at = {str(i["key_id"]): i.get("last_used_at") for i in used}
    return [from_item(ApiKey, {**to_item(k), "last_used_at": at.get(k.key_id)}) for k in keys]


def revoke(org_id: str, key_id: str) -> ApiKey:
    """It stops working with the next request, and its open connections are closed. Raises NotFound, also for another
    organisation's key."""
    item = current().tables.get("orgs", {"org_id": org_id, "item": f"{KEY}{key_id}"})
    if item is None:
        raise NotFound(f"API key {key_id} not found")
    key = require_revocable(_key(item))
    if organisation_rows.get(org_id).get("active_keys") is None:
        organisation_rows.begin_counting(org_id)
    try:
        current().tables.transact(
            [
                *deletion(key, where={"key_hash": key.key_hash}),
                Update("orgs", {"org_id": org_id, "item": "org"}, add={"active_keys": -1}),
            ]
        )
    except ConditionFailed:
        raise NotFound(f"API key {key_id} not found") from None
    logger.info("key %s of organization %s was revoked", key_id, org_id)
    connections.end_those_of([key_id])
    return key


def check_scopes(scopes: Sequence[str]) -> None:
    """Raises Invalid naming the first scope that there is not."""
    for scope in scopes:
        if scope not in SCOPES:
            raise Invalid(f"There is no scope {scope}: choose from {', '.join(SCOPES)}", field="scopes")


def is_active(org_id: str, key_id: str) -> bool:
    """Whether the key has not been revoked since it was accepted."""
    return current().tables.get("orgs", {"org_id": org_id, "item": f"{KEY}{key_id}"}) is not None


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
                "orgs", {"org_id": holder.org_id, "item": f"{KEY}{holder.key_id}"}, set={"key_hash": holder.key_hash}
            )
    except ConditionFailed:
        return
    except Exception:
        logger.warning("the last use of key %s could not be noted", holder.key_id, exc_info=True)


def stored(org_id: str) -> list[ApiKey]:
    """The active ones, oldest first, without their last use."""
    return [_key(i) for i in organisation_rows.beginning_with(org_id, KEY)]


def _key(item: Item) -> ApiKey:
    """Keys of the first version lack some fields."""
    early: Item = {
        "scopes": [ADMIN],
        "created_by": item["user_id"],
        "key_hash": "",
        "key_id": str(item["item"]).removeprefix(KEY),
    }
    return from_item(ApiKey, {**early, **item})


def require_revocable(key: ApiKey) -> ApiKey:
    """Raises Conflict for a key whose hash is not known."""
    if not key.key_hash:
        raise Conflict(f"API key {key.key_id} was made by an early version: use it once, then it can be revoked")
    return key


def deletion(key: ApiKey, *, where: Where | None = None) -> list[Write]:
    """The writes after which it works no more."""
    return [
        Delete("orgs", {"org_id": key.org_id, "item": f"{KEY}{key.key_id}"}, where=where or {}),
        Delete("key_hashes", {"key_hash": key.key_hash}),
    ]
