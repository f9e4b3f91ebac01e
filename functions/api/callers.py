"""Headers to a Caller: every route of an API that needs a key depends on this."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from dataforge import access
from dataforge.access import Caller
from dataforge.store import projects
from dataforge.store.projects import Project
from functions.api.wire.limits import Id

MAX_ORGANIZATION_ID = 200

ORGANIZATION = "OrganizationId"
"""Name of the security scheme that goes together with either way to send the key."""

_api_key = APIKeyHeader(
    name="X-API-Key", scheme_name="ApiKeyAuth", description="Your API key", auto_error=False
)
_bearer = HTTPBearer(scheme_name="BearerAuth", description="The same key as a bearer token", auto_error=False)
_organization = APIKeyHeader(
    name="X-Organization-ID", scheme_name=ORGANIZATION, description="Your organisation", auto_error=False
)


def key(
    api_key: Annotated[str | None, Depends(_api_key)],
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str | None:
    """The key as sent, not yet checked; X-API-Key goes first."""
    return api_key or (bearer.credentials.strip() if bearer else None) or None


KeyDep = Annotated[str | None, Depends(key)]


def caller(sent: KeyDep, organization: Annotated[str | None, Depends(_organization)]) -> Caller:
    return access.identify(sent, _lookable(organization))


def caller_anywhere(
    sent: KeyDep,
    x_organization_id: Annotated[str | None, Header(description="Your organisation; the key's own if absent")] = None,
) -> Caller:
    """For routes that are not bound to an organisation header."""
    return access.identify(sent, _lookable(x_organization_id), org_required=False)


def _lookable(organization: str | None) -> str | None:
    """An id too long for any organisation is cut: it still names none, and fits the table's key."""
    return organization[:MAX_ORGANIZATION_ID] if organization else None


CallerDep = Annotated[Caller, Depends(caller)]


def project(who: CallerDep, project_id: Id) -> Project:
    """The project of the path, if it is the caller's: 404 otherwise."""
    return projects.get(who.org_id, project_id)


ProjectDep = Annotated[Project, Depends(project)]
