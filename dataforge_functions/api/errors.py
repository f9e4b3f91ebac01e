"""Translates every exception into the one error body."""

from __future__ import annotations

import logging
import math
import uuid
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dataforge.errors import (
    Busy,
    DataForgeError,
    FieldError,
    InProgress,
    Invalid,
    Misspelt,
    ModelLoading,
    NotConfigured,
    RateLimited,
    RevisionConflict,
    Unauthenticated,
)
from dataforge_functions.api import unknown_fields
from dataforge_functions.api.callers import TRAINING, api_of, rate_headers
from dataforge_functions.api.openapi import methods_at
from dataforge_functions.api.preconditions import ETAG, etag
from dataforge_functions.api.wire import views
from dataforge_functions.api.wire.data_forge import Chunk
from dataforge_functions.api.wire.errors import BrokenField, Error, Suggestion
from dataforge_functions.api.wire.review import Pair
from dataforge_functions.api.wire.training_data import DatasetUploadAddress

logger = logging.getLogger(__name__)

TOO_LARGE = "TOO_LARGE"


def request_id(request: Request) -> str:
    """API Gateway's own id on Lambda, a fresh one elsewhere; stays the same for the whole request."""
    if not hasattr(request.state, "request_id"):
        event = request.scope.get("aws.event") or {}
        request.state.request_id = event.get("requestContext", {}).get("requestId") or uuid.uuid4().hex
    return str(request.state.request_id)


def body(
    request: Request,
    status: int,
    code: str,
    message: str,
    *,
    errors: list[FieldError] | None = None,
    spelling: Misspelt | None = None,
    current: Pair | Chunk | None = None,
    upload: DatasetUploadAddress | None = None,
) -> JSONResponse:
    status = status_of(request.scope["path"], status)
    content = Error(
        error=HTTPStatus(status).phrase,
        message=message,
        detail=message,
        code=code,
        status_code=status,
        request_id=request_id(request),
        errors=[BrokenField(field=e.field, message=e.message) for e in errors or ()] or None,
        suggestions=[Suggestion(word=w, suggestions=list(s)) for w, s in spelling.suggestions] if spelling else None,
        suggested_domain=spelling.corrected if spelling else None,
    )
    sent = content.model_dump(exclude_none=True)
    if current is not None:  # whole, with its nulls
        sent["current"] = current.model_dump()
    if upload is not None:
        sent |= upload.model_dump()
    return JSONResponse(sent, status_code=status)


def status_of(path: str, status: int) -> int:
    """The training API knows no 422 (contract D.5): there an invalid value is a bad request."""
    return 400 if status == 422 and api_of(path) == TRAINING else status


def too_large(request: Request, limit: int) -> JSONResponse:
    """For a request whose body has not been read."""
    return body(request, 413, TOO_LARGE, body_too_large(limit).detail)


def body_too_large(limit: int) -> HTTPException:
    """Raised while a body is read: the framework passes an exception of its own on."""
    return HTTPException(
        413, f"A request body has at most {limit:,} bytes; upload files through the address of upload-url"
    )


def body_too_slow() -> HTTPException:
    return HTTPException(408, "The request body did not arrive in time; send the request again")


def install(app: FastAPI) -> None:
    """Registers handlers for every exception, all with the same error body."""
    app.add_exception_handler(DataForgeError, _ours)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _ours(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, DataForgeError)  # noqa: S101  registered for this class
    if problem.status >= 500 and not isinstance(problem, ModelLoading | NotConfigured):  # these two are no faults
        logger.error("request failed: %s", problem.message)
    fields = problem.errors if isinstance(problem, Invalid) else None
    spelling = problem if isinstance(problem, Misspelt) else None
    current = views.edited(problem.current) if isinstance(problem, RevisionConflict) else None
    response = body(
        request, problem.status, problem.code, problem.message, errors=fields, spelling=spelling, current=current
    )
    if current is not None:
        response.headers[ETAG] = etag(current.revision)
    if isinstance(problem, RateLimited | InProgress | Busy):
        response.headers["Retry-After"] = str(max(1, math.ceil(problem.retry_after)))
    if isinstance(problem, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _validation(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, RequestValidationError)  # noqa: S101  registered for this class
    found = problem.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return body(request, 400, "MALFORMED_REQUEST", "The request body is not valid JSON")
    fields = [FieldError(_field(e["loc"]), _message(request, e)) for e in found]
    message = "; ".join(f"{f.field}: {f.message}" for f in fields)
    return body(request, 422, "VALIDATION_ERROR", message, errors=fields)


def _message(request: Request, error: dict[str, Any]) -> str:
    if error["type"] == unknown_fields.UNKNOWN:
        return unknown_fields.message(request, error["loc"])
    return str(error["msg"])


def _field(location: tuple[int | str, ...]) -> str:
    """`("body", "config", "seed")` -> `config.seed`."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _http(request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, HTTPException)  # noqa: S101  registered for this class
    code, message = HTTPStatus(problem.status_code).name, str(problem.detail)
    if problem.status_code == 413:
        code = TOO_LARGE
    if problem.status_code == 404:
        message = f"No route {request.method} {request.url.path}"
    if problem.status_code == 400:  # the framework's status for bytes that are no text, and for endless nesting
        code, message = "MALFORMED_REQUEST", "The request body cannot be read as JSON"
    response = body(request, problem.status_code, code, message)
    if problem.status_code == 405:
        response.headers["Allow"] = ", ".join(methods_at(request.app, request.scope["path"]))
    return response


def _unexpected(request: Request, problem: Exception) -> JSONResponse:
    logger.error("unexpected error on %s %s", request.method, request.url.path, exc_info=problem)
    message = "Something went wrong on our side; try again, or report the request_id"
    response = body(request, 500, "INTERNAL", message)
    response.headers.update(rate_headers(request))  # this answer does not pass the middleware
    return response
