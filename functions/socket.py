"""Who connects to the WebSocket API and what they listen to: `{"action": "subscribe", "topic": "gen_..."}`."""

from __future__ import annotations

import json
from typing import Any

from aws_lambda_powertools.utilities.data_classes.api_gateway_websocket_event import APIGatewayWebSocketEvent

from dataforge import access
from dataforge.errors import DataForgeError, Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import connections, runs
from functions.handling import lambda_handler


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
    """The key comes as on every route, or as `?api_key=`: a browser cannot set headers here."""
    headers = event.headers
    query = event.get("queryStringParameters") or {}  # the data class's own would not tell `API_KEY` from `api_key`
    bearer = headers.get("authorization", "").removeprefix("Bearer ").strip()
    key = headers.get("x-api-key") or bearer or query.get("api_key")
    organization = headers.get("x-organization-id") or query.get("organization_id")
    caller = access.authenticate(key)
    access.allow(caller, organization, org_required=False, scope=None)
    connections.opened(connection_id, caller.org_id)


def _disconnect(connection_id: str, _: APIGatewayWebSocketEvent) -> None:
    connections.closed(connection_id)


def _message(connection_id: str, event: APIGatewayWebSocketEvent) -> None:
    action, topic = _read(event.body)
    org_id = connections.organization_of(connection_id)
    if action == "subscribe":
        runs.get(org_id, topic)  # another organisation's run looks like one that does not exist
        connections.listen(connection_id, topic)
    else:
        connections.stop_listening(connection_id, topic)
    _tell(connection_id, {"type": "answer", "action": action, "topic": topic})


def _read(body: str | None) -> tuple[str, str]:
    try:
        said = json.loads(body or "")
    except ValueError:
        said = None
    action, topic = (said.get("action"), said.get("topic")) if isinstance(said, dict) else (None, None)
    if action not in ("subscribe", "unsubscribe") or not isinstance(topic, str) or not 0 < len(topic) <= 200:
        raise Invalid('Send {"action": "subscribe" or "unsubscribe", "topic": the id of a run}')
    if topic.startswith("@"):
        raise Invalid("A topic is the id of a run", field="topic")
    return action, topic


def _tell(connection_id: str, message: Item) -> None:
    current().publisher.publish(connections.own_topic(connection_id), message)


ROUTES = {"$connect": _connect, "$disconnect": _disconnect, "$default": _message}
