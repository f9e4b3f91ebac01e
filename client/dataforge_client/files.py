"""Upload to and download from signed URLs, streamed in constant memory."""

from __future__ import annotations

import mimetypes
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from dataforge_client.errors import ClientError, ConnectionFailed, UnexpectedAnswer
from dataforge_client.transport import Transport

BLOCK_SIZE = 256 * 1024
OnBytes = Callable[[int], None]
"""Called with the number of bytes sent or received so far; an exception that it raises stops the transfer."""

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
"""The file types that Data Forge can parse, by suffix."""


def content_type(name: str) -> str:
    suffix = Path(name).suffix.lower()
    return CONTENT_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def safe_name(name: str) -> str:
    """A name that a server sent, as the name of one file. Raises UnexpectedAnswer when it could lead elsewhere."""
    plain = re.fullmatch(r"[^\x00-\x1f\x7f-\x9f/\\:*?\"<>|\ud800-\udfff]{1,120}", name)
    if not plain or name.strip(" .") != name or _RESERVED.fullmatch(name):
        raise UnexpectedAnswer(f"The server sent {name[:200]!r} as the name of a file, which is refused")
    return name


def upload(
    transport: Transport, url: str, path: Path, *, size: int, content_type: str, on_bytes: OnBytes | None = None
) -> None:
    """PUT exactly `size` bytes of the file; a retry starts again at the first byte."""

    def blocks() -> Iterator[bytes]:
        sent = 0
        with path.open("rb") as source:
            while block := source.read(min(BLOCK_SIZE, size - sent)):
                sent += len(block)
                yield block
                if on_bytes:
                    on_bytes(sent)
        if sent < size:
            raise ClientError(f"{path} became shorter while it was uploaded")

    transport.put_file(url, blocks, size=size, content_type=content_type)


def download(
    transport: Transport,
    get_url: Callable[[], str],
    target: Path,
    *,
    size: int | None = None,
    on_bytes: OnBytes | None = None,
    tries: int = 3,
) -> None:
    """Download to a temporary file, then rename it: `target` is the old file or the complete new one, never a part.

    get_url: called before each try, because a signed URL may have expired. Raises ConnectionFailed after `tries`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.parent / f".{target.name[:100]}.{secrets.token_hex(4)}.part"
    try:
        for attempt in range(tries):
            try:
                received = _fetch(transport, get_url(), part, on_bytes)
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
    with part.open("wb") as file, transport.get_file(url) as blocks:
        for block in blocks:
            file.write(block)
            received += len(block)
            if on_bytes:
                on_bytes(received)
        file.flush()
        os.fsync(file.fileno())
    return received
