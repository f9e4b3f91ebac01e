"""Whether the server is up, who we are, and the keys and members of the organisation (for keys with `admin`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataforge_client.calls import Calls, as_object, given, part
from dataforge_client.models import ApiKey, Member, WhoAmI
from dataforge_client.reading import read, read_list

KEYS, MEMBERS = "/v1/api-keys", "/v1/members"


class Accounts(Calls):
    def health(self) -> Mapping[str, object]:
        """`{"status": "ok", ...}`; needs no key."""
        return as_object(self._get("/health", base=""))

    def whoami(self) -> WhoAmI:
        return read(WhoAmI, self._get("/api/v1/auth/whoami", base=""))

    def list_api_keys(self) -> list[ApiKey]:
        """The active ones, oldest first."""
        return read_list(ApiKey, self._get(KEYS, base=""))

    def create_api_key(self, name: str, *, scopes: Sequence[str] | None = None, user_id: str | None = None) -> ApiKey:
        """`key` of the answer is shown this once. Not retried when the answer is lost: look for it and revoke it."""
        body = given(name=name, scopes=None if scopes is None else list(scopes), user_id=user_id)
        return read(ApiKey, self._post_once(KEYS, body, base=""))

    def revoke_api_key(self, key_id: str) -> None:
        """Raises NotFound, also for a key of another organisation."""
        self._delete(f"{KEYS}/{part(key_id)}", base="")

    def list_members(self) -> list[Member]:
        """Oldest first."""
        return read_list(Member, self._get(MEMBERS, base=""))

    def add_member(
        self,
        *,
        name: str | None = None,
        email: str | None = None,
        role: str = "member",
        idempotency_key: str | None = None,
    ) -> Member:
        """role: member or owner."""
        body = given(name=name, email=email, role=role)
        return read(Member, self._post(MEMBERS, body, key=idempotency_key, base=""))

    def remove_member(self, user_id: str) -> int:
        """How many keys stopped working with it. Raises Conflict for the last owner."""
        revoked = self._delete(f"{MEMBERS}/{part(user_id)}", base="").get("revoked_keys")
        return revoked if isinstance(revoked, int) else 0
