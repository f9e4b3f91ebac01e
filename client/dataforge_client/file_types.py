"""The files that Data Forge reads, by name; and names that a server sent."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable
from pathlib import Path

from dataforge_client.base_errors import UnexpectedAnswer

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
