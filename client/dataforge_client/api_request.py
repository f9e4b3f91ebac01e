"""One request to the API as data, and how its parts are spelled; what both clients share."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from dataforge_client.decoding import decode_list
from dataforge_client.errors import ApiError, UnexpectedAnswer, api_error
from dataforge_client.models import Page
from dataforge_client.redaction import redact

if TYPE_CHECKING:
    import httpx
    from _typeshed import DataclassInstance

BASE_PATH = "/api/v1/data-forge"
PAGE_SIZE = 200
"""Items per page that the iterators request."""
IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})
RETRYABLE_STATUSES = frozenset({429, 502, 503, 504})
IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"
"""Error code while the server works on an earlier try; a later try gets the stored response."""
Record = TypeVar("Record", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class FormFile:
    """The one file of a form, as `multipart/form-data`."""

    name: str
    content: bytes = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """body: sent as JSON. file: sent as a form instead. key: the Idempotency-Key, which makes a POST safe to retry.
    public: needs no API key."""

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    body: object = None
    key: str | None = None
    headers: Mapping[str, str] | None = None
    public: bool = False
    file: FormFile | None = None

    @property
    def idempotent(self) -> bool:
        return self.method in IDEMPOTENT_METHODS or self.key is not None


def path_segment(identifier: str) -> str:
    """An id as one segment of a URL path; every special character is escaped."""
    return quote(identifier, safe="")


def project_path(project_id: str) -> str:
    return f"/projects/{path_segment(project_id)}"


def without_none(**values: object) -> dict[str, object]:
    """Only the values that the caller set; the server applies its own defaults for the others."""
    return {name: value for name, value in values.items() if value is not None}


def query_params(**values: str | float | None) -> dict[str, str | int]:
    """Query parameters that the caller set; whole numbers stay numbers, everything else becomes text."""
    return {
        name: value if isinstance(value, int) and not isinstance(value, bool) else _query_text(value)
        for name, value in values.items()
        if value is not None
    }


def _query_text(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def expect_object(wire: object) -> Mapping[str, object]:
    """Raises UnexpectedAnswer when `wire` is not a JSON object."""
    if not isinstance(wire, dict):
        raise UnexpectedAnswer(f"Expected an object, got {type(wire).__name__}")
    return wire


def decode_page(kind: type[Record], key: str, wire: object) -> Page[Record]:
    """One page of a list that the API returns as an object; `key` names the field with the items."""
    response = expect_object(wire)
    numbers = [response.get(name) for name in ("total", "page", "page_size")]
    total, page, size = (n if isinstance(n, int) else 0 for n in numbers)
    return Page(tuple(decode_list(kind, response.get(key))), total, page, size)


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
