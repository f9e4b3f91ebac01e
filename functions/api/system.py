"""Routes that belong to no single API: health, who am I."""

from __future__ import annotations

from fastapi import APIRouter

from dataforge.platform import current
from dataforge.store import orgs
from functions.api.callers import AnyCallerDep
from functions.api.routing import Route
from functions.api.wire.accounts import WhoAmI
from functions.api.wire.data_forge import Health

router = APIRouter(tags=["system"], route_class=Route)


@router.get("/health", operation_id="health")
def health() -> Health:
    """Public. `database` is checked by one read."""
    platform = current()
    platform.tables.get("orgs", {"org_id": "org_health", "item": "org"})
    return Health(status="ok", api="ok", database="ok", platform=platform.name)


@router.get("/api/v1/auth/whoami", operation_id="whoami", summary="Who am I")
def whoami(who: AnyCallerDep) -> WhoAmI:
    """Any key may ask, whatever its scopes."""
    org, member, key_name = orgs.get_many(who.org_id, who.user_id, who.key_id)
    return WhoAmI(
        organizationId=org.org_id, organizationName=org.name, userId=member.user_id, role=member.role,
        emailVerified=member.email_verified, keyId=who.key_id, keyName=key_name, scopes=list(who.scopes),
    )
