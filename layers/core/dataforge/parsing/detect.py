"""Which reader a file needs: by its first bytes, then by its name, then by the declared content type."""

from __future__ import annotations

import re
import struct
from pathlib import PurePath

from dataforge.errors import Unreadable
from dataforge.parsing.encoding import bom

SUPPORTED = "PDF, Word (.docx), Markdown, plain text, HTML and CSV"

_EXTENSIONS = {
    "pdf": "pdf",
    "docx": "docx",
    "docm": "docx",
    "dotx": "docx",
    "md": "markdown",
    "markdown": "markdown",
    "mdown": "markdown",
    "mkd": "markdown",
    "txt": "text",
    "text": "text",
    "log": "text",
    "html": "html",
    "htm": "html",
    "xhtml": "html",
    "csv": "csv",
    "tsv": "csv",
    "tab": "csv",
}
_TYPES = {
    "text/markdown": "markdown",
    "text/x-markdown": "markdown",
    "text/plain": "text",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/csv": "csv",
    "text/tab-separated-values": "csv",
    "application/csv": "csv",
}
_FOREIGN = (
    (b"{\\rtf", "an RTF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"RIFF", "a media file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"%!PS", "a PostScript file"),
    (b"BZh", "a bzip2 archive"),
    (b"ID3", "a sound file"),
    (b"OggS", "a media file"),
    (b"SQLite format 3", "a database"),
    (b"PAR1", "a Parquet file"),
)
_OFFICE = {
    "xl/": "an Excel workbook",
    "ppt/": "a PowerPoint file",
    "META-INF/container.xml": "an EPUB book",
    "content.xml": "an OpenDocument file",
    "visio/": "a Visio drawing",
}
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)\b", re.I)
_MOST_DIRECTORY = 4 * 2**20
"""Bytes of an archive's table of contents. More is an attack on the memory of whoever lists it."""
_MOST_ENTRIES = 20_000
"""Names in it that are looked at: about 20 ms. A document of Word has one for each picture and some dozens more."""
_ENTRY = struct.Struct("<4s24x3H12x")
"""An entry's fixed part: signature, lengths of the name, the extra field and the comment (APPNOTE 4.3.12)."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def detect(data: bytes, filename: str, content_type: str = "") -> str:
    """A key of `parsing.FORMATS`. Raises Unreadable: empty, encrypted, corrupted, unsupported."""
    if not data.strip(b" \t\r\n\0"):
        raise Unreadable("The file is empty. Upload the file that holds the text.", reason="empty")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return _archive(data, filename)
    if data.startswith(_OLE):
        raise _ole(data)
    for mark, name in _FOREIGN:
        if data.startswith(mark) and (len(mark) > 2 or not _is_text(data)):
            raise _unsupported(filename, name)
    if not _is_text(data):
        if _extension(filename) in ("pdf", "docx", "docm"):
            raise Unreadable(
                f"{filename} does not begin like a {_extension(filename).upper()} file: it is damaged or something "
                "else. Export it again and upload it.",
                reason="corrupted",
            )
        raise _unsupported(filename, "binary data")
    return _textual(data, filename, content_type)


def _textual(data: bytes, filename: str, content_type: str) -> str:
    extension = _extension(filename)
    named = _EXTENSIONS.get(extension)
    looks_html = _looks_html(data[:4096].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe"))
    if named in ("pdf", "docx"):
        what = "a web page (often a log-in or error page saved under that name)" if looks_html else "plain text"
        raise Unreadable(
            f"{filename} is not a {extension.upper()} file but {what}. Download the document again, or rename the "
            "file if it is what you meant.",
            reason="unsupported",
        )
    if named in ("html", "markdown", "csv"):
        return named
    if looks_html:
        return "html"
    plain = content_type.split(";")[0].strip().lower()
    if named:
        return _TYPES.get(plain, named) if plain != "text/html" else named
    if plain in _TYPES:
        return _TYPES[plain]
    if not extension:
        return "text"
    raise _unsupported(filename, f"a .{extension} file")


def _looks_html(head: bytes) -> bool:
    """An XML declaration and comments may stand before the first tag. Without a pattern over them: one that repeats
    comments of any length tries every way of dividing the bytes among them."""
    rest = head.lstrip()
    if rest[:5].lower() == b"<?xml":
        rest = rest.partition(b">")[2].lstrip()
    while rest.startswith(b"<!--"):
        rest = rest.partition(b"-->")[2].lstrip()
    return _HTML.match(rest) is not None


def _archive(data: bytes, filename: str) -> str:
    try:
        start, size = _directory(data)
        names = _names(data, start, size) if size <= _MOST_DIRECTORY else None
    except ValueError as error:
        if _EXTENSIONS.get(_extension(filename)) == "docx":
            raise Unreadable(
                f"{filename} is damaged or cut short. Open and save it again in Word, then upload it.",
                reason="corrupted",
            ) from error
        raise _unsupported(filename, "a damaged ZIP archive") from error
    if names is None:
        raise Unreadable(
            f"{filename} holds more files inside than any document needs. Save it again in Word, then upload it.",
            reason="too_complex",
        )
    if any(name.replace(b"\\", b"/").lstrip(b"/") == b"word/document.xml" for name in names):
        return "docx"
    if _EXTENSIONS.get(_extension(filename)) == "docx" and any(name.startswith(b"word/") for name in names):
        raise Unreadable(f"{filename} has lost its main part. Save it again from Word.", reason="corrupted")
    what = next(
        (label for start, label in _OFFICE.items() if any(n.startswith(start.encode()) for n in names)), "a ZIP archive"
    )
    raise _unsupported(filename, what)


def _directory(data: bytes) -> tuple[int, int]:
    """Where the archive's table of contents begins and how long it is said to be, in bytes (APPNOTE 4.3.14, 4.3.16),
    read as Python's zipfile does. Raises ValueError when there is none."""
    end = data.rfind(b"PK\5\6", max(0, len(data) - 22 - 0xFFFF))
    if end < 0 or len(data) < end + 22:
        raise ValueError("no end of the table of contents")
    size = int.from_bytes(data[end + 12 : end + 16], "little")
    wide = end - 20 - 56  # where zipfile looks for the 64-bit record, and believes it
    if data[end - 20 : end - 16] == b"PK\6\7" and wide >= 0 and data[wide : wide + 4] == b"PK\6\6":
        size, end = int.from_bytes(data[wide + 40 : wide + 48], "little"), wide
    return end - size, size


def _names(data: bytes, start: int, size: int) -> list[bytes] | None:
    """The names in the table of contents; None when there are more than any document needs. Raises ValueError when it
    is damaged.

    Not by zipfile, which makes an object of each entry and takes its extra fields apart: seconds for what an attacker
    puts into 4 MiB, in the process that answers requests.
    """
    names: list[bytes] = []
    place, end = start, start + size
    while place < end:
        if len(names) == _MOST_ENTRIES:
            return None
        if place < 0 or place + _ENTRY.size > end:
            raise ValueError("the table of contents is cut short")
        mark, name, extra, comment = _ENTRY.unpack_from(data, place)
        if mark != b"PK\1\2":
            raise ValueError("the table of contents is damaged")
        place += _ENTRY.size
        names.append(data[place : place + name])
        place += name + extra + comment
    return names


def _ole(data: bytes) -> Unreadable:
    """Word wraps a password-protected .docx in the old container format; its stream names are UTF-16."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Unreadable(
            "The Word file is password-protected. Remove the password and upload it again.", reason="encrypted"
        )
    return Unreadable(
        "The file is in the Office format of before 2007 (.doc, .xls, .ppt). Save it as .docx and upload that.",
        reason="unsupported",
    )


def _is_text(data: bytes) -> bool:
    """Wide encodings hold zeros in a regular place; other text holds none, and few control characters."""
    if bom(data):
        return True
    sample = data[:8192]
    half = max(len(sample) // 2, 1)
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if max(even, odd) > 0.6 and min(even, odd) < 0.1:
        return True
    odd_ones = sum(byte < 9 or 13 < byte < 27 or 27 < byte < 32 for byte in sample)
    return odd_ones <= len(sample) * 0.02


def _extension(filename: str) -> str:
    return PurePath(filename).suffix[1:].lower()


def _unsupported(filename: str, what: str) -> Unreadable:
    return Unreadable(
        f"{filename} is {what}, which cannot be read. Save it as one of: {SUPPORTED}.", reason="unsupported"
    )
