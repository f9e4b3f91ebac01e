"""The HTTP API: one FastAPI app, the same on Lambda (behind Mangum) and under uvicorn."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from mangum import Mangum

from dataforge import VERSION, log, platform, settings
from functions.api import accounts, data_forge, docs, errors, ledger, openapi, synthetic, system
from functions.api.callers import rate_headers

DESCRIPTION = """Turn documents into fine-tuning datasets: upload, parse, generate, review, export.

Send your key as `X-API-Key` (or `Authorization: Bearer`) and your organisation as `X-Organization-ID`."""

MAX_BODY_BYTES = 4 * 2**20
"""Files are uploaded elsewhere. Lambda accepts events of 6 MB, in which a body is a third longer (base64)."""


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        self.openapi_schema = self.openapi_schema or openapi.document(self)
        return self.openapi_schema


def create_app() -> FastAPI:
    """A fresh app; the platform is looked up at the first request."""
    app = _App(
        title="Data Forge",
        version=VERSION,
        description=DESCRIPTION,
        redirect_slashes=False,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,  # see docs.py: FastAPI's page loads files from another host
    )
    app.middleware("http")(_each_request)
    errors.install(app)
    app.include_router(docs.router)
    app.include_router(system.router)
    app.include_router(accounts.router)
    app.include_router(data_forge.router, prefix="/api/v1/data-forge")
    app.include_router(synthetic.router)
    app.include_router(ledger.router)
    return app


async def _each_request(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Adds a request id to the response and every log line; treats a trailing slash as the same route."""
    path = request.scope["path"]
    if len(path) > 1 and path.endswith("/"):
        request.scope["path"] = path.rstrip("/")
    request_id = errors.request_id(request)
    token = log.context.set({"request_id": request_id})
    started = time.perf_counter()
    try:
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            response: Response = errors.too_large(request, MAX_BODY_BYTES)
        else:
            response = await call_next(request)
    finally:
        log.context.reset(token)
    response.headers["X-Request-ID"] = request_id
    response.headers.update(rate_headers(request))
    response.headers["Server-Timing"] = f"app;dur={(time.perf_counter() - started) * 1000:.1f}"
    return response


log.configure(settings.get().log_level)
app = create_app()


@cache
def _lambda() -> Mangum:
    return Mangum(app, lifespan="off")


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:  # elsewhere the event loop that Mangum opens would never be closed
    platform.prepare()
    _lambda()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What Lambda calls."""
    return _lambda()(event, context)
