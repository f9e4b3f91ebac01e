"""Tickets that open one WebSocket connection: a browser cannot send the key as a header there, and an address with a
key in it would end up in logs and histories.

| question                    | access                                                            |
|---|---|
| a new ticket                | put connections (`@ticket:<sha256>`, `ticket`)                    |
| whose is it, only once      | get it, delete it where it is there                               |
"""

from __future__ import annotations

import hashlib
import secrets

from dataforge import clock
from dataforge.errors import ConditionFailed, Unauthenticated
from dataforge.platform import current
from dataforge.platform.ports import Key
from dataforge.store.connections import Opener

VALID_S = 60


def issue(opener: Opener) -> str:
    """A ticket for one connection by this caller, valid for VALID_S seconds. Only its hash is stored."""
    ticket = f"wst_{secrets.token_urlsafe(32)}"
    current().tables.put(
        "connections",
        {
            **_key(ticket),
            "org_id": opener.org_id,
            "user_id": opener.user_id,
            "key_id": opener.key_id,
            "scopes": list(opener.scopes),
            "expires_at": clock.epoch() + VALID_S,
        },
    )
    return ticket


def redeem(ticket: str) -> Opener:
    """Who asked for it. Raises Unauthenticated for one that is unknown, expired or used."""
    key = _key(ticket)
    item = current().tables.get("connections", key)
    expires = item.get("expires_at") if item else None
    if item is None or not isinstance(expires, int) or clock.epoch() >= expires:
        raise _refused()
    try:
        current().tables.delete("connections", key, where={"org_id": item["org_id"]})
    except ConditionFailed:  # two connections at once: the other one had it
        raise _refused() from None
    scopes = item["scopes"] if isinstance(item["scopes"], list) else []
    return Opener(str(item["org_id"]), str(item["user_id"]), str(item["key_id"]), tuple(map(str, scopes)))


def _refused() -> Unauthenticated:
    return Unauthenticated(
        f"This ticket was used or is older than {VALID_S} s: ask POST /v1/socket-tickets for another"
    )


def _key(ticket: str) -> Key:
    digest = hashlib.sha256(ticket.encode("utf-8", "replace")).hexdigest()
    return {"topic": f"@ticket:{digest}", "connection_id": "ticket"}
