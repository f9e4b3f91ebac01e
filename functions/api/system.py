"""Routes that belong to no single API: health, who am I."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from dataforge.access import Caller
from dataforge.platform import current
from functions.api.callers import caller_anywhere
from functions.api.wire.data_forge import Health, WhoAmI

router = APIRouter(tags=["system"])


@router.get("/health", operation_id="health")
def health() -> Health:
    """Public. `database` is checked by one read."""
    platform = current()
    platform.tables.get("orgs", {"org_id": "org_health", "item": "org"})
    return Health(status="ok", api="ok", database="ok", platform=platform.name)


@router.get("/api/v1/auth/whoami", operation_id="whoami", summary="Who am I")
def whoami(who: Annotated[Caller, Depends(caller_anywhere)]) -> WhoAmI:
    return WhoAmI(organizationId=who.org_id, userId=who.user_id, keyId=who.key_id, scopes=list(who.scopes))
