"""URLs that carry their own permission: what may be done, to which file, until when, signed with HMAC-SHA256.

{base}/files/{key}?method=PUT&expires=1767225600&type=application%2Fpdf&length=1234&sig=<hex>
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode

import orjson

from dataforge.errors import Forbidden, Malformed

_SIGNED = ("method", "expires", "type", "length", "filename")


def sign(secret: bytes, base_url: str, key: str, permission: Mapping[str, str]) -> str:
    """permission: `method` and `expires` (epoch seconds); `type`, `length` and `filename` where they bind."""
    query = {**permission, "sig": _signature(secret, key, permission)}
    return f"{base_url.rstrip('/')}/files/{quote(key, safe='/')}?{urlencode(query)}"


def verify(
    secret: bytes,
    method: str,
    key: str,
    query: Mapping[str, str],
    *,
    content_type: str | None,
    content_length: int | None,
    now: float,
) -> None:
    """Raises Forbidden when the permission is forged, over or for something else, Malformed when it cannot be read.

    key and query are decoded; content_type and content_length are the request's headers, None where it has none.
    """
    missing = [name for name in ("method", "expires", "sig") if name not in query]
    if missing:
        raise Malformed(f"This URL is not signed: it lacks {', '.join(missing)}")
    if not hmac.compare_digest(_signature(secret, key, query).encode(), query["sig"].encode("utf-8", "replace")):
        raise Forbidden("The URL's signature does not match")
    if now >= int(query["expires"]):
        raise Forbidden("The URL has expired; ask for a new one")
    if method != query["method"]:
        raise Forbidden(f"The URL is for {query['method']}, not {method}")
    if method == "PUT":
        _check_headers(query, content_type, content_length)


def _check_headers(query: Mapping[str, str], content_type: str | None, content_length: int | None) -> None:
    if "type" in query and (content_type or "").strip() != query["type"]:
        raise Forbidden(f"The URL is for Content-Type {query['type']}, not {content_type}")
    if "length" not in query:
        return
    if content_length is None:
        raise Malformed("The upload needs a Content-Length")
    if content_length != int(query["length"]):
        raise Forbidden(f"The URL is for exactly {query['length']} bytes, not {content_length}")


def _signature(secret: bytes, key: str, query: Mapping[str, str]) -> str:
    # JSON keeps the fields apart: no two permissions share one signed text.
    signed = orjson.dumps([key.encode("utf-8", "replace").hex(), *(query.get(name) for name in _SIGNED)])
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()
