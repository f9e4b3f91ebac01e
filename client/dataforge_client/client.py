"""`DataForge`: one method per operation of the API, with the same name. `docs/sdk.md` lists them."""

from __future__ import annotations

from types import TracebackType

from dataforge_client.errors import ConfigError
from dataforge_client.profiles import ConnectionSettings, resolve
from dataforge_client.resources import Accounts, Documents, Exports, Jobs, Pairs, Projects, Synthetic
from dataforge_client.transport import Retry, Transport


class DataForge(Accounts, Projects, Documents, Jobs, Pairs, Exports, Synthetic):
    """Client of one server. Missing arguments come from the environment or a profile (see `profiles`). Thread-safe.

    timeout: seconds without any data from the server. Raises ConfigError when no server or key is configured.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        organization_id: str | None = None,
        *,
        profile: str | None = None,
        timeout: float = 60.0,
        retry: Retry | None = None,
    ) -> None:
        connection = resolve(ConnectionSettings(base_url, api_key, organization_id, profile))
        if connection is None:
            raise ConfigError("No server: pass base_url, or set DATAFORGE_URL, or write a profile")
        self._retry = retry or Retry()
        self._transport = Transport(
            connection.base_url,
            api_key=connection.api_key,
            organization_id=connection.organization_id,
            timeout=timeout,
            retry=self._retry,
        )

    def __enter__(self) -> DataForge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    @property
    def base_url(self) -> str:
        return self._transport.base_url
