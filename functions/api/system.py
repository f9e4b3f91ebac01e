"""Routes that belong to no single API: health, who am I."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from dataforge.access import Caller
from dataforge.platform import current
from functions.api.callers import caller_anywhere
from functions.api.wire.data_forge import Health, WhoAmI

logger = logging.getLogger(__name__)

router = APIRouter(tags=["system"])


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
        status="ok" if healthy else "degraded", api="ok", database=services["database"], platform=platform.name,
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
def whoami(who: Annotated[Caller, Depends(caller_anywhere)]) -> WhoAmI:
    return WhoAmI(organizationId=who.org_id, userId=who.user_id, keyId=who.key_id, scopes=list(who.scopes))
