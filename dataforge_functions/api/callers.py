"""Authenticates a request and returns its Caller: every route that needs a key depends on this."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, Header, Request, WebSocket
from fastapi.security import APIKeyHeader, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param
from starlette.requests import HTTPConnection

from dataforge import access, log, quotas
from dataforge.access import Caller
from dataforge.errors import RateLimited
from dataforge.quotas import Allowance
from dataforge.store import api_keys, projects, schema
from dataforge.store.projects import Project
from dataforge_functions.api.path_ids import ProjectId

ORGANIZATION = "OrganizationId"
"""Name of the security scheme that is combined with each way to send the key."""

APIS = {
    "/api/v1/data-forge": "data-forge",
    "/v1/synthetic": "synthetic",
    "/api/v1/datasets": "datasets",
    "/api/v1/": "accounts",
    "/v1/": "accounts",
    "/api/": "training",
}
TRAINING = "training"
"""Path prefix -> API; the first match counts. Each API has its own scopes and its own rate limit."""
ADMIN_PATHS = ("/v1/api-keys", "/v1/members")
"""Path prefixes that only an `admin` key may use."""

_api_key = APIKeyHeader(name="X-API-Key", scheme_name="ApiKeyAuth", description="Your API key", auto_error=False)
_bearer = HTTPBearer(scheme_name="BearerAuth", description="The same key as a bearer token", auto_error=False)
_organization = APIKeyHeader(
    name="X-Organization-ID", scheme_name=ORGANIZATION, description="Your organisation", auto_error=False
)


def authorize(request: Request, *, org_required: bool) -> Caller:
    """The caller, after checking key, rate limit, organisation and scope, in this order, once per request.

    Raises SchemaMismatch, Unauthenticated, RateLimited, Malformed, Forbidden. A request with a valid key counts towards
    the rate limit, also when it is rejected later.
    """
    known: Caller | None = getattr(request.state, "caller", None)
    if known is not None:
        return known
    path = request.scope["path"]
    _check_schema_version()
    api = api_of(path)
    who = _who(request, api, _key(request))
    log.add(org_id=who.org_id)
    allowance = request.state.allowance = quotas.take(who.org_id, api)
    if allowance is not None and allowance.retry_after is not None:
        raise RateLimited(
            f"This organization may make {allowance.limit} calls a minute here; try again in {allowance.retry_after} s",
            retry_after=allowance.retry_after,
        )
    access.allow(
        who,
        request.headers.get("X-Organization-ID"),
        org_required=org_required,
        scope=scope_of(path, request.method),
    )
    request.state.caller = who
    return who


def authorize_socket(socket: WebSocket) -> Caller:
    """As `authorize`, for the WebSocket of the training API. A browser cannot set headers there: `?api_key=` works too.

    Raises SchemaMismatch, Unauthenticated, Malformed, Forbidden.
    """
    _check_schema_version()
    who = _who(socket, TRAINING, _key(socket) or socket.query_params.get("api_key"))
    organization = socket.headers.get("X-Organization-ID") or socket.query_params.get("organization_id")
    access.allow(who, organization, org_required=False, scope=f"{TRAINING}:read")
    return who


def _who(connection: HTTPConnection, api: str, key: str | None) -> Caller:
    """Raises Unauthenticated."""
    if key is None and api == TRAINING:
        anonymous: Anonymous | None = getattr(connection.app.state, "anonymous", None)
        if anonymous is not None and anonymous.accepts(connection):
            return anonymous.caller
    return access.authenticate(key)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Who calls the training API without a key, on one machine (MODELFORGE_ANONYMOUS).

    A page of another origin may make a browser send requests to this machine: one that names another host, or comes
    from another origin, needs a key.
    """

    caller: Caller
    any_host: bool = False
    """Also under other names than those of this machine itself."""

    def accepts(self, connection: HTTPConnection) -> bool:
        host = connection.headers.get("host", "")
        origin = connection.headers.get("origin")
        here = self.any_host or _hostname(f"http://{host}") in LOOPBACK
        return here and (origin is None or origin.partition("://")[2] == host)


LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


@cache
def _check_schema_version() -> None:
    """Checked until it succeeds once in this process. Raises SchemaMismatch."""
    schema.check()


def rate_headers(request: Request) -> dict[str, str]:
    """Headers of every response to a caller whose requests are counted."""
    allowance: Allowance | None = getattr(request.state, "allowance", None)
    if allowance is None:
        return {}
    return {
        "X-RateLimit-Limit": str(allowance.limit),
        "X-RateLimit-Remaining": str(allowance.remaining),
        "X-RateLimit-Reset": str(allowance.reset),
    }


def _key(request: HTTPConnection) -> str | None:
    """The key as sent; X-API-Key takes precedence."""
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    bearer = token.strip() if scheme.lower() == "bearer" else None
    return request.headers.get("X-API-Key") or bearer or None


def api_of(path: str) -> str:
    return next((name for prefix, name in APIS.items() if path.startswith(prefix)), "accounts")


def scope_of(path: str, method: str) -> str | None:
    """The scope that a key needs for a request; None: any key will do."""
    if path.startswith(ADMIN_PATHS):
        return api_keys.ADMIN
    api = api_of(path)
    if api == "accounts":
        return None
    return f"{api}:{'read' if method in ('GET', 'HEAD') else 'write'}"


def caller(
    request: Request,
    _sent: Annotated[str | None, Depends(_api_key)],
    _token: Annotated[Any, Depends(_bearer)],
    _org: Annotated[str | None, Depends(_organization)],
) -> Caller:
    """The parameters document authentication in OpenAPI; `authorize` reads the headers itself."""
    return authorize(request, org_required=True)


def caller_anywhere(
    request: Request,
    _sent: Annotated[str | None, Depends(_api_key)],
    _token: Annotated[Any, Depends(_bearer)],
    _org: Annotated[
        str | None, Header(alias="X-Organization-ID", description="Your organisation; that of the key if absent")
    ] = None,
) -> Caller:
    """For routes that do not require the organisation header."""
    return authorize(request, org_required=False)


CallerDep = Annotated[Caller, Depends(caller)]
AnyCallerDep = Annotated[Caller, Depends(caller_anywhere)]


def project(who: CallerDep, project_id: ProjectId) -> Project:
    """The project of the path, if it is the caller's: 404 otherwise."""
    return projects.get(who.org_id, project_id)


ProjectDep = Annotated[Project, Depends(project)]
