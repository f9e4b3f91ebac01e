"""A provider's HTTP response, and how its headers and error body are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from dataforge.errors import TeacherUnreachable
from dataforge.records import Rates

MAX_REPLY_BYTES = 8 * 2**20
"""No usable reply is longer: what comes after is not read."""
MISFITS = (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError)
"""What reading a body raises whose values are of other types, or nested deeper, than its protocol says."""
_MOST_DEPTH = 64
_MARKUP = re.compile(r"<(?:style|script)\b[^<]{0,2000}|<[^<>]{0,500}>?")


@dataclass(frozen=True, slots=True)
class Response:
    """headers: names in lower case. seconds: from the start of the request to the end of the response."""

    status: int
    headers: dict[str, str]
    raw: bytes
    seconds: float = 0.0

    @property
    def is_truncated(self) -> bool:
        return len(self.raw) > MAX_REPLY_BYTES

    @property
    def excerpt(self) -> str:
        """The start of the body, to look for words in."""
        return self.raw[:5000].decode("utf-8", "replace")


def parsed(name: str, response: Response) -> dict[str, Any]:
    """The JSON object of a successful response. Raises TeacherUnreachable: a proxy's page, a torn body."""
    body = _json(response.raw)
    if not isinstance(body, dict):
        raise unreadable(name, response)
    return body


def unreadable(name: str, response: Response) -> TeacherUnreachable:
    """The error for a successful response that does not follow the protocol: the model may well have worked for it."""
    page = page_text(response.raw)
    what = (
        f"a web page that says {page[:200]!r}; check the base URL and the proxy" if page else f"{response.raw[:200]!r}"
    )
    return TeacherUnreachable(f"{name} sent something that is no answer of its protocol: {what}", may_be_billed=True)


def token_count(value: object) -> int:
    """0 where a server sends anything but a plausible count."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else 0


def retry_after(headers: dict[str, str]) -> float | None:
    """Seconds; the header holds seconds or a date (RFC 9110, 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    try:
        return (
            max(0.0, float(value))
            if value.isascii() and value.replace(".", "", 1).isdigit()
            else max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        )
    except (ValueError, TypeError, OverflowError):
        return None


def word(value: object) -> str:
    """Empty for what is no text."""
    return value if isinstance(value, str) else ""


def rate_limits(headers: dict[str, str]) -> Rates | None:
    """Limits per minute, as OpenAI (`x-ratelimit-limit-*`) and Anthropic (`anthropic-ratelimit-*-limit`) send them."""
    requests = _limit(headers, "x-ratelimit-limit-requests", "anthropic-ratelimit-requests-limit")
    tokens = _limit(headers, "x-ratelimit-limit-tokens", "anthropic-ratelimit-tokens-limit")
    return Rates(requests, tokens) if requests or tokens else None


def _limit(headers: dict[str, str], *names: str) -> float | None:
    value = next((headers[n].strip() for n in names if n in headers), "")
    return float(value) if value.isascii() and value.isdigit() and len(value) <= 12 and int(value) else None


def error_code(raw: bytes) -> str:
    """The stable word in an error body; empty where there is none. A detailed code wins over the general type."""
    error = _error(raw)
    if not isinstance(error, dict):
        return ""
    details = error.get("details")
    detailed = details.get("error_code") if isinstance(details, dict) else None
    return str(detailed or error.get("code") or error.get("type") or "")


def error_codes(raw: bytes) -> set[str]:
    """Every stable word in an error body: its code, its type, its status, and its details' code."""
    error = _error(raw)
    if not isinstance(error, dict):
        return set()
    details = error.get("details")
    found = [error.get(key) for key in ("code", "type", "status")]
    found.append(details.get("error_code") if isinstance(details, dict) else None)
    return {str(code) for code in found if code}


def error_message(raw: bytes) -> str:
    """What the server says went wrong, at most 300 characters."""
    error = _error(raw)
    text = error.get("message") if isinstance(error, dict) else error
    return str(text)[:300] if text else page_text(raw)[:300] or raw[:300].decode("utf-8", "replace")


def page_text(raw: bytes) -> str:
    """What a web page says, without its markup; empty for what is no page. Proxies and gateways answer with pages."""
    start = raw[:4000].lstrip()
    if not start.startswith(b"<"):
        return ""
    text = _MARKUP.sub(" ", start.decode("utf-8", "replace"))
    return " ".join(text.split())


def complaint(raw: bytes) -> str:
    """What an error body says is wrong, in lower case, to look for words in: without the request that some servers
    repeat in it, where every parameter would be found."""
    error = _error(raw)
    if isinstance(error, dict):
        upstream = error.get("metadata")  # OpenRouter: the error of the server behind it
        found = [error.get("message"), error.get("code"), error.get("type"), error.get("param")]
        found.append(upstream.get("raw") if isinstance(upstream, dict) else None)
    elif isinstance(error, list):  # FastAPI: where each problem is, and what it is
        found = [e.get(part) for e in error if isinstance(e, dict) for part in ("type", "loc", "msg")]
    else:
        found = [error or raw[:1000].decode("utf-8", "replace")]
    return " ".join(str(part)[:1000] for part in found if part).lower()


def original_status(response: Response) -> int | None:
    """The model container's own status, which Bedrock and SageMaker report inside a 424; None: there is none."""
    body = _json(response.raw) if response.status == 424 else None
    if not isinstance(body, dict):
        return None
    status = body.get("OriginalStatusCode", body.get("originalStatusCode"))
    return status if isinstance(status, int) else None


def _error(raw: bytes) -> object:
    """OpenAI and Anthropic put an object under `error`, vLLM and AWS a text under `message` (or `Message`)."""
    body = _json(raw)
    if not isinstance(body, dict):
        return None
    return body.get("error") or body.get("message") or body.get("Message") or body.get("detail")


def _json(raw: bytes) -> object:
    """None for what is no JSON, or nested too deep to be looked at."""
    try:
        found: object = orjson.loads(raw)
    except ValueError:
        return None
    return found if raw.count(b"[") + raw.count(b"{") <= _MOST_DEPTH or _depth(found) <= _MOST_DEPTH else None


def _depth(value: object) -> int:
    """How deep lists and objects are nested, counted up to the limit."""
    level, depth = [value], 0
    while level and depth <= _MOST_DEPTH:
        inner = [one for held in level for one in _parts(held)]
        level, depth = [one for one in inner if isinstance(one, dict | list)], depth + 1
    return depth


def _parts(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
