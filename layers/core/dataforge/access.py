"""Who is asking: a key, and the organisation it speaks for."""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.errors import Forbidden, Malformed, Unauthenticated
from dataforge.store import orgs


@dataclass(frozen=True, slots=True)
class Caller:
    org_id: str
    user_id: str
    key_id: str
    scopes: tuple[str, ...]


def identify(key: str | None, org_id: str | None, *, org_required: bool = True) -> Caller:
    """Raises Unauthenticated (no or unknown key), Malformed (no organisation), Forbidden (not a member of it)."""
    holder = orgs.holder_of(key) if key else None
    if holder is None:
        raise Unauthenticated("A valid API key is required: send it as X-API-Key or Authorization: Bearer")
    if not org_id and org_required:
        raise Malformed("The header X-Organization-ID is required", code="ORGANIZATION_REQUIRED")
    if org_id and org_id != holder.org_id and not orgs.is_member(org_id, holder.user_id):
        raise Forbidden("This key does not belong to a member of that organization", code="ORGANIZATION_FORBIDDEN")
    return Caller(org_id or holder.org_id, holder.user_id, holder.key_id, tuple(holder.scopes))
