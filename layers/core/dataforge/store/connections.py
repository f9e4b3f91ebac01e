"""Open WebSocket connections and what each listens to (AWS only; one machine pushes inside its process).

| question                              | access                                             |
|---|---|
| who listens to this topic?            | query connections (topic); `platform/aws/websocket.py` |
| whose connection is this?             | get connections (`@<connection id>`, connection id) |
| everything of a closed connection     | query connections.by_connection (connection_id)     |

A topic is the id of a run.
"""

from __future__ import annotations

from dataforge import clock
from dataforge.errors import Unauthenticated
from dataforge.platform import current

LONGEST_S = 2 * 3600
"""API Gateway closes a connection after two hours; what a lost goodbye leaves behind expires."""


def own_topic(connection_id: str) -> str:
    """What only this connection listens to, from the start."""
    return f"@{connection_id}"


def opened(connection_id: str, org_id: str) -> None:
    current().tables.put(
        "connections",
        {
            "topic": own_topic(connection_id),
            "connection_id": connection_id,
            "org_id": org_id,
            "expires_at": _expiry(),
        },
    )


def organization_of(connection_id: str) -> str:
    """Raises Unauthenticated for a connection that was never opened here."""
    item = current().tables.get("connections", {"topic": own_topic(connection_id), "connection_id": connection_id})
    if item is None:
        raise Unauthenticated("This connection is not open; connect again")
    return str(item["org_id"])


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
