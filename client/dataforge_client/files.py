"""Bytes between a disk and signed URLs, in constant memory."""

from __future__ import annotations

import mimetypes
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from dataforge_client.errors import ClientError, ConnectionFailed
from dataforge_client.transport import Transport

PIECE = 256 * 1024
OnBytes = Callable[[int], None]
"""Called with the number of bytes sent or received so far; an exception it raises stops the transfer."""

CONTENT_TYPES: dict[str, str] = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
    ".html": "text/html",
    ".htm": "text/html",
    ".csv": "text/csv",
}
"""The formats that Data Forge reads, by file suffix."""


def content_type(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return CONTENT_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def upload(
    transport: Transport, url: str, path: Path, *, size: int, content_type: str, on_bytes: OnBytes | None = None
) -> None:
    """PUT exactly `size` bytes; a retry starts again from the first."""

    def pieces() -> Iterator[bytes]:
        sent = 0
        with path.open("rb") as source:
            while piece := source.read(min(PIECE, size - sent)):
                sent += len(piece)
                yield piece
                if on_bytes:
                    on_bytes(sent)
        if sent < size:
            raise ClientError(f"{path} became shorter while it was being sent")

    transport.put_file(url, pieces, size=size, content_type=content_type)


def download(
    transport: Transport,
    fresh_url: Callable[[], str],
    target: Path,
    *,
    size: int | None = None,
    on_bytes: OnBytes | None = None,
    tries: int = 3,
) -> None:
    """Fetch into a file beside `target`, then rename: `target` is the old file or the whole new one, never a part.

    fresh_url is asked before each try, since a signed URL may have expired meanwhile.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{target.name[:100]}.{secrets.token_hex(4)}.part"
    try:
        for attempt in range(tries):
            try:
                received = _fetch(transport, fresh_url(), part, on_bytes)
                if size is not None and received != size:
                    raise ConnectionFailed(f"The download ended after {received} of {size} bytes")
                break
            except ConnectionFailed:
                if attempt + 1 == tries:
                    raise
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _fetch(transport: Transport, url: str, part: Path, on_bytes: OnBytes | None) -> int:
    received = 0
    with part.open("wb") as sink, transport.get_file(url) as pieces:
        for piece in pieces:
            sink.write(piece)
            received += len(piece)
            if on_bytes:
                on_bytes(received)
        sink.flush()
        os.fsync(sink.fileno())
    return received
