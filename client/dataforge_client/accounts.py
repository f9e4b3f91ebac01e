"""Keys and members of an organisation; the key must have the scope `admin`. A part of `DataForge`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from dataforge_client.models import Json, read, read_list
from dataforge_client.transport import Call, Transport

KEYS, MEMBERS = "/v1/api-keys", "/v1/members"


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...] = field(default=(), metadata={"build": tuple})
    user_id: str = ""
    created_at: str = ""
    last_used_at: str | None = None
    key: str | None = field(default=None, repr=False)
    """The key itself: only in the answer that made it."""
    raw: Json = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    user_id: str
    name: str | None = None
    email: str | None = None
    email_verified: bool = True
    role: str = "member"
    created_at: str = ""
    raw: Json = field(default_factory=dict, repr=False)


class Accounts:
    """What `DataForge` can do with keys and members."""

    _transport: Transport

    def list_api_keys(self) -> list[ApiKey]:
        """The active ones, oldest first."""
        return read_list(ApiKey, self._transport.json(Call("GET", KEYS)))

    def create_api_key(
        self, name: str, *, scopes: Sequence[str] | None = None, user_id: str | None = None
    ) -> ApiKey:
        """`key` of the answer is shown this once. Not retried when the answer is lost: look for it and revoke it."""
        body = _given({"name": name, "scopes": None if scopes is None else list(scopes), "user_id": user_id})
        return read(ApiKey, self._transport.json(Call("POST", KEYS, body=body)))

    def revoke_api_key(self, key_id: str) -> None:
        """Raises NotFound, also for a key of another organisation."""
        self._transport.json(Call("DELETE", f"{KEYS}/{quote(key_id, safe='')}"))

    def list_members(self) -> list[Member]:
        return read_list(Member, self._transport.json(Call("GET", MEMBERS)))

    def add_member(self, *, name: str | None = None, email: str | None = None, role: str = "member") -> Member:
        body = _given({"name": name, "email": email, "role": role})
        return read(Member, self._transport.json(Call("POST", MEMBERS, body=body, key=uuid.uuid4().hex)))

    def remove_member(self, user_id: str) -> int:
        """How many keys stopped working with it. Raises Conflict for the last owner."""
        told = self._transport.json(Call("DELETE", f"{MEMBERS}/{quote(user_id, safe='')}"))
        revoked = told.get("revoked_keys") if isinstance(told, dict) else None
        return revoked if isinstance(revoked, int) else 0


def _given(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
