"""HTTP with retries.

Idempotent requests (GET, PUT, DELETE, and POST with an `Idempotency-Key`) are retried after 429, 502, 503, 504, after a
lost connection, and while the server still works on an earlier try. Every request is retried after 429 and when no
connection could be opened, because the server has done nothing yet.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataforge_client.aio.runtime import sleep
from dataforge_client.api_request import IN_PROGRESS, RETRYABLE_STATUSES, ApiRequest, response_error
from dataforge_client.errors import ApiError, ConfigError, ConnectionFailed, UnexpectedAnswer
from dataforge_client.redaction import redact
from dataforge_client.version import __version__

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class AsyncRetry:
    """Exponential backoff with jitter: `first * 2**n` seconds, reduced at random by up to half, or as Retry-After says.

    tries: in all, the first included. A Retry-After of more than `longest` seconds raises the error at once.
    """

    tries: int = 5
    first: float = 0.5
    longest: float = 60.0
    sleep: Callable[[float], Awaitable[None]] = sleep
    rng: Callable[[], float] = random.random

    def pause(self, attempt: int, retry_after: float | None) -> float | None:
        """Seconds to wait after try number `attempt` (from 0); None: do not retry."""
        if attempt + 1 >= self.tries or (retry_after is not None and retry_after > self.longest):
            return None
        if retry_after is not None:
            return retry_after
        return min(20.0, self.first * 2.0**attempt) * (0.5 + 0.5 * self.rng())


class Transport:
    """Connections to one server. timeout: seconds without any data, not for the whole request.

    api_key: empty for public operations only. http_client: the caller's own, which is used as it is and not closed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        organization_id: str | None,
        timeout: float,
        retry: AsyncRetry,
        http_client: httpx.AsyncClient | None = None,
    ) -> None:
        self.base_url, self._retry = base_url.rstrip("/"), retry
        self._headers = {"Accept": "application/json"}
        if api_key:
            self._headers["X-API-Key"] = api_key
        if organization_id:
            self._headers["X-Organization-ID"] = organization_id
        self._owns_http, self._http = http_client is None, http_client or _new_http_client(timeout)

    async def aclose(self) -> None:
        if self._owns_http:
            await self._http.aclose()

    async def json(self, request: ApiRequest) -> object:
        """The parsed response. Raises ApiError, ConnectionFailed or UnexpectedAnswer, ConfigError without a key."""
        return (await self.json_and_headers(request))[0]

    async def json_and_headers(self, request: ApiRequest) -> tuple[object, Mapping[str, str]]:
        """As `json`; the names of the headers are case-insensitive."""
        response = await self._response(request)
        try:
            return response.json(), response.headers
        except ValueError:
            raise UnexpectedAnswer(
                f"{redact(self.base_url)}{request.path} did not return JSON; is this a Data Forge server?"
            ) from None

    async def text(self, request: ApiRequest) -> str:
        """The response as it is. Raises as `json`."""
        return (await self._response(request)).text

    async def _response(self, request: ApiRequest) -> httpx.Response:
        headers = self._headers_of(request)
        file = request.file

        async def send() -> httpx.Response:
            # Never to where a redirect leads, whatever the caller's client does: the key is in the headers.
            return await self._http.request(
                request.method,
                self.base_url + request.path,
                params=request.params,
                json=request.body,
                files=None if file is None else {"file": (file.name, file.content, file.content_type)},
                headers=headers,
                follow_redirects=False,
            )

        return await self.attempt(send, idempotent=request.idempotent)

    @asynccontextmanager
    async def stream(self, request: ApiRequest) -> AsyncIterator[tuple[str, AsyncIterator[str]]]:
        """The content type of the response, and its lines as they arrive. Raises as `json`, and ConnectionFailed for a
        connection that is lost meanwhile."""
        import httpx

        headers = self._headers_of(request)

        async def send() -> httpx.Response:
            made = self._http.build_request(
                request.method, self.base_url + request.path, json=request.body, headers=headers
            )
            response = await self._http.send(made, stream=True, follow_redirects=False)
            if response.status_code >= 300:
                await response.aread()
            return response

        response = await self.attempt(send, idempotent=request.idempotent)
        try:
            yield response.headers.get("Content-Type", ""), response.aiter_lines()
        except httpx.TransportError as problem:
            raise ConnectionFailed(redact(f"The connection was lost: {problem}")) from None
        finally:
            await response.aclose()

    def _headers_of(self, request: ApiRequest) -> dict[str, str]:
        """Raises ConfigError without a key, where one is needed."""
        if "X-API-Key" not in self._headers and not request.public:
            raise ConfigError(f"No key for {redact(self.base_url)}: pass api_key, or set DATAFORGE_API_KEY")
        headers = {**self._headers, **(request.headers or {})}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key
        if request.file is not None:  # a retry must have the same body, which a random boundary would change
            headers["Content-Type"] = f"multipart/form-data; boundary={request.key or 'file'}"
        return headers

    async def put_file(
        self, url: str, chunks: Callable[[], AsyncIterator[bytes]], *, size: int, content_type: str
    ) -> None:
        """Stream `size` bytes to a signed URL. The API key is not sent: the signature authorises the upload."""
        headers = {"Content-Length": str(size), "Content-Type": content_type}

        async def send() -> httpx.Response:
            return await self._http.put(self.absolute(url), content=chunks(), headers=headers, follow_redirects=False)

        await self.attempt(send, idempotent=True)

    @asynccontextmanager
    async def get_file(self, url: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Stream the content of a signed URL, one try. Raises ApiError, or ConnectionFailed for a lost connection."""
        import httpx

        headers = {"Accept-Encoding": "identity"}
        try:
            async with self._http.stream(
                "GET", self.absolute(url), headers=headers, follow_redirects=False
            ) as response:
                if response.status_code >= 300:
                    await response.aread()
                    raise response_error(response)
                yield response.aiter_bytes()
        except httpx.TransportError as problem:
            raise ConnectionFailed(redact(f"The download was interrupted: {problem}")) from None

    def absolute(self, url: str) -> str:
        return self.base_url + url if url.startswith("/") else url

    async def attempt(self, send: Callable[[], Awaitable[httpx.Response]], *, idempotent: bool) -> httpx.Response:
        """The first successful response of `send`, which is called again as the module's docstring says."""
        import httpx

        attempt = 0
        while True:
            error: ApiError | ConnectionFailed
            try:
                response = await send()
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                error, retry = self._unreachable(problem), True
            except httpx.TransportError as problem:
                error, retry = self._unreachable(problem), idempotent
            except httpx.InvalidURL as problem:
                raise ConnectionFailed(f"{redact(self.base_url)} is not a valid URL: {redact(str(problem))}") from None
            else:
                if response.status_code < 300:
                    return response
                error = response_error(response)
                retry = error.status == 429 or (
                    idempotent and (error.status in RETRYABLE_STATUSES or error.code == IN_PROGRESS)
                )
            wait = error.retry_after if isinstance(error, ApiError) else None
            pause = self._retry.pause(attempt, wait) if retry else None
            if pause is None:
                raise error
            await self._retry.sleep(pause)
            attempt += 1

    def _unreachable(self, problem: Exception) -> ConnectionFailed:
        return ConnectionFailed(redact(f"{self.base_url} cannot be reached: {problem or type(problem).__name__}"))


def _new_http_client(timeout: float) -> httpx.AsyncClient:
    import httpx

    # A proxy from the environment must not be used for a server on this machine.
    no_proxy = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
    return httpx.AsyncClient(
        timeout=timeout, mounts=no_proxy, headers={"User-Agent": f"dataforge-client/{__version__}"}
    )
