"""Rules for file keys, and Content-Disposition of downloads: the same on both backends."""

from __future__ import annotations

from urllib.parse import quote

from dataforge.errors import Invalid

MAX_KEY_BYTES = 1024


def check_key(key: str) -> str:
    """The key itself. Raises Invalid for keys that a proxy, a shell or a bucket could interpret differently.

    Refused: empty or over 1,024 bytes, control characters, and empty, `.` or `..` segments (so also a leading or
    trailing slash).
    """
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise Invalid("A file key must be UTF-8 text", field="key") from None
    if not 0 < size <= MAX_KEY_BYTES:
        raise Invalid(f"A file key has 1 to {MAX_KEY_BYTES} bytes, not {size}", field="key")
    if any(ord(c) < 32 or ord(c) == 127 for c in key):
        raise Invalid("A file key holds no control characters", field="key")
    if any(segment in ("", ".", "..") for segment in key.split("/")):
        raise Invalid(f"{key!r} has an empty, '.' or '..' segment", field="key")
    return key


def check_prefix(prefix: str) -> str:
    """Raises Invalid for the empty prefix, which would delete everything."""
    if not prefix:
        raise Invalid("Refusing to delete every file: the prefix is empty", field="prefix")
    return prefix


def disposition(filename: str) -> str:
    """A Content-Disposition that saves under this name in every browser (RFC 6266)."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in filename)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"
