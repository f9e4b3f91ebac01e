"""The Publisher port on an API Gateway WebSocket API; `store/connections.py` maintains the subscriptions."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dataforge.errors import Busy
from dataforge.platform.aws import clients
from dataforge.platform.ports import Item, Tables

logger = logging.getLogger(__name__)
TABLE = "connections"


class WebSocketPublisher:
    """endpoint: the management address of the WebSocket API's stage; empty: there are no connections.

    Pushes are best effort, the tables are authoritative: a failed push is logged and never fails the caller.
    """

    def __init__(self, tables: Tables, endpoint: str, *, client: Any = None) -> None:
        self._tables, self._endpoint, self._client = tables, endpoint, client

    def publish(self, topic: str, message: Item) -> None:
        if not self._endpoint:
            return
        try:
            cursor = None
            data = b""
            while True:
                page = self._tables.query_page(TABLE, {"topic": topic}, cursor=cursor)
                for item in page.items:
                    data = data or orjson.dumps({"topic": topic, **message})
                    self._send(topic, str(item["connection_id"]), data)
                cursor = page.cursor
                if cursor is None:
                    return
        except (ClientError, BotoCoreError, Busy) as problem:
            logger.warning("could not push to %s: %s", topic, problem)

    def disconnect(self, connection_id: str) -> None:
        if not self._endpoint:
            return
        client = self._management()
        try:
            client.delete_connection(ConnectionId=connection_id)
        except client.exceptions.GoneException:
            return

    def _send(self, topic: str, connection_id: str, data: bytes) -> None:
        client = self._management()
        try:
            client.post_to_connection(ConnectionId=connection_id, Data=data)
        except client.exceptions.GoneException:
            self._tables.delete(TABLE, {"topic": topic, "connection_id": connection_id})

    def _management(self) -> Any:
        """Created for the first subscriber: most processes never have one."""
        if self._client is None:
            # A subscriber that does not read its messages must not delay the run.
            config = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
            self._client = clients.client("apigatewaymanagementapi", endpoint_url=self._endpoint, config=config)
        return self._client
