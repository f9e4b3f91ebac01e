"""Headers to a Caller: every route of an API that needs a key depends on this."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path

from dataforge import access
from dataforge.access import Caller
from dataforge.store import projects
from dataforge.store.projects import Project


def key_of(api_key: str | None, authorization: str | None) -> str | None:
    if api_key:
        return api_key
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def caller(
    x_api_key: Annotated[str | None, Header(description="Your API key")] = None,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    x_organization_id: Annotated[str | None, Header(description="Your organisation")] = None,
) -> Caller:
    return access.identify(key_of(x_api_key, authorization), x_organization_id)


def caller_anywhere(
    x_api_key: Annotated[str | None, Header(description="Your API key")] = None,
    authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    x_organization_id: Annotated[str | None, Header(description="Your organisation; the key's own if absent")] = None,
) -> Caller:
    """For routes that are not bound to an organisation header."""
    return access.identify(key_of(x_api_key, authorization), x_organization_id, org_required=False)


CallerDep = Annotated[Caller, Depends(caller)]


def project(who: CallerDep, project_id: Annotated[str, Path()]) -> Project:
    """The project of the path, if it is the caller's: 404 otherwise."""
    return projects.get(who.org_id, project_id)


ProjectDep = Annotated[Project, Depends(project)]
