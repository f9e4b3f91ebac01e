"""Routes that belong to no single API: health and whoami."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Response

from dataforge.platform import current
from dataforge.platform.ports import Platform
from dataforge.store import organisations
from dataforge_functions.api.callers import AnyCallerDep
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire.accounts import WhoAmI
from dataforge_functions.api.wire.data_forge import Health

logger = logging.getLogger(__name__)

router = APIRouter(tags=["system"], route_class=Route)


KEEP_SECONDS = 30.0
"""How long a health check's result is returned again: anyone may call the route, without a key."""
KEEP_FAILURE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Checked:
    platform: Platform
    states: dict[str, str]
    """Service -> "ok" or "down"."""
    expires: float


class HealthChecks:
    """Asks database and queue at most once in KEEP_SECONDS, however many requests this process gets.

    While one request asks again, the others get the earlier result. clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: _Checked | None = None

    def states(self, platform: Platform) -> dict[str, str]:
        with self._lock:
            last, now = self._last, self._clock()
            if last is None or last.platform is not platform:
                return self._check(platform)
            if now < last.expires:
                return last.states
            self._last = _Checked(platform, last.states, now + KEEP_FAILURE_SECONDS)
        return self._check(platform)

    def _check(self, platform: Platform) -> dict[str, str]:
        states = {
            "database": _state(lambda: platform.tables.get("orgs", {"org_id": "org_health", "item": "org"})),
            "queue": _state(lambda: platform.workflows.describe("generate", "health")),
        }
        keep = KEEP_FAILURE_SECONDS if "down" in states.values() else KEEP_SECONDS
        self._last = _Checked(platform, states, self._clock() + keep)
        return states


checks = HealthChecks()


@router.get("/health", operation_id="health")
def health(response: Response) -> Health:
    """Public. Checks the database and the queue, at most every 30 seconds; 503 when one of them is down."""
    platform = current()
    services = {"api": "ok", **checks.states(platform), "email": "disabled"}  # this service sends no email
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
    """Any key is accepted, whatever its scopes."""
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
