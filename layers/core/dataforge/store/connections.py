"""Open WebSocket connections and what each listens to (AWS only; one machine pushes inside its process).

| question                              | access                                             |
|---|---|
| who listens to this topic?            | query connections (topic); `platform/aws/websocket.py` |
| whose connection is this?             | get connections (`@<connection id>`, connection id) |
| which connections has this key opened? | query connections (`@key:<key id>`)                |
| everything of a closed connection     | query connections.by_connection (connection_id)     |

A topic is the id of a run; those that begin with `@` are ours.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from dataforge import clock
from dataforge.errors import Unauthenticated
from dataforge.platform import current
from dataforge.platform.ports import Item

logger = logging.getLogger(__name__)

LONGEST_S = 2 * 3600
"""API Gateway closes a connection after two hours; what a lost goodbye leaves behind expires."""


@dataclass(frozen=True, slots=True)
class Opener:
    """Who opened a connection, and with which key."""

    org_id: str
    user_id: str
    key_id: str
    scopes: tuple[str, ...]


def own_topic(connection_id: str) -> str:
    """What only this connection listens to, from the start."""
    return f"@{connection_id}"


def _key_topic(key_id: str) -> str:
    return f"@key:{key_id}"


def opened(connection_id: str, opener: Opener) -> None:
    who: Item = {
        "org_id": opener.org_id,
        "user_id": opener.user_id,
        "key_id": opener.key_id,
        "scopes": list(opener.scopes),
        "expires_at": _expiry(),
    }
    for topic in (_key_topic(opener.key_id), own_topic(connection_id)):
        current().tables.put("connections", {"topic": topic, "connection_id": connection_id, **who})


def opener_of(connection_id: str) -> Opener:
    """Raises Unauthenticated for a connection that was never opened here, or whose key was revoked."""
    item = current().tables.get("connections", {"topic": own_topic(connection_id), "connection_id": connection_id})
    if item is None or "key_id" not in item:
        raise Unauthenticated("This connection is not open; connect again")
    scopes = item["scopes"] if isinstance(item["scopes"], list) else []
    return Opener(str(item["org_id"]), str(item["user_id"]), str(item["key_id"]), tuple(map(str, scopes)))


def listen(connection_id: str, topic: str) -> None:
    """Twice is once."""
    current().tables.put(
        "connections",
        {
            "topic": topic,
            "connection_id": connection_id,
            "expires_at": _expiry(),
        },
    )


def stop_listening(connection_id: str, topic: str) -> None:
    current().tables.delete("connections", {"topic": topic, "connection_id": connection_id})


def end_those_of(key_ids: Sequence[str]) -> None:
    """Close every connection that these keys opened. Never raises: the keys are revoked already, and a connection that
    stays open is asked for its key with everything that it sends."""
    for key_id in key_ids:
        try:
            _end(key_id)
        except Exception:
            logger.warning("connections of the revoked key %s could not be closed", key_id, exc_info=True)


def _end(key_id: str) -> None:
    cursor = None
    while True:
        page = current().tables.query_page("connections", {"topic": _key_topic(key_id)}, cursor=cursor)
        for connection_id in (str(item["connection_id"]) for item in page.items):
            current().publisher.disconnect(connection_id)
            for topic in (own_topic(connection_id), _key_topic(key_id)):
                stop_listening(connection_id, topic)
            closed(connection_id)
        cursor = page.cursor
        if cursor is None:
            return


def closed(connection_id: str) -> None:
    """Forget all that it listened to. A topic that the index does not show yet is dropped at its next message."""
    cursor = None
    while True:
        page = current().tables.query_page(
            "connections", {"connection_id": connection_id}, index="by_connection", cursor=cursor
        )
        current().tables.batch_delete(
            "connections", [{"topic": str(i["topic"]), "connection_id": connection_id} for i in page.items]
        )
        cursor = page.cursor
        if cursor is None:
            return


def _expiry() -> int:
    return clock.epoch() + LONGEST_S
