"""Organisations, members and keys.

| question                      | access                                            |
|---|---|
| request -> org, user, scopes  | get key_hashes (sha256 of the key)                |
| is this user a member?        | get orgs (org_id, member:<user>)                  |
| an organisation and its keys  | query orgs (org_id)                               |
| its own models and prices     | get orgs (org_id, models)                         |
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from dataforge import clock, ids
from dataforge.platform import current
from dataforge.platform.ports import Item, Put
from dataforge.store.rows import from_item

ALL_SCOPES = ["data-forge:read", "data-forge:write", "admin"]


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who a key speaks for."""

    org_id: str
    user_id: str
    key_id: str
    scopes: list[str]


def hash_key(key: str) -> str:
    """Keys carry 256 random bits, so a plain SHA-256 cannot be searched."""
    return hashlib.sha256(key.encode()).hexdigest()


def create_org(name: str, *, user_id: str | None = None) -> tuple[str, str]:
    """A new organisation with its first member; (org_id, user_id)."""
    org_id, user_id = ids.new("org"), user_id or ids.new("user")
    now = clock.now()
    current().tables.transact([
        Put("orgs", {"org_id": org_id, "item": "org", "name": name, "created_at": now}),
        Put("orgs", {"org_id": org_id, "item": f"member:{user_id}", "role": "owner", "created_at": now}),
    ])
    return org_id, user_id


def create_key(org_id: str, user_id: str, *, name: str) -> str:
    """The key itself, which is never stored and cannot be shown again."""
    key, key_id = f"sk_{secrets.token_urlsafe(32)}", ids.new("key")
    current().tables.transact([
        Put("orgs", {
            "org_id": org_id, "item": f"key:{key_id}", "name": name, "prefix": key[:10], "user_id": user_id,
            "created_at": clock.now(),
        }),
        Put("key_hashes", {
            "key_hash": hash_key(key), "org_id": org_id, "user_id": user_id, "key_id": key_id,
            "scopes": list(ALL_SCOPES),
        }),
    ])
    return key


def holder_of(key: str) -> KeyHolder | None:
    item = current().tables.get("key_hashes", {"key_hash": hash_key(key)})
    return from_item(KeyHolder, item) if item else None


def is_member(org_id: str, user_id: str) -> bool:
    return current().tables.get("orgs", {"org_id": org_id, "item": f"member:{user_id}"}) is not None


def set_models(org_id: str, layer: Item) -> None:
    """Its layer over the catalogue of models, in the form of `teachers/models.json` and checked by its reader."""
    current().tables.put("orgs", {**layer, "org_id": org_id, "item": "models"})


def models_of(org_id: str) -> Item:
    """Empty when it has none of its own."""
    return current().tables.get("orgs", {"org_id": org_id, "item": "models"}) or {}
