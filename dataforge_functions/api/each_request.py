"""What happens to every request before and after its route, in plain ASGI, so that nothing is buffered.

A body is counted while it is read, and read within a time, whatever its headers say. Responses are streamed as they
are made.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dataforge import log
from dataforge_functions.api import errors
from dataforge_functions.api.callers import rate_headers


@dataclass(frozen=True, slots=True)
class BodyLimits:
    max_bytes: int
    idle_seconds: float
    """Longest pause between two parts of a body."""
    total_seconds: float
    """From the head of the request to the end of its body."""


JSON_BODY = BodyLimits(4 * 2**20, idle_seconds=20, total_seconds=60)
"""Files are uploaded elsewhere. Lambda accepts events of 6 MB, in which a body is a third longer (base64)."""
FILE = BodyLimits(sys.maxsize, idle_seconds=60, total_seconds=3600)
"""For a file, whose size is limited where it is read."""


class EachRequest:
    """ASGI middleware: a request id in the response and in every log line, the limits of bodies, a trailing slash as
    the same route.

    `app.state.body_limits` maps path prefixes to limits of their own; all other bodies have JSON_BODY.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            scope["path"] = path.rstrip("/")
        exchange = _Exchange(Request(scope), _limits_of(scope), receive, send)
        token = log.context.set({"request_id": errors.request_id(exchange.request)})
        try:
            if exchange.is_too_large():
                answer = errors.too_large(exchange.request, exchange.limits.max_bytes)
                await answer(scope, receive, exchange.send)
            else:
                await self._app(scope, exchange.receive, exchange.send)
        finally:
            log.context.reset(token)


def _limits_of(scope: Scope) -> BodyLimits:
    own: Mapping[str, BodyLimits] = getattr(scope["app"].state, "body_limits", {})
    return next((limits for prefix, limits in own.items() if scope["path"].startswith(prefix)), JSON_BODY)


class _Exchange:
    """One request and its response."""

    def __init__(self, request: Request, limits: BodyLimits, receive: Receive, send: Send) -> None:
        self.request, self.limits = request, limits
        self._receive, self._send = receive, send
        self._started = time.perf_counter()
        self._size = 0
        self._complete = self._answered = False

    def is_too_large(self) -> bool:
        """By what the request says of itself."""
        length = self.request.headers.get("content-length", "")
        return length.isdigit() and int(length) > self.limits.max_bytes

    async def receive(self) -> Message:
        """The next part of the body. Raises HTTPException (408, 413) past the limits, as long as nothing was answered;
        afterwards the client counts as gone."""
        if self._complete:  # what is waited for now is that the client goes away
            return await self._receive()
        left = self.limits.total_seconds - (time.perf_counter() - self._started)
        try:
            async with asyncio.timeout(max(0.0, min(left, self.limits.idle_seconds))):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(errors.body_too_slow())
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self._size > self.limits.max_bytes:
            return self._refuse(errors.body_too_large(self.limits.max_bytes))
        return message

    def _refuse(self, problem: HTTPException) -> Message:
        if not self._answered:
            raise problem
        self._complete = True
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._answered = True
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            headers["X-Request-ID"] = errors.request_id(self.request)
            headers.update(rate_headers(self.request))
            headers["Server-Timing"] = f"app;dur={(time.perf_counter() - self._started) * 1000:.1f}"
            if message["status"] in (408, 413):  # the rest of the body is not worth reading
                headers["Connection"] = "close"
        await self._send(message)
