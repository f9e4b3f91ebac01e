"""Who is asking, and what they may do.

A key belongs to one organisation and reaches no other, whoever holds it.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataforge import settings
from dataforge.errors import Forbidden, Malformed, NotFound, Unauthenticated
from dataforge.store import api_keys, members


@dataclass(frozen=True, slots=True)
class Caller:
    org_id: str
    user_id: str
    key_id: str
    scopes: tuple[str, ...]


def authenticate(key: str | None) -> Caller:
    """One read. Raises Unauthenticated for no key, an unknown or a revoked one."""
    holder = api_keys.holder_of(key) if key else None
    if holder is None:
        raise Unauthenticated("A valid API key is required: send it as X-API-Key or Authorization: Bearer")
    api_keys.note_use(holder)
    return Caller(holder.org_id, holder.user_id, holder.key_id, tuple(holder.scopes))


def require_active(who: Caller) -> None:
    """For what goes on after the request was accepted. One read. Raises Unauthenticated for a key revoked since."""
    if not api_keys.is_active(who.org_id, who.key_id):
        raise Unauthenticated("This API key was revoked")


def allow(who: Caller, org_id: str | None, *, org_required: bool, scope: str | None) -> None:
    """Raises Malformed (no organisation), Forbidden (another one, email not verified, scope lacks)."""
    if not org_id and org_required:
        raise Malformed("The header X-Organization-ID is required", code="ORGANIZATION_REQUIRED")
    if org_id and org_id != who.org_id:
        raise Forbidden("This key does not belong to a member of that organization", code="ORGANIZATION_FORBIDDEN")
    if settings.get().require_verified_email and not _verified(who):
        raise Forbidden("Verify your email address first", code="EMAIL_NOT_VERIFIED")
    if scope and scope not in who.scopes and api_keys.ADMIN not in who.scopes:
        raise Forbidden(f"This key lacks the scope {scope}", code="SCOPE_REQUIRED")


def _verified(who: Caller) -> bool:
    try:
        return members.get(who.org_id, who.user_id).email_verified
    except NotFound:
        return False
