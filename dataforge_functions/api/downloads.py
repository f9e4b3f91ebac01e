"""Files over HTTP: `ETag` and `If-None-Match`, `Range` and `If-Range`, as RFC 9110 has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from dataforge.platform.ports import FileInfo, Files
from dataforge_functions.api.browsers import is_head

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")
_PART = 1 << 20


def respond(
    request: Request,
    files: Files,
    info: FileInfo,
    whole: Callable[[], Iterator[bytes]],
    *,
    media_type: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """200 with the whole file, 206 with the one range that was asked for, 304 for a reader that has it already, 416.

    whole: opens it, for 200 only. Several ranges in one request are answered with the whole file, HEAD without reading
    the file.
    """
    tag = f'"{info.etag.strip(chr(34))}"'
    common = {**(headers or {}), "ETag": tag, "Accept-Ranges": "bytes"}
    if _names(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=common)
    wanted = _range(request, tag, info.size)
    if wanted is not None and not wanted:
        return Response(status_code=416, headers={**common, "Content-Range": f"bytes */{info.size}"})
    status = 200 if wanted is None else 206
    sent = {**common, "Content-Length": str(info.size if wanted is None else len(wanted))}
    if wanted is not None:
        sent["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{info.size}"
    if is_head(request):  # nothing is read
        return Response(status_code=status, media_type=media_type, headers=sent)
    body = whole() if wanted is None else _parts(files, info.key, wanted)
    return StreamingResponse(body, status_code=status, media_type=media_type, headers=sent)


def _names(sent: str, tag: str) -> bool:
    tags = [one.strip().removeprefix("W/") for one in sent.split(",")]
    return tag in tags or "*" in tags


def _range(request: Request, tag: str, size: int) -> range | None:
    """The bytes to send; None: all of them; empty: there are none where the range begins."""
    asked = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if asked is None or request.headers.get("if-range", tag) != tag:
        return None
    first, last, suffix = asked.groups()
    if suffix is not None:
        return range(max(0, size - int(suffix)), size)
    if last and int(last) < int(first):  # no range at all, and to be ignored
        return None
    return range(int(first), min(size, int(last) + 1 if last else size))


def _parts(files: Files, key: str, wanted: range) -> Iterator[bytes]:
    for at in range(wanted.start, wanted.stop, _PART):
        yield files.read(key, start=at, length=min(_PART, wanted.stop - at))
