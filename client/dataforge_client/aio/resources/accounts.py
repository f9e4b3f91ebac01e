"""Health, identity, and the API keys and members of the organisation (these need the scope `admin`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataforge_client.aio.api_resource import ApiResource
from dataforge_client.api_request import expect_object, path_segment, without_none
from dataforge_client.decoding import decode, decode_list
from dataforge_client.literals import MemberRole, Scope
from dataforge_client.models import ApiKey, Member, SocketTicket, WhoAmI

KEYS_PATH, MEMBERS_PATH = "/v1/api-keys", "/v1/members"
SOCKET_TICKETS_PATH = "/v1/socket-tickets"


class Accounts(ApiResource):
    async def health(self) -> Mapping[str, object]:
        """`{"status": "ok", ...}`; needs no API key."""
        return expect_object(await self._get_public("/health"))

    async def whoami(self) -> WhoAmI:
        return decode(WhoAmI, await self._get("/api/v1/auth/whoami", base=""))

    async def list_api_keys(self) -> list[ApiKey]:
        """Active keys, oldest first."""
        return decode_list(ApiKey, await self._get(KEYS_PATH, base=""))

    async def create_api_key(
        self, name: str, *, scopes: Sequence[Scope] | None = None, user_id: str | None = None
    ) -> ApiKey:
        """Create a key; `key` is returned only here. Not retried: after a lost response, list and revoke the key."""
        body = without_none(name=name, scopes=None if scopes is None else list(scopes), user_id=user_id)
        return decode(ApiKey, await self._post_once(KEYS_PATH, body, base=""))

    async def revoke_api_key(self, key_id: str) -> None:
        """Raises NotFound for an unknown key or a key of another organisation."""
        await self._delete(f"{KEYS_PATH}/{path_segment(key_id)}", base="")

    async def create_socket_ticket(self, *, idempotency_key: str | None = None) -> SocketTicket:
        """A ticket for one connection to the WebSocket API of a deployment, valid for a minute. Every try makes another
        one, whatever its key."""
        return decode(SocketTicket, await self._post(SOCKET_TICKETS_PATH, None, key=idempotency_key, base=""))

    async def list_members(self) -> list[Member]:
        """Oldest first."""
        return decode_list(Member, await self._get(MEMBERS_PATH, base=""))

    async def add_member(
        self,
        *,
        name: str | None = None,
        email: str | None = None,
        role: MemberRole = "member",
        idempotency_key: str | None = None,
    ) -> Member:
        """role: member or owner."""
        body = without_none(name=name, email=email, role=role)
        return decode(Member, await self._post(MEMBERS_PATH, body, key=idempotency_key, base=""))

    async def remove_member(self, user_id: str) -> int:
        """Remove a member and revoke their keys. Returns how many were revoked. Raises Conflict for the last owner."""
        revoked = (await self._delete(f"{MEMBERS_PATH}/{path_segment(user_id)}", base="")).get("revoked_keys")
        return revoked if isinstance(revoked, int) else 0
