"""HEAD for every GET route, and CORS for the origins that the operator names."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dataforge import settings

EXPOSED = [
    "Content-Disposition",
    "ETag",
    "Idempotent-Replayed",
    "Retry-After",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
    "X-Total-Count",
]
"""Response headers that scripts of other origins may read."""


_IS_HEAD = "dataforge.is_head"


class HeadAsGet:
    """Answers HEAD as the same GET would be answered, without the body; `downloads` does not even read that."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET", _IS_HEAD: True}, receive, send_head)


def is_head(request: Request) -> bool:
    """Whether the request, which looks like a GET, gets no body."""
    return bool(request.scope.get(_IS_HEAD))


def install(app: FastAPI) -> None:
    app.add_middleware(HeadAsGet)
    origins = [origin.strip() for origin in settings.get().cors_origins.split(",") if origin.strip()]
    if origins:
        from starlette.middleware.cors import CORSMiddleware

        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=3600,
        )
