"""HTTP with retries.

Idempotent requests (GET, PUT, DELETE, and POST with an `Idempotency-Key`) are retried after 429, 502, 503, 504, after a
lost connection, and while the server still works on an earlier try. Every request is retried after 429 and when no
connection could be opened, because the server has done nothing yet.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from dataforge_client.errors import ApiError, ConnectionFailed, UnexpectedAnswer, api_error
from dataforge_client.redaction import redact
from dataforge_client.version import __version__

if TYPE_CHECKING:
    import httpx

IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})
RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})
IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
"""Error code while the server works on an earlier try; a later try gets the stored response."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Exponential backoff with jitter: `first * 2**n` seconds, reduced at random by up to half, or as Retry-After says.

    tries: in all, the first included. A Retry-After of more than `longest` seconds raises the error at once.
    """

    tries: int = 5
    first: float = 0.5
    longest: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    rng: Callable[[], float] = random.random

    def pause(self, attempt: int, retry_after: float | None) -> float | None:
        """Seconds to wait after try number `attempt` (from 0); None: do not retry."""
        if attempt + 1 >= self.tries or (retry_after is not None and retry_after > self.longest):
            return None
        if retry_after is not None:
            return retry_after
        return min(20.0, self.first * 2.0**attempt) * (0.5 + 0.5 * self.rng())


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """body: sent as JSON. key: the Idempotency-Key, which makes a POST safe to retry."""

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    body: object = None
    key: str | None = None
    headers: Mapping[str, str] | None = None

    @property
    def idempotent(self) -> bool:
        return self.method in IDEMPOTENT_METHODS or self.key is not None


class Transport:
    """Connections to one server; thread-safe. timeout: seconds without any data, not for the whole request."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        organization_id: str | None,
        timeout: float,
        retry: Retry,
    ) -> None:
        import httpx

        self.base_url, self._retry = base_url.rstrip("/"), retry
        self._headers = {"X-API-Key": api_key, "Accept": "application/json"}
        if organization_id:
            self._headers["X-Organization-ID"] = organization_id
        # A proxy from the environment must not be used for a server on this machine.
        no_proxy = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
        self._http = httpx.Client(
            timeout=timeout,
            mounts=no_proxy,
            headers={"User-Agent": f"dataforge-client/{__version__}"},
        )

    def close(self) -> None:
        self._http.close()

    def json(self, request: ApiRequest) -> object:
        """The parsed response. Raises ApiError, ConnectionFailed or UnexpectedAnswer."""
        return self.json_and_headers(request)[0]

    def json_and_headers(self, request: ApiRequest) -> tuple[object, Mapping[str, str]]:
        """As `json`; the names of the headers are case-insensitive."""
        headers = {**self._headers, **(request.headers or {})}
        if request.key is not None:
            headers["Idempotency-Key"] = request.key

        def send() -> httpx.Response:
            return self._http.request(
                request.method, self.base_url + request.path, params=request.params, json=request.body, headers=headers
            )

        response = self.attempt(send, idempotent=request.idempotent)
        try:
            return response.json(), response.headers
        except ValueError:
            raise UnexpectedAnswer(
                f"{redact(self.base_url)}{request.path} did not return JSON; is this a Data Forge server?"
            ) from None

    def put_file(self, url: str, chunks: Callable[[], Iterator[bytes]], *, size: int, content_type: str) -> None:
        """Stream `size` bytes to a signed URL. The API key is not sent: the signature authorises the upload."""
        headers = {"Content-Length": str(size), "Content-Type": content_type}

        def send() -> httpx.Response:
            return self._http.put(self.absolute(url), content=chunks(), headers=headers)

        self.attempt(send, idempotent=True)

    @contextmanager
    def get_file(self, url: str) -> Iterator[Iterator[bytes]]:
        """Stream the content of a signed URL, one try. Raises ApiError, or ConnectionFailed for a lost connection."""
        import httpx

        try:
            with self._http.stream("GET", self.absolute(url), headers={"Accept-Encoding": "identity"}) as response:
                if response.status_code >= 300:
                    response.read()
                    raise response_error(response)
                yield response.iter_bytes()
        except httpx.TransportError as problem:
            raise ConnectionFailed(redact(f"The download was interrupted: {problem}")) from None

    def absolute(self, url: str) -> str:
        return self.base_url + url if url.startswith("/") else url

    def attempt(self, send: Callable[[], httpx.Response], *, idempotent: bool) -> httpx.Response:
        """The first successful response of `send`, which is called again as the module's docstring says."""
        import httpx

        attempt = 0
        while True:
            error: ApiError | ConnectionFailed
            try:
                response = send()
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
            self._retry.sleep(pause)
            attempt += 1

    def _unreachable(self, problem: Exception) -> ConnectionFailed:
        return ConnectionFailed(redact(f"{self.base_url} cannot be reached: {problem or type(problem).__name__}"))


def response_error(response: httpx.Response) -> ApiError:
    """The error for a response that is not 2xx; also for a file store whose errors are XML."""
    try:
        body = response.json()
    except ValueError:
        body = None
    fallback = f"The server answered {response.status_code} {response.reason_phrase}"
    if 300 <= response.status_code < 400:
        fallback += f" (redirects to {redact(response.headers.get('Location', 'an unknown address'))})"
    return api_error(
        response.status_code,
        body,
        fallback=fallback,
        retry_after=retry_after(response.headers.get("Retry-After"), now=time.time()),
    )


def retry_after(header: str | None, *, now: float) -> float | None:
    """Seconds to wait. The header is seconds or a date (RFC 9110 section 10.2.3); None when missing or not valid."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now)
    except ValueError:
        return None
