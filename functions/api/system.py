"""Routes that belong to no single API: health, who am I."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import APIRouter, Response

from dataforge.platform import current
from dataforge.store import organisations
from functions.api.callers import AnyCallerDep
from functions.api.routing import Route
from functions.api.wire.accounts import WhoAmI
from functions.api.wire.data_forge import Health

logger = logging.getLogger(__name__)

router = APIRouter(tags=["system"], route_class=Route)


@router.get("/health", operation_id="health")
def health(response: Response) -> Health:
    """Public. Database and queue are asked one thing each; 503 when one of them does not answer."""
    platform = current()
    services = {
        "api": "ok",
        "database": _state(lambda: platform.tables.get("orgs", {"org_id": "org_health", "item": "org"})),
        "queue": _state(lambda: platform.workflows.describe("generate", "health")),
        "email": "disabled",  # this service sends none
    }
    healthy = "down" not in services.values()
    response.status_code = 200 if healthy else 503
    return Health(
        status="ok" if healthy else "degraded",
        api="ok",
        database=services["database"],
        platform=platform.name,
        services=services,
    )


def _state(ask: Callable[[], object]) -> str:
    try:
        ask()
    except Exception:
        logger.exception("a service does not answer")
        return "down"
    return "ok"


@router.get("/api/v1/auth/whoami", operation_id="whoami", summary="Who am I")
def whoami(who: AnyCallerDep) -> WhoAmI:
    """Any key may ask, whatever its scopes."""
    org, member, key_name = organisations.get_with_member_and_key(who.org_id, who.user_id, who.key_id)
    return WhoAmI(
        organizationId=org.org_id,
        organizationName=org.name,
        userId=member.user_id,
        role=member.role,
        emailVerified=member.email_verified,
        keyId=who.key_id,
        keyName=key_name,
        scopes=list(who.scopes),
    )
