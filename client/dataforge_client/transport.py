"""One request, tried until it is answered or it is clear that it will not be.

Retried: 429, 502, 503, 504, a first try that is still being answered, and broken connections, for calls that may be
repeated (GET, PUT, DELETE, and a POST with an `Idempotency-Key`). A connection that was never made and a 429 are
retried for every call: nothing was done yet.
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

if TYPE_CHECKING:
    import httpx

REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
BUSY = frozenset({429, 502, 503, 504})
IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
"""A first try is being answered still: its answer is what the next try gets."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Waits between tries: `first * 2**n` seconds, each shortened by up to half at random, or what Retry-After says.

    A Retry-After longer than `longest` is not waited for: the error is raised and carries it.
    """

    tries: int = 5
    first: float = 0.5
    longest: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    rng: Callable[[], float] = random.random

    def pause(self, attempt: int, asked: float | None) -> float | None:
        """Seconds to wait after try number `attempt` (from 0); None: give up."""
        if attempt + 1 >= self.tries or (asked is not None and asked > self.longest):
            return None
        return asked if asked is not None else min(20.0, self.first * 2**attempt) * (0.5 + 0.5 * self.rng())


@dataclass(frozen=True, slots=True)
class Call:
    """body: sent as JSON. key: the Idempotency-Key that makes a POST safe to repeat."""

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    body: object = None
    key: str | None = None
    headers: Mapping[str, str] | None = None

    @property
    def repeatable(self) -> bool:
        return self.method in REPEATABLE or self.key is not None


class Transport:
    """Connections to one server; safe to share between threads. `timeout`: seconds without a byte, not in all."""

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

        from dataforge_client import __version__

        self.base_url, self._retry = base_url.rstrip("/"), retry
        self._headers = {"X-API-Key": api_key, "Accept": "application/json"}
        if organization_id:
            self._headers["X-Organization-ID"] = organization_id
        # A proxy from the environment must not come between us and a server on this machine.
        direct = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
        self._http = httpx.Client(
            timeout=timeout,
            mounts=direct,
            headers={"User-Agent": f"dataforge-client/{__version__}"},
        )

    def close(self) -> None:
        self._http.close()

    def json(self, call: Call) -> object:
        """The parsed answer. Raises ApiError, ConnectionFailed, UnexpectedAnswer."""
        return self.json_and_headers(call)[0]

    def json_and_headers(self, call: Call) -> tuple[object, Mapping[str, str]]:
        """Header names are found in any case."""
        headers = {**self._headers, **(call.headers or {})}
        if call.key is not None:
            headers["Idempotency-Key"] = call.key

        def send() -> httpx.Response:
            return self._http.request(
                call.method, self.base_url + call.path, params=call.params, json=call.body, headers=headers
            )

        response = self.attempt(send, repeatable=call.repeatable)
        try:
            return response.json(), response.headers
        except ValueError:
            raise UnexpectedAnswer(
                f"{self.base_url}{call.path} did not answer with JSON; is this a Data Forge server?"
            ) from None

    def put_file(self, url: str, chunks: Callable[[], Iterator[bytes]], *, size: int, content_type: str) -> None:
        """Stream `size` bytes to a signed URL, which carries its own authority: our key is not sent along."""
        headers = {"Content-Length": str(size), "Content-Type": content_type}

        def send() -> httpx.Response:
            return self._http.put(self.absolute(url), content=chunks(), headers=headers)

        self.attempt(send, repeatable=True)

    @contextmanager
    def get_file(self, url: str) -> Iterator[Iterator[bytes]]:
        """The bytes behind a signed URL, one try; raises ApiError for a refusal, ConnectionFailed for a cut."""
        import httpx

        try:
            with self._http.stream("GET", self.absolute(url), headers={"Accept-Encoding": "identity"}) as response:
                if response.status_code >= 300:
                    response.read()
                    raise refusal(response)
                yield response.iter_bytes()
        except httpx.TransportError as problem:
            raise ConnectionFailed(f"The download was cut: {problem}") from None

    def absolute(self, url: str) -> str:
        return self.base_url + url if url.startswith("/") else url

    def attempt(self, send: Callable[[], httpx.Response], *, repeatable: bool) -> httpx.Response:
        """The first good answer of `send`, which is called again as the module's rule allows."""
        import httpx

        attempt = 0
        while True:
            error: ApiError | ConnectionFailed
            try:
                response = send()
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                error, again = self._unreachable(problem), True
            except httpx.TransportError as problem:
                error, again = self._unreachable(problem), repeatable
            except httpx.InvalidURL as problem:
                raise ConnectionFailed(f"{self.base_url} is no address: {problem}") from None
            else:
                if response.status_code < 300:
                    return response
                error = refusal(response)
                again = error.status == 429 or (repeatable and (error.status in BUSY or error.code == IN_PROGRESS))
            asked = error.retry_after if isinstance(error, ApiError) else None
            pause = self._retry.pause(attempt, asked) if again else None
            if pause is None:
                raise error
            self._retry.sleep(pause)
            attempt += 1

    def _unreachable(self, problem: Exception) -> ConnectionFailed:
        return ConnectionFailed(f"{self.base_url} cannot be reached: {problem or type(problem).__name__}")


def refusal(response: httpx.Response) -> ApiError:
    """The error of any answer that is not 2xx, also of a file store that answers in XML."""
    try:
        body = response.json()
    except ValueError:
        body = None
    fallback = f"The server answered {response.status_code} {response.reason_phrase}"
    if 300 <= response.status_code < 400:
        fallback += f" (moved to {response.headers.get('Location', 'nowhere')})"
    return api_error(
        response.status_code,
        body,
        fallback=fallback,
        retry_after=retry_after(response.headers.get("Retry-After"), now=time.time()),
    )


def retry_after(header: str | None, *, now: float) -> float | None:
    """Seconds; the header is a number of them or a date (RFC 9110 section 10.2.3). None when absent or unreadable."""
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
