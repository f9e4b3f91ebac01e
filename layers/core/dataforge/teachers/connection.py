"""The HTTP connection pool of one teacher, with a time-out for every reply and errors that say whether to retry.

aiohttp is imported by the first call: it costs 0.1 to 0.25 s, and a teacher is often made only to read what it can do.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.log import redact
from dataforge.teachers.failures import failure
from dataforge.teachers.proxies import proxy_for
from dataforge.teachers.response import MAX_REPLY_BYTES, Response

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractStreamWriter

CONNECT_TIMEOUT = 20.0
"""Seconds for name look-up, connection and TLS."""
_PART_BYTES = 1 << 16


@dataclass(slots=True)
class _Request:
    """How far one request got. is_sent: its body is being written, so the provider may work on it. A request without a
    body holds no prompt, and is never billed."""

    started: float = field(default_factory=time.monotonic)
    is_sent: bool = False


class Connection:
    """One pool for all calls of a teacher in one event loop. name: for messages. timeout: seconds for one reply."""

    def __init__(self, name: str, timeout: float) -> None:
        self._name, self._timeout = name, timeout
        self._session: aiohttp.ClientSession | None = None
        self._through: str | None = None
        self._knows_proxy = False

    async def post(self, url: str, body: bytes, headers: dict[str, str], *, encoded: bool = False) -> Response:
        """As `send`, with POST."""
        return await self.send("POST", url, headers, body, encoded=encoded)

    async def send(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | aiohttp.FormData | None = None,
        *,
        encoded: bool = False,
    ) -> Response:
        """The response, whatever its status. encoded: send the URL unchanged, as a signature over it requires.

        Raises TeacherUnreachable, and TeacherRefused for an invalid URL. A CancelledError leaves with an attribute
        `may_be_billed` (see `errors.may_be_billed`).
        """
        from yarl import URL

        request = _Request()
        with self._translated_errors(url, request):
            async with self._pool().request(
                method,
                URL(url, encoded=encoded),
                data=_watched_body()(body, request) if isinstance(body, bytes) and body else body,
                headers=headers,
                allow_redirects=False,
                proxy=self._proxy(url),
            ) as response:
                return await _read(response, request)

    async def lines(
        self, url: str, headers: dict[str, str], *, method: str = "GET", body: bytes | None = None
    ) -> AsyncIterator[bytes]:
        """The lines of a file or a stream of any size, as they arrive; the time-out holds for each part of it.

        Raises as `send`, and `failure` for any status but 200.
        """
        import aiohttp

        request = _Request()
        timeout = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT, sock_read=self._timeout)
        with self._translated_errors(url, request):
            async with self._pool().request(
                method,
                url,
                data=_watched_body()(body, request) if body else None,
                headers=headers,
                timeout=timeout,
                proxy=self._proxy(url),
            ) as response:
                if response.status != 200:
                    raise failure(self._name, await _read(response, request), is_prompt=False)
                lines = _Lines()
                async for part in response.content.iter_chunked(_PART_BYTES):
                    for line in lines.ended_in(part):
                        yield line
                if lines.rest:
                    yield bytes(lines.rest)

    @contextmanager
    def _translated_errors(self, url: str, request: _Request) -> Iterator[None]:
        import aiohttp

        url = redact(url)
        try:
            yield
        except asyncio.CancelledError as cancelled:
            if _is_task_cancelled():
                cancelled.may_be_billed = request.is_sent  # type: ignore[attr-defined]
                raise
            raise self._unreachable(f"the connection to {url} was given up", request) from None
        except aiohttp.ConnectionTimeoutError:
            where = f"{url}{self._by_proxy}"
            raise self._unreachable(f"no connection to {where} within {CONNECT_TIMEOUT:g} s", request) from None
        except TimeoutError:
            raise TeacherUnreachable(
                f"{self._name}: no complete answer within {self._timeout:g} s; a slow server needs fewer calls at once "
                "(DATAFORGE_CONCURRENCY, --concurrency) or a longer DATAFORGE_TEACHER_TIMEOUT",
                may_be_billed=request.is_sent,
                timed_out=True,
            ) from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError) as problem:
            if request.is_sent:
                raise self._unreachable(f"the answer of {url} cannot be read: {problem}", request) from None
            raise TeacherRefused(f"{self._name}: {url} is no URL; set the base URL to http(s)://host/v1") from None
        except (aiohttp.ClientError, OSError) as problem:
            raise self._unreachable(f"{url} cannot be reached{self._by_proxy}: {problem}", request) from None

    @property
    def _by_proxy(self) -> str:
        """Without the credentials that a proxy's URL may hold."""
        from yarl import URL

        through = URL(self._through) if self._through else None
        return f" through the proxy {through.host}:{through.port}" if through else ""

    def _unreachable(self, problem: str, request: _Request) -> TeacherUnreachable:
        return TeacherUnreachable(f"{self._name}: {redact(problem)}", may_be_billed=request.is_sent)

    def _proxy(self, url: str) -> str | None:
        """Looked up once: a teacher has one server. The environment does not change while it works."""
        if not self._knows_proxy:
            self._through, self._knows_proxy = proxy_for(url), True
        return self._through

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _pool(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=CONNECT_TIMEOUT),
                connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session


class _Lines:
    """Lines out of parts. Of a line without end no more than MAX_REPLY_BYTES are held, so it cannot be read."""

    def __init__(self) -> None:
        self.rest = bytearray()

    def ended_in(self, part: bytes) -> Iterator[bytes]:
        *whole, rest = part.split(b"\n")
        for line in whole:
            self._hold(line)
            yield bytes(self.rest)
            self.rest.clear()
        self._hold(rest)

    def _hold(self, piece: bytes) -> None:
        self.rest += piece[: MAX_REPLY_BYTES - len(self.rest)]


@cache
def _watched_body() -> Callable[[bytes, _Request], aiohttp.BytesPayload]:
    """A request body that marks its request as sent. aiohttp's tracing would do it too, for 5 % more CPU per call."""
    import aiohttp

    class WatchedBody(aiohttp.BytesPayload):
        def __init__(self, value: bytes, request: _Request) -> None:
            super().__init__(value)
            self._request = request

        async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
            self._request.is_sent = True
            await super().write_with_length(writer, content_length)

    return WatchedBody


def _is_task_cancelled() -> bool:
    """Somebody cancelled the running task; False: the cancellation comes from inside the connection."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


async def _read(response: aiohttp.ClientResponse, request: _Request) -> Response:
    raw = bytearray()
    async for part in response.content.iter_chunked(_PART_BYTES):
        raw += part
        if len(raw) > MAX_REPLY_BYTES:
            break
    return Response(
        status=response.status,
        headers={k.lower(): v for k, v in response.headers.items()},
        raw=bytes(raw),
        seconds=time.monotonic() - request.started,
    )
