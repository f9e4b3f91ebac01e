"""Whether the server is up, who we are, and who else may come in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dataforge_client.calls import Calls, as_object, given, part
from dataforge_client.models import ApiKey, Member, NewApiKey, WhoAmI
from dataforge_client.reading import read, read_list

KEYS = "/v1/api-keys"
MEMBERS = "/v1/members"


class Accounts(Calls):
    def health(self) -> Mapping[str, object]:
        """`{"status": "ok", ...}`; needs no key."""
        return as_object(self._get("/health", base=""))

    def whoami(self) -> WhoAmI:
        return read(WhoAmI, self._get("/api/v1/auth/whoami", base=""))

    def create_api_key(
        self, name: str, *, scopes: Sequence[str] | None = None, idempotency_key: str | None = None
    ) -> NewApiKey:
        """The only time that the key itself is shown. At most 10 are active."""
        body = given(name=name, scopes=None if scopes is None else list(scopes))
        return read(NewApiKey, self._post(KEYS, body, key=idempotency_key, base=""))

    def list_api_keys(self) -> list[ApiKey]:
        return read_list(ApiKey, self._get(KEYS, base=""))

    def delete_api_key(self, key_id: str) -> str:
        """From now on it is refused."""
        return self._delete(f"{KEYS}/{part(key_id)}", base="")

    def list_members(self) -> list[Member]:
        return read_list(Member, self._get(MEMBERS, base=""))

    def add_member(self, name: str, *, idempotency_key: str | None = None) -> Member:
        return read(Member, self._post(MEMBERS, given(name=name), key=idempotency_key, base=""))

    def remove_member(self, user_id: str) -> str:
        """Takes the person's keys away too."""
        return self._delete(f"{MEMBERS}/{part(user_id)}", base="")
