"""`AsyncDataForge`: one method per operation of the API, with the same name. `docs/sdk.md` lists them."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING

from dataforge_client.aio.resources import (
    Accounts,
    Documents,
    Exports,
    Jobs,
    Pairs,
    Projects,
    Synthetic,
    TrainedModels,
    Training,
    TrainingData,
)
from dataforge_client.aio.transport import AsyncRetry, Transport
from dataforge_client.errors import ConfigError
from dataforge_client.profiles import ConnectionSettings, resolve

if TYPE_CHECKING:
    import httpx


class AsyncDataForge(
    Accounts, Projects, Documents, Jobs, Pairs, Exports, Synthetic, Training, TrainedModels, TrainingData
):
    """Client of one server. Missing arguments come from the environment or a profile (see `profiles`).

    The asynchronous client is for the tasks of one event loop, the synchronous one for any number of threads.

    timeout: seconds without any data from the server. max_retries: after the first try of a request [default: 4]; 0
    for none. retry: everything about retries. http_client: used for every request as it is, with its own timeouts,
    proxies and certificates, and never closed; then `timeout` has no effect.

    Raises ConfigError when no server is configured. Without a key only the public operations work; the others raise
    ConfigError.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        organization_id: str | None = None,
        *,
        profile: str | None = None,
        timeout: float = 60.0,
        max_retries: int | None = None,
        retry: AsyncRetry | None = None,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        connection = resolve(ConnectionSettings(base_url, api_key, organization_id, profile), needs_key=False)
        if connection is None:
            raise ConfigError("No server: pass base_url, or set DATAFORGE_URL, or write a profile")
        if max_retries is not None and max_retries < 0:
            raise ValueError(f"max_retries must be 0 or more, not {max_retries}")
        self._retry = retry or AsyncRetry()
        if max_retries is not None:
            self._retry = replace(self._retry, tries=max_retries + 1)
        self._transport = Transport(
            connection.base_url,
            api_key=connection.api_key,
            organization_id=connection.organization_id,
            timeout=timeout,
            retry=self._retry,
            http_client=http_client,
        )

    async def __aenter__(self) -> AsyncDataForge:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless the caller gave the HTTP client."""
        await self._transport.aclose()

    @property
    def base_url(self) -> str:
        return self._transport.base_url
