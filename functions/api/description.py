"""The OpenAPI document: FastAPI's own, completed once for all routes with what each can refuse, the headers that come
and go, an example of every body, and how to sign in. What applies where is said in tables; a new route needs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dataforge.store.idempotency import HEADER
from functions.api.callers import ORGANIZATION
from functions.api.paging import TOTAL
from functions.api.preconditions import EDITS, ETAG
from functions.api.routing import HARMLESS, LONGEST_KEY, REPLAYED, SHOWN_ONCE
from functions.api.wire.errors import Error
from functions.api.wire.examples import EXAMPLES

TAGS = [
    {"name": "projects", "description": "One dataset in the making: its documents, pairs and exports"},
    {"name": "documents", "description": "Upload, register, read and correct the chunks"},
    {"name": "generations", "description": "Runs that parse documents or ask a teacher for pairs"},
    {"name": "pairs", "description": "Review and export"},
    {"name": "synthetic", "description": "Datasets from a description: no documents needed"},
    {"name": "ledger", "description": "Balance, quota and every charge"},
    {"name": "accounts", "description": "Keys and members of the organisation; for keys with the scope `admin`"},
    {"name": "system", "description": "Is the service up, and who am I"},
]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """What the tables below ask about an operation."""

    method: str
    name: str
    """Its operationId."""
    key: bool
    """Needs an API key."""
    organization: bool
    """Needs X-Organization-ID."""
    has_body: bool
    has_id: bool
    """Names something that may not be there: in the path, or as `user_id` of a body."""
    checked: bool
    """Has parameters or a body that can break a limit."""
    paged: bool
    """A bare array that comes in pages when asked."""
    has_cursor: bool

    @property
    def changes(self) -> bool:
        return self.method != "get"

    @property
    def once(self) -> bool:
        """Takes an Idempotency-Key."""
        return self.key and self.method == "post" and self.name not in SHOWN_ONCE | HARMLESS


COSTS = {"synthetic_generate"}
FILES_OF_A_JOB = {
    "synthetic_results",
    "synthetic_results_url",
    "synthetic_quality_report",
    "synthetic_manifest",
    "synthetic_splits",
}
"""Reads that must wait for the end of a job."""

When = Callable[[Route], bool]


@dataclass(frozen=True, slots=True)
class Refusal:
    why: str
    when: When


REFUSALS = {
    "400": Refusal(
        "The request cannot be read, or X-Organization-ID is missing",
        lambda r: r.has_body or r.organization or r.has_cursor,
    ),
    "401": Refusal("No key, or an unknown one", lambda r: r.key),
    "402": Refusal("The balance or the quota does not cover it", lambda r: r.name in COSTS),
    "403": Refusal("The key belongs to another organisation, or lacks the scope that `message` names", lambda r: r.key),
    "404": Refusal("No such thing in this organisation", lambda r: r.has_id),
    "409": Refusal(
        "Its state forbids this now, or the first request with this Idempotency-Key is still under way",
        lambda r: r.key and (r.changes or r.name in FILES_OF_A_JOB),
    ),
    "413": Refusal("More than can be stored in one piece", lambda r: r.has_body),
    "422": Refusal(
        "A value breaks a limit: `errors` names the field. Or the Idempotency-Key came with another body",
        lambda r: r.checked or r.once,
    ),
    "429": Refusal("Too many requests from this organisation: `Retry-After` says when to try again", lambda r: r.key),
    "503": Refusal("Overloaded at this moment: `Retry-After` says when to try again", lambda r: r.key),
}
"""Every status that an operation can answer besides success, each with the one error body."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A header of the request or of the answer. statuses: a pattern of those that carry it."""

    description: str
    schema: Json
    when: When
    statuses: str = "..."


WHOLE = {"type": "integer", "minimum": 0}
ANSWER_HEADERS = {
    "X-Request-ID": Sent("Names this request in our logs", {"type": "string"}, lambda _: True),
    "X-RateLimit-Limit": Sent("Requests a minute that the organisation may make", WHOLE, lambda r: r.key, "2..|429"),
    "X-RateLimit-Remaining": Sent("How many are left of them", WHOLE, lambda r: r.key, "2..|429"),
    "X-RateLimit-Reset": Sent("Seconds until all of them are back", WHOLE, lambda r: r.key, "2..|429"),
    "Retry-After": Sent("Seconds to wait before the next try", WHOLE, lambda r: r.key, "429|503"),
    "WWW-Authenticate": Sent("`Bearer`", {"type": "string"}, lambda r: r.key, "401"),
    REPLAYED: Sent(
        "`true`: the answer to an earlier request with this Idempotency-Key",
        {"type": "string", "enum": ["true"]},
        lambda r: r.once,
        "2..",
    ),
    ETAG: Sent(
        "The `revision`, as a tag for `If-Match`; with 409 `REVISION_CONFLICT` that of `current`",
        {"type": "string"},
        lambda r: r.name in EDITS,
        "200|409",
    ),
    TOTAL: Sent("How many there are on all pages", WHOLE, lambda r: r.paged, "200"),
}
REQUEST_HEADERS = {
    HEADER: Sent(
        "Any text of yours. Within 24 hours the same key with the same body answers what was answered first; with "
        "another body it is refused. So a request whose answer was lost can be sent again.",
        {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[ -~]+$"},
        lambda r: r.once,
    ),
}

MADE = {
    "create_project": ("project_id", "projectId"),
    "register_document": ("document_id", "documentId"),
    "parse": ("generation_id", "generation_id"),
    "generate": ("generation_id", "generation_id"),
    "export": ("version", "version"),
    "create_api_key": ("key_id", "id"),
    "add_member": ("user_id", "user_id"),
}
"""Operation -> the path parameter that means what it made, and the field of its answer that holds it."""


def document(app: FastAPI) -> Json:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS)
    schemas: Json = made["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    described = Error.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {"Error": described, **described.pop("$defs"), **schemas}
    for name in schemas.keys() & EXAMPLES.keys():
        schemas[name].setdefault("examples", [EXAMPLES[name]])
    for route, operation in _operations(made):
        _complete(route, operation, schemas)
    _link(made)
    used = {tag for _, operation in _operations(made) for tag in operation.get("tags", ())}
    made["tags"] = [tag for tag in TAGS if tag["name"] in used]
    return made


def methods_at(app: FastAPI, path: str) -> list[str]:
    """What a request path takes; the router itself names only the first route that it found."""
    return sorted(
        method.upper()
        for template, operations in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
        for method in operations
    )


def _operations(made: Json) -> Iterator[tuple[Route, Json]]:
    schemas = made["components"]["schemas"]
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            body = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
            sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            fields = schemas.get(sent.get("$ref", "").rsplit("/", 1)[-1], {}).get("properties", ())
            named = {p["name"] for p in operation.get("parameters", ())}
            yield (
                Route(
                    method=method,
                    name=operation["operationId"],
                    key="security" in operation,
                    has_body="requestBody" in operation,
                    has_id="{" in path or "user_id" in fields,
                    organization=any(ORGANIZATION in way for way in operation.get("security", ())),
                    checked="422" in operation["responses"],
                    has_cursor="cursor" in named,
                    paged="page" in named and body.get("schema", {}).get("type") == "array",
                ),
                operation,
            )


def _complete(route: Route, operation: Json, schemas: Json) -> None:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answers = operation["responses"]
    answers |= {
        code: {"description": refusal.why, "content": error}
        for code, refusal in REFUSALS.items()
        if refusal.when(route)
    }
    for code, answer in answers.items():
        headers = {
            name: {"description": sent.description, "schema": sent.schema}
            for name, sent in ANSWER_HEADERS.items()
            if sent.when(route) and re.fullmatch(sent.statuses, code)
        }
        answer["headers"] = {**headers, **answer.get("headers", {})}
    own = {p["name"].lower() for p in operation.get("parameters", ())}
    operation.setdefault("parameters", []).extend(
        {"name": name, "in": "header", "required": False, "description": sent.description, "schema": sent.schema}
        for name, sent in REQUEST_HEADERS.items()
        if sent.when(route) and name.lower() not in own
    )
    bodies = [operation.get("requestBody", {}), *(a for code, a in answers.items() if code < "4")]
    for content in [content for body in bodies for content in body.get("content", {}).values()]:
        if (shown := _example(content.get("schema", {}), schemas)) is not None:
            content.setdefault("example", shown)
    if "security" in operation:
        operation["security"] = _together(operation["security"])


def _link(made: Json) -> None:
    """Say of every operation that makes something where it can be used: OpenAPI's links."""
    places = {
        o["operationId"]: set(re.findall(r"{(\w+)}", path))
        for path, of_path in made["paths"].items()
        for o in of_path.values()
    }
    for _, operation in _operations(made):
        name = operation["operationId"]
        if name in MADE:
            id_name, field = MADE[name]
            known = {n: f"$request.path.{n}" for n in places[name]} | {id_name: f"$response.body#/{field}"}
            good = next(answer for code, answer in operation["responses"].items() if code < "3")
            good["links"] = {
                target: {"operationId": target, "parameters": {n: known[n] for n in sorted(needed)}}
                for target, needed in places.items()
                if id_name in needed <= known.keys()
            }


def _example(schema: Json, schemas: Json) -> Any:
    """The example of the body that a schema names, alone, in a list, or as one of several; None when it has none."""
    if "$ref" in schema:
        return next(iter(schemas[schema["$ref"].rsplit("/", 1)[-1]].get("examples", ())), None)
    if schema.get("type") == "array":
        inner = _example(schema["items"], schemas)
        return None if inner is None else [inner]
    return next((e for way in schema.get("anyOf", ()) if (e := _example(way, schemas)) is not None), None)


def _together(ways: list[Json]) -> list[Json]:
    """FastAPI lists schemes as alternatives; the organisation goes with each way to send the key."""
    if {ORGANIZATION: []} not in ways:
        return ways
    return [{**way, ORGANIZATION: []} for way in ways if ORGANIZATION not in way]
