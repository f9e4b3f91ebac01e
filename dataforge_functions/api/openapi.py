"""The OpenAPI document: FastAPI's own, completed with descriptions, error responses, headers, examples, links, scopes.

The tables below decide by the facts of an operation which of these apply to it; a new route needs no entry. It is made
when it is first asked for: a `model` in `responses=` of each route would make FastAPI build it at every cold start, as
`use_attribute_docstrings` would make pydantic read the source of every class (26 ms).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from dataforge.store.idempotency import HEADER
from dataforge_functions.api.callers import ORGANIZATION, scope_of
from dataforge_functions.api.paging import TOTAL
from dataforge_functions.api.preconditions import EDITS, ETAG
from dataforge_functions.api.routing import MAX_KEY_LENGTH, NEVER_STORED, NOT_DEDUPLICATED, REPLAYED
from dataforge_functions.api.wire import docstrings
from dataforge_functions.api.wire.errors import Error
from dataforge_functions.api.wire.examples import EXAMPLES
from dataforge_functions.api.wire.review import PairQuery

TAGS = [
    {"name": "projects", "description": "Projects: a dataset with its documents, pairs and exports"},
    {"name": "documents", "description": "Upload, registration and parsing of documents; chunks"},
    {"name": "generations", "description": "Runs that parse documents or generate pairs"},
    {"name": "pairs", "description": "Review and export"},
    {"name": "synthetic", "description": "Datasets from a description: no documents needed"},
    {"name": "training", "description": "Datasets in, a training, models out"},
    {"name": "ledger", "description": "Balance, quota and charges"},
    {"name": "accounts", "description": "Keys and members of the organisation; for keys with the scope `admin`"},
    {"name": "system", "description": "Health check and identity of the caller"},
]

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """The facts about an operation that decide its responses and headers."""

    method: str
    name: str
    """Its operationId."""
    key: bool
    """Needs an API key."""
    organization: bool
    """Needs X-Organization-ID."""
    scope: str | None
    """That the key must have; None: any key will do."""
    has_body: bool
    has_id: bool
    """Names a resource that may not exist: in the path, or as `user_id` of a body."""
    validated: bool
    """Has parameters or a body with limits."""
    paged: bool
    """Returns a bare array, in pages if the request asks for them."""
    has_cursor: bool

    @property
    def training(self) -> bool:
        """Of the training API, which has no 422."""
        return self.scope is not None and self.scope.startswith("training:")

    @property
    def changes(self) -> bool:
        return self.method != "get"

    @property
    def idempotent(self) -> bool:
        """Accepts an Idempotency-Key."""
        return self.key and self.method == "post" and self.name not in NEVER_STORED | NOT_DEDUPLICATED


NAMED = {"start_training", "training_status", "stop_training", "playground_generate", "push_model"}
"""Operations that name a resource in their body or query."""

QUERIES = {"list_pairs": PairQuery}
"""Operations whose query is described by a model."""
_UNDESCRIBED = "Successful Response"
"""What FastAPI says of every response."""

AppliesTo = Callable[[Operation], bool]


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    description: str
    applies_to: AppliesTo


ERROR_RESPONSES = {
    "400": ErrorResponse(
        "The request cannot be read, or X-Organization-ID is missing",
        lambda op: op.has_body or op.organization or op.has_cursor or (op.training and (op.validated or op.idempotent)),
    ),
    "401": ErrorResponse("The key is missing or unknown", lambda op: op.key),
    "403": ErrorResponse(
        "The key belongs to another organisation, or lacks the scope that `message` names", lambda op: op.key
    ),
    "404": ErrorResponse("The resource does not exist in this organisation", lambda op: op.has_id or op.name in NAMED),
    "409": ErrorResponse(
        "Not possible in the current state, or the first request with this Idempotency-Key is still in progress",
        lambda op: op.key and op.changes,
    ),
    "413": ErrorResponse("The request is too large", lambda op: op.has_body),
    "415": ErrorResponse(
        "The body is not declared as JSON (`Content-Type: application/json`), or it is compressed",
        lambda op: op.has_body,
    ),
    "422": ErrorResponse(
        "A value violates a limit: `errors` names the field. Or the Idempotency-Key was used with another body",
        lambda op: (op.validated or op.idempotent) and not op.training,
    ),
    "429": ErrorResponse(
        "Too many requests from this organisation: `Retry-After` says when to retry", lambda op: op.key
    ),
    "500": ErrorResponse("A fault of ours: try again, or report the `request_id`", lambda _: True),
    "503": ErrorResponse("Temporarily overloaded: `Retry-After` says when to retry", lambda op: op.key),
}
"""Every status code other than success that an operation can return, all with the same error body. What only a few
operations return stands at their routes (`responses=`), as a description."""


@dataclass(frozen=True, slots=True)
class HeaderSpec:
    """A header of a request or a response. statuses: a pattern of the status codes whose responses carry it."""

    description: str
    schema: Json
    applies_to: AppliesTo
    statuses: str = "..."


NON_NEGATIVE = {"type": "integer", "minimum": 0}
RESPONSE_HEADERS = {
    "X-Request-ID": HeaderSpec("Identifies this request in our logs", {"type": "string"}, lambda _: True),
    "X-RateLimit-Limit": HeaderSpec(
        "Rate limit of the organisation, in requests per minute", NON_NEGATIVE, lambda op: op.key, "2..|429"
    ),
    "X-RateLimit-Remaining": HeaderSpec("Requests left of the rate limit", NON_NEGATIVE, lambda op: op.key, "2..|429"),
    "X-RateLimit-Reset": HeaderSpec(
        "Seconds until the full rate limit is available again", NON_NEGATIVE, lambda op: op.key, "2..|429"
    ),
    "Retry-After": HeaderSpec("Seconds to wait before retrying", NON_NEGATIVE, lambda op: op.key, "429|503"),
    "WWW-Authenticate": HeaderSpec("`Bearer`", {"type": "string"}, lambda op: op.key, "401"),
    REPLAYED: HeaderSpec(
        "`true`: the stored response to an earlier request with this Idempotency-Key",
        {"type": "string", "enum": ["true"]},
        lambda op: op.idempotent,
        "2..",
    ),
    ETAG: HeaderSpec(
        "The `revision`, as a tag for `If-Match`; with 409 `REVISION_CONFLICT` that of `current`",
        {"type": "string"},
        lambda op: op.name in EDITS,
        "200|409",
    ),
    TOTAL: HeaderSpec("Number of entries on all pages", NON_NEGATIVE, lambda op: op.paged, "200"),
}
REQUEST_HEADERS = {
    HEADER: HeaderSpec(
        "Any text. For 24 hours the same key with the same body returns the first response; with another body it is "
        "rejected. So a request whose response was lost can safely be sent again.",
        {"type": "string", "minLength": 1, "maxLength": MAX_KEY_LENGTH, "pattern": "^[ -~]+$"},
        lambda op: op.idempotent,
    ),
}

CREATED = {
    "create_project": ("project_id", "projectId"),
    "register_document": ("document_id", "documentId"),
    "parse": ("generation_id", "generation_id"),
    "generate": ("generation_id", "generation_id"),
    "export": ("version", "version"),
    "create_api_key": ("key_id", "id"),
    "add_member": ("user_id", "user_id"),
}
"""Operation -> the path parameter that identifies the resource it creates, and the response field with that id."""


def document(app: FastAPI) -> Json:
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS)
    schemas: Json = made["components"]["schemas"]
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    described = Error.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {"Error": described, **described.pop("$defs"), **schemas}
    for name in schemas.keys() & EXAMPLES.keys():
        schemas[name].setdefault("examples", [EXAMPLES[name]])
    _describe_fields(schemas)
    for facts, operation in _operations(made):
        _document_operation(facts, operation, schemas)
    _link(made)
    used = {tag for _, operation in _operations(made) for tag in operation.get("tags", ())}
    made["tags"] = [tag for tag in TAGS if tag["name"] in used]
    return made


def methods_at(app: FastAPI, path: str) -> list[str]:
    """HTTP methods that a request path accepts; the router itself names only the first route that matched."""
    return sorted(
        method.upper()
        for template, operations in app.openapi()["paths"].items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
        for method in (*operations, *(["head"] if "get" in operations else []))
    )


def _describe_fields(schemas: Json) -> None:
    """A field's docstring wins over the description of its type; FastAPI's titles only repeat the names."""
    models = docstrings.models()
    for name, schema in schemas.items():
        texts = docstrings.of(models[name])
        for field, described in schema.get("properties", {}).items():
            described.pop("title", None)
            if field in texts:
                described["description"] = texts[field]


def _operations(made: Json) -> Iterator[tuple[Operation, Json]]:
    schemas = made["components"]["schemas"]
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            body = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
            sent = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            fields = schemas.get(sent.get("$ref", "").rsplit("/", 1)[-1], {}).get("properties", ())
            named = {p["name"] for p in operation.get("parameters", ())}
            yield (
                Operation(
                    method=method,
                    name=operation["operationId"],
                    key="security" in operation,
                    has_body="requestBody" in operation,
                    has_id="{" in path or "user_id" in fields,
                    organization=any(ORGANIZATION in scheme for scheme in operation.get("security", ())),
                    scope=scope_of(path, method.upper()),
                    validated="422" in operation["responses"],
                    has_cursor="cursor" in named,
                    paged="page" in named and body.get("schema", {}).get("type") == "array",
                ),
                operation,
            )


def _document_operation(facts: Operation, operation: Json, schemas: Json) -> None:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answers = operation["responses"]
    if facts.training:
        answers.pop("422", None)
    answers |= {
        code: {"description": response.description, "content": error}
        for code, response in ERROR_RESPONSES.items()
        if response.applies_to(facts)
    }
    for code, answer in answers.items():
        if code >= "4" and code != "416":
            answer.setdefault("content", error)
        headers = {
            name: {"description": sent.description, "schema": sent.schema}
            for name, sent in RESPONSE_HEADERS.items()
            if sent.applies_to(facts) and re.fullmatch(sent.statuses, code)
        }
        answer["headers"] = {**headers, **answer.get("headers", {})}
    own = {p["name"].lower() for p in operation.get("parameters", ())}
    operation.setdefault("parameters", []).extend(
        {"name": name, "in": "header", "required": False, "description": sent.description, "schema": sent.schema}
        for name, sent in REQUEST_HEADERS.items()
        if sent.applies_to(facts) and name.lower() not in own
    )
    texts = docstrings.of(QUERIES[facts.name]) if facts.name in QUERIES else {}
    for parameter in operation["parameters"]:
        if parameter["name"] in texts:
            parameter["description"] = texts[parameter["name"]]
    for answer in answers.values():
        if answer["description"] == _UNDESCRIBED:
            answer["description"] = _meaning(answer["content"]["application/json"]["schema"], schemas)
    bodies = [operation.get("requestBody", {}), *(a for code, a in answers.items() if code < "4")]
    for content in [content for body in bodies for content in body.get("content", {}).values()]:
        if (shown := _example(content.get("schema", {}), schemas)) is not None:
            content.setdefault("example", shown)
    if "security" in operation:
        operation["security"] = _with_organization_and_scope(operation["security"], facts.scope)


def _link(made: Json) -> None:
    """Adds OpenAPI links from every operation that creates a resource to those that take its id."""
    places = {
        o["operationId"]: set(re.findall(r"{(\w+)}", path))
        for path, of_path in made["paths"].items()
        for o in of_path.values()
    }
    for _, operation in _operations(made):
        name = operation["operationId"]
        if name in CREATED:
            id_name, field = CREATED[name]
            known = {n: f"$request.path.{n}" for n in places[name]} | {id_name: f"$response.body#/{field}"}
            good = next(answer for code, answer in operation["responses"].items() if code < "3")
            good["links"] = {
                target: {"operationId": target, "parameters": {n: known[n] for n in sorted(needed)}}
                for target, needed in places.items()
                if id_name in needed <= known.keys()
            }


def _example(schema: Json, schemas: Json) -> Any:
    """The example of a schema's body: its own, in a list, or of the first alternative that has one; else None."""
    if "$ref" in schema:
        return next(iter(schemas[schema["$ref"].rsplit("/", 1)[-1]].get("examples", ())), None)
    if schema.get("type") == "array":
        inner = _example(schema["items"], schemas)
        return None if inner is None else [inner]
    return next((e for scheme in schema.get("anyOf", ()) if (e := _example(scheme, schemas)) is not None), None)


def _meaning(schema: Json, schemas: Json) -> str:
    """What a body is: the first sentence about its model."""
    if "$ref" in schema:
        described: str = schemas[schema["$ref"].rsplit("/", 1)[-1]].get("description", "")
        return described.partition(". ")[0].rstrip(".")
    if schema.get("type") == "array":
        return f"Each entry: {_meaning(schema['items'], schemas)}"
    return "; or: ".join(_meaning(way, schemas) for way in schema["anyOf"])


def _with_organization_and_scope(schemes: list[Json], scope: str | None) -> list[Json]:
    """Combines each way to send the key with the organisation header, which FastAPI lists as one more alternative."""
    organization: Json = {ORGANIZATION: []} if {ORGANIZATION: []} in schemes else {}
    keys = [name for scheme in schemes for name in scheme if name != ORGANIZATION]
    return [{name: [scope] if scope else [], **organization} for name in keys]
