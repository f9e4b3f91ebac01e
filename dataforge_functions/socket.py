"""Who connects to the WebSocket API and what they listen to: `{"action": "subscribe", "topic": "gen_..."}`.

The topic `training` is every training of the organisation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.utilities.data_classes.api_gateway_websocket_event import APIGatewayWebSocketEvent

from dataforge import access
from dataforge.access import Caller
from dataforge.errors import DataForgeError, Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import connections, runs, socket_tickets
from dataforge.store.connections import Opener
from dataforge.workflows import kinds
from dataforge.workflows.training import status
from dataforge_functions.handling import lambda_handler


@lambda_handler
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Lambda's answer decides whether a connection opens; what a client is told is pushed to its connection."""
    request = APIGatewayWebSocketEvent(event)
    connection_id = request.request_context.connection_id
    try:
        ROUTES[request.request_context.route_key](connection_id, request)
    except DataForgeError as problem:
        _tell(connection_id, {"error": problem.message, "code": problem.code})
        return {"statusCode": problem.status}
    return {"statusCode": 200}


def _connect(connection_id: str, event: APIGatewayWebSocketEvent) -> None:
    """By a key as on every route, or by a ticket: a browser cannot set headers here. `?api_key=` (contract 0.1) works
    too; no log has the query string."""
    headers = event.headers
    query = event.get("queryStringParameters") or {}  # the data class's own would not tell `API_KEY` from `api_key`
    organization = headers.get("x-organization-id") or query.get("organization_id")
    caller = _redeemed(query["ticket"]) if query.get("ticket") else access.authenticate(_key(headers, query))
    access.allow(caller, organization, org_required=False, scope=None)
    connections.opened(connection_id, Opener(caller.org_id, caller.user_id, caller.key_id, caller.scopes))
    try:
        access.require_active(caller)  # a revocation that came before the line above did not find this connection
    except DataForgeError:
        connections.closed(connection_id)
        raise


def _key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    return headers.get("x-api-key") or bearer or query.get("api_key")


def _redeemed(ticket: str) -> Caller:
    opener = socket_tickets.redeem(ticket)
    return Caller(opener.org_id, opener.user_id, opener.key_id, opener.scopes)


def _disconnect(connection_id: str, _: APIGatewayWebSocketEvent) -> None:
    connections.closed(connection_id)


def _message(connection_id: str, event: APIGatewayWebSocketEvent) -> None:
    action, topic = _read(event.body)
    opener = connections.opener_of(connection_id)
    caller = Caller(opener.org_id, opener.user_id, opener.key_id, opener.scopes)
    access.require_active(caller)
    followed = status.topic_of(caller.org_id) if topic == status.TOPIC else topic
    if action == "subscribe":
        access.allow(caller, None, org_required=False, scope=f"{_api_of(caller.org_id, topic)}:read")
        connections.listen(connection_id, followed)
    else:
        connections.stop_listening(connection_id, followed)
    _tell(connection_id, {"type": "answer", "action": action, "topic": topic})


def _api_of(org_id: str, topic: str) -> str:
    """Whose scope a subscriber needs. Raises NotFound: another organisation's run looks like none."""
    return kinds.TRAIN.api if topic == status.TOPIC else kinds.of(runs.get(org_id, topic).kind).api


def _read(body: str | None) -> tuple[str, str]:
    try:
        said = json.loads(body or "")
    except ValueError:
        said = None
    action, topic = (said.get("action"), said.get("topic")) if isinstance(said, dict) else (None, None)
    if action not in ("subscribe", "unsubscribe") or not isinstance(topic, str) or not 0 < len(topic) <= 200:
        raise Invalid('Send {"action": "subscribe" or "unsubscribe", "topic": the id of a run, or training}')
    if topic.startswith("@"):
        raise Invalid("A topic is the id of a run", field="topic")
    return action, topic


def _tell(connection_id: str, message: Item) -> None:
    current().publisher.publish(connections.own_topic(connection_id), message)


ROUTES = {"$connect": _connect, "$disconnect": _disconnect, "$default": _message}
