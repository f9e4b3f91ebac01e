"""The HTTP API: one FastAPI app, the same on Lambda (behind Mangum) and under uvicorn."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from fastapi import FastAPI
from mangum import Mangum

from dataforge import VERSION, log, platform, settings
from dataforge_functions.api import (
    accounts,
    browsers,
    data_forge,
    docs,
    errors,
    ledger,
    openapi,
    synthetic,
    system,
    training,
)
from dataforge_functions.api.each_request import EachRequest

DESCRIPTION = """Turn documents into fine-tuning datasets: upload, parse, generate, review, export.

Send your key as `X-API-Key` (or `Authorization: Bearer`) and your organisation as `X-Organization-ID`."""


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
    app.add_middleware(EachRequest)
    browsers.install(app)
    errors.install(app)
    app.include_router(docs.router)
    app.include_router(system.router)
    app.include_router(accounts.router)
    app.include_router(data_forge.router, prefix="/api/v1/data-forge")
    app.include_router(synthetic.router)
    app.include_router(ledger.router)
    app.include_router(training.router)
    app.state.body_limits = training.BODY_LIMITS
    return app


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
