"""What every teacher behind HTTP shares: one connection pool, replies with an end, errors that say whether to retry.

aiohttp is imported by the first call: it costs 0.1 to 0.25 s, and a teacher is often made only to know what it can.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import orjson

from dataforge.errors import TeacherBusy, TeacherError, TeacherRefused, TeacherUnreachable
from dataforge.records import Rates

if TYPE_CHECKING:
    import aiohttp

MOST_REPLY_BYTES = 8 * 2**20
"""What is longer is no reply that anyone could use: it is not read on."""

BUSY = (429, 503, 529)
_PASSING = (408, 409, 424)
"""Statuses below 500 after which the same request may well pass."""
UNPAID = {
    "insufficient_quota",
    "billing_hard_limit_reached",
    "credit_balance_exhausted",
    "enforced_spend_limit_reached",
}
"""Error codes that come as "too many requests", but that no waiting ends."""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def is_cut(self) -> bool:
        return len(self.raw) > MOST_REPLY_BYTES

    @property
    def says(self) -> str:
        """The start of the body, to look for words in."""
        return self.raw[:5000].decode("utf-8", "replace")


class Connection:
    """One pool for all calls of a teacher in one event loop. name: for messages. timeout: seconds for one reply."""

    def __init__(self, name: str, timeout: float) -> None:
        self._name, self._timeout = name, timeout
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: dict[str, str], *, encoded: bool = False) -> Response:
        """As `send` says."""
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
        """Any status is a Response. encoded: send the URL as it stands, as a signature over it needs.

        Raises TeacherUnreachable, TeacherRefused where the URL is none.
        """
        from yarl import URL

        with self._troubles(url):
            to = URL(url, encoded=encoded)
            async with self._pool().request(method, to, data=body, headers=headers, allow_redirects=False) as response:
                return await _read(response)

    async def lines(self, url: str, headers: dict[str, str]) -> AsyncIterator[bytes]:
        """The lines of a file of any size, as they come; the time-out is for each part of it.

        Raises as `send`, and `failure` of any status but 200.
        """
        import aiohttp

        slow = aiohttp.ClientTimeout(total=None, connect=20, sock_read=self._timeout)
        with self._troubles(url):
            async with self._pool().get(url, headers=headers, timeout=slow) as response:
                if response.status != 200:
                    raise failure(self._name, await _read(response))
                held = b""
                async for part in response.content.iter_chunked(1 << 16):
                    *whole, held = (held + part).split(b"\n")
                    for line in whole:
                        yield line
                if held:
                    yield held

    @contextmanager
    def _troubles(self, url: str) -> Iterator[None]:
        import aiohttp

        try:
            yield
        except TimeoutError:
            raise TeacherUnreachable(f"{self._name} did not answer within {self._timeout:g} s") from None
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, ValueError):
            raise TeacherRefused(f"{self._name}: {url} is no URL; set the base URL to http(s)://host/v1") from None
        except (aiohttp.ClientError, OSError) as problem:
            raise TeacherUnreachable(f"{self._name} at {url} cannot be reached: {problem}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _pool(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=20),
                connector=aiohttp.TCPConnector(limit=0),
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> Response:
    raw = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        raw += part
        if len(raw) > MOST_REPLY_BYTES:
            break
    return Response(response.status, {k.lower(): v for k, v in response.headers.items()}, bytes(raw))


def failure(
    name: str, response: Response, *, hint: str = "Check the key of this teacher where the server runs."
) -> TeacherError:
    """The error that an unsuccessful response stands for. hint: what to do about a 401 or 403."""
    status, said = response.status, message(response.raw)
    if status in BUSY and code(response.raw) not in UNPAID:
        return TeacherBusy(
            f"{name} is busy (HTTP {status}): {said}",
            retry_after=retry_after(response.headers),
            rates=rates(response.headers),
            limited=status == 429,
        )
    if (status >= 500 and status not in BUSY) or status in _PASSING:
        return TeacherUnreachable(f"{name} failed (HTTP {status}): {said}")
    advice = f" {hint}" if status in (401, 403) else ""
    if 300 <= status < 400:
        advice = f" It redirects to {response.headers.get('location')}: set the base URL to where it really is."
    return TeacherRefused(f"{name} refused the call (HTTP {status}): {said}.{advice}")


def parsed(name: str, response: Response) -> dict[str, Any]:
    """The JSON object of a successful response. Raises TeacherUnreachable: a proxy's page, a torn body."""
    try:
        told = orjson.loads(response.raw)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise not_understood(name, response)
    return told


def not_understood(name: str, response: Response) -> TeacherUnreachable:
    return TeacherUnreachable(f"{name} sent something that is no answer of its protocol: {response.raw[:200]!r}")


def count(told: object) -> int:
    """Tokens; 0 where a server tells nonsense."""
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 2**31 else 0


def retry_after(headers: dict[str, str]) -> float | None:
    """Seconds; the header holds seconds or a date (RFC 9110, 10.2.3)."""
    told = headers.get("retry-after", "").strip()
    try:
        return (
            max(0.0, float(told))
            if told.isascii() and told.replace(".", "", 1).isdigit()
            else max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
        )
    except (ValueError, TypeError):
        return None


def rates(headers: dict[str, str]) -> Rates | None:
    """Limits per minute as OpenAI (`x-ratelimit-limit-*`) and Anthropic (`anthropic-ratelimit-*-limit`) tell them."""
    requests = _number(headers, "x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit")
    tokens = _number(headers, "x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit")
    return Rates(requests, tokens) if requests or tokens else None


def _number(headers: dict[str, str], *names: str) -> float | None:
    told = next((headers[n].strip() for n in names if n in headers), "")
    return float(told) if told.isascii() and told.isdigit() and 0 < int(told) < 10**12 else None


def code(raw: bytes) -> str:
    """The stable word in an error body; empty where there is none. A detailed code wins over the general type."""
    error = _error(raw)
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    detailed = details.get("error_code") if isinstance(details, dict) else None
    return str(detailed or error.get("code") or error.get("type") or "")


def message(raw: bytes) -> str:
    """What the server said went wrong, short."""
    error = _error(raw)
    said = error.get("message") if isinstance(error, dict) else error
    return str(said)[:300] if said else raw[:300].decode("utf-8", "replace")


def _error(raw: bytes) -> object:
    """OpenAI and Anthropic put an object under `error`, vLLM and AWS a text under `message` (or `Message`)."""
    try:
        told = orjson.loads(raw)
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    return told.get("error") or told.get("message") or told.get("Message") or told.get("detail")
