"""The OpenAPI document: FastAPI's own, completed once for all routes with what each can refuse, and how to sign in."""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dataforge.store.idempotency import HEADER
from functions.api.callers import ORGANIZATION
from functions.api.routing import HARMLESS, LONGEST_KEY, SHOWN_ONCE
from functions.api.wire.errors import Error

TAGS = [
    {"name": "projects", "description": "One dataset in the making: its documents, pairs and exports"},
    {"name": "documents", "description": "Upload, register, read the chunks"},
    {"name": "generations", "description": "Runs that parse documents or ask a teacher for pairs"},
    {"name": "pairs", "description": "Review and export"},
    {"name": "synthetic", "description": "Datasets from a description: no documents needed"},
    {"name": "ledger", "description": "Balance, quota and every charge"},
    {"name": "accounts", "description": "Keys and members of the organisation; for keys with the scope `admin`"},
    {"name": "system", "description": "Is the service up, and who am I"},
]
REFUSALS = {
    "400": "The request cannot be read, or X-Organization-ID is missing",
    "401": "No key, or an unknown one",
    "402": "The balance or the quota does not cover it",
    "403": "The key belongs to another organisation, or lacks the scope that `message` names",
    "404": "No such thing in this organisation",
    "409": "Its state forbids this now",
    "413": "More than can be stored in one piece",
    "422": "A value breaks a limit: `errors` names the field",
    "429": "More calls than the organisation may make in a minute",
}

RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}}}
IDEMPOTENCY_KEY = {
    "name": HEADER, "in": "header", "required": False,
    "description": "Sent again within 24 hours, the same request gets the same answer and does nothing twice",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
}

Json = dict[str, Any]


def document(app: FastAPI) -> Json:
    made = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
    )
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            operation["responses"] |= _refusals(path, method, operation)
            if once(method, operation):
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            if "security" in operation:
                operation["security"] = _together(operation["security"])
    schemas: Json = made["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    described = Error.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {"Error": described, **described.pop("$defs")}
    return made


def methods_at(app: FastAPI, path: str) -> list[str]:
    """What a request path takes; the router itself names only the first route that it found."""
    return sorted(
        method.upper() for template, operations in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path) for method in operations
    )


def _refusals(path: str, method: str, operation: Json) -> Json:
    """The statuses that this operation can answer besides success, each with the one error body."""
    key, has_body, has_id = "security" in operation, "requestBody" in operation, "{" in path
    organization = any(ORGANIZATION in way for way in operation.get("security", ()))
    has_cursor = any(p["name"] == "cursor" for p in operation.get("parameters", ()))
    possible = {
        "400": has_body or organization or has_cursor, "401": key, "403": key, "404": has_id,
        "402": method == "post" and path == "/v1/synthetic/generate",
        "409": (method != "get" and (has_id or key)) or path.startswith("/v1/synthetic/jobs/{job_id}/"),
        "413": has_body,
        "422": "422" in operation["responses"] or once(method, operation), "429": key,
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        code: {"description": REFUSALS[code], "content": content, **({"headers": RETRY_AFTER} if code == "429" else {})}
        for code, can in possible.items() if can
    }


def once(method: str, operation: Json) -> bool:
    """Whether the operation takes an Idempotency-Key."""
    return method == "post" and "security" in operation and operation["operationId"] not in SHOWN_ONCE | HARMLESS


def _together(ways: list[Json]) -> list[Json]:
    """FastAPI lists schemes as alternatives; the organisation goes with each way to send the key."""
    if {ORGANIZATION: []} not in ways:
        return ways
    return [{**way, ORGANIZATION: []} for way in ways if ORGANIZATION not in way]
