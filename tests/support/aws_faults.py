"""Requests to AWS that fail on their way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from dataforge import platform


class Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def fails(port: str, answers: Callable[[], AWSResponse | None]) -> None:
    """Every request of the port is answered by `answers`, or goes on when that says None."""
    client = getattr(platform.current(), port)._client
    client.meta.events.register_first("before-send", lambda **_: answers())


def refuses_writes(code: str) -> None:
    """Every write to a table is refused for good with this error."""
    client = platform.current().tables._client  # type: ignore[attr-defined]

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        if operation.startswith(("Get", "Query", "BatchGet", "Describe")):
            return None
        body = json.dumps({"__type": f"com.amazon.coral.service#{code}", "message": "no"}).encode()
        return AWSResponse("https://dynamodb", 400, {"content-type": "application/x-amz-json-1.0"}, Raw(body))

    client.meta.events.register_first("before-send", answer)


def throttled(times: int) -> Callable[[], AWSResponse | None]:
    left = [times]

    def answer() -> AWSResponse | None:
        left[0] -= 1
        if left[0] < 0:
            return None
        code = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
        body = json.dumps({"__type": code, "message": "slow down"}).encode()
        return AWSResponse("https://dynamodb", 400, {"content-type": "application/x-amz-json-1.0"}, Raw(body))

    return answer
