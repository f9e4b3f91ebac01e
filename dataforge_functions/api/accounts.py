"""Keys and members of the caller's organisation; the key must have the scope `admin` (`callers.ADMIN_PATHS`)."""

from __future__ import annotations

from fastapi import APIRouter

from dataforge import clock, ids, settings
from dataforge.errors import Invalid, NotFound
from dataforge.store import api_keys, members, socket_tickets
from dataforge.store.connections import Opener
from dataforge_functions.api.callers import AnyCallerDep
from dataforge_functions.api.path_ids import KeyId, UserId
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import accounts as wire

router = APIRouter(prefix="/v1", tags=["accounts"], route_class=Route)


@router.post("/api-keys", status_code=201, operation_id="create_api_key")
def create_api_key(who: AnyCallerDep, body: wire.CreateKey) -> wire.NewApiKey:
    """The key is returned only once, in this response. An organisation may have 10 keys; the 11th is a 409."""
    user_id = body.user_id or who.user_id
    try:
        if api_keys.ADMIN in body.scopes and members.get(who.org_id, user_id).role != "owner":
            raise Invalid("Only an owner's key may have the scope admin", field="scopes")
        key, secret = api_keys.create(who.org_id, user_id, name=body.name, scopes=body.scopes, created_by=who.user_id)
    except NotFound:
        raise Invalid("There is no such member of this organization", field="user_id") from None
    return wire.NewApiKey(**_key(key).model_dump(), key=secret)


@router.get("/api-keys", operation_id="list_api_keys", summary="List API keys")
def list_api_keys(who: AnyCallerDep) -> list[wire.ApiKey]:
    """The active ones, oldest first."""
    return [_key(k) for k in api_keys.of_organisation(who.org_id)]


@router.delete("/api-keys/{key_id}", operation_id="revoke_api_key")
def revoke_api_key(who: AnyCallerDep, key_id: KeyId) -> wire.Revoked:
    """The key is invalid from the next request on; event streams and connections that it opened end. A key may revoke
    itself."""
    api_keys.revoke(who.org_id, key_id)
    return wire.Revoked(message=f"API key {key_id} revoked", id=key_id)


@router.post("/socket-tickets", status_code=201, operation_id="create_socket_ticket", summary="Create a socket ticket")
def create_socket_ticket(who: AnyCallerDep) -> wire.SocketTicket:
    """Opens one connection to the WebSocket API of a deployment (`?ticket=`) within a minute, with the rights of the
    key that asks. For browsers, which cannot send the key as a header there; any key may ask."""
    opener = Opener(who.org_id, who.user_id, who.key_id, who.scopes)
    return wire.SocketTicket(ticket=socket_tickets.issue(opener), expires_in=socket_tickets.VALID_S)


@router.get("/members", operation_id="list_members")
def list_members(who: AnyCallerDep) -> list[wire.Member]:
    """Oldest first."""
    return [_member(m) for m in members.of_organisation(who.org_id)]


@router.post("/members", status_code=201, operation_id="add_member")
def add_member(who: AnyCallerDep, body: wire.AddMember) -> wire.Member:
    """Adds a person to the organisation; create a key for them with their `user_id`.

    Where verified emails are required, the operator verifies them (`dataforge member verify`).
    """
    made = members.add(
        members.Member(
            org_id=who.org_id,
            user_id=ids.new("user"),
            role=body.role,
            name=body.name,
            email=body.email,
            email_verified=not settings.get().require_verified_email,
            created_at=clock.now(),
        )
    )
    return _member(made)


@router.delete("/members/{user_id}", operation_id="remove_member")
def remove_member(who: AnyCallerDep, user_id: UserId) -> wire.Removed:
    """Their keys are revoked at once; what they created remains. The last owner cannot be removed (409)."""
    revoked = members.remove(who.org_id, user_id)
    return wire.Removed(message=f"Member {user_id} removed", user_id=user_id, revoked_keys=revoked)


def _key(key: api_keys.ApiKey) -> wire.ApiKey:
    return wire.ApiKey(
        id=key.key_id,
        name=key.name,
        prefix=key.prefix,
        scopes=key.scopes,
        user_id=key.user_id,
        created_at=key.created_at,
        last_used_at=key.last_used_at,
    )


def _member(member: members.Member) -> wire.Member:
    return wire.Member(
        user_id=member.user_id,
        name=member.name,
        email=member.email,
        email_verified=member.email_verified,
        role=member.role,
        created_at=member.created_at,
    )
