"""Bytes -> blocks. One module per family of formats, chosen by what the bytes are, then by the file's name.

Call `isolate.parse_isolated` for files from outside; `parse` here reads in this very process.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from dataforge.errors import Unreadable
from dataforge.parsing.detect import detect
from dataforge.records import ParsedDocument

FORMATS = {
    "pdf": "dataforge.parsing.pdf",
    "docx": "dataforge.parsing.docx",
    "markdown": "dataforge.parsing.markdown",
    "html": "dataforge.parsing.html",
    "csv": "dataforge.parsing.csv",
    "text": "dataforge.parsing.text",
}
"""Format -> the module whose `read(data: bytes) -> ParsedDocument` reads it; imported when first needed."""


def parse(source: bytes | Path, *, filename: str, content_type: str = "") -> ParsedDocument:
    """Raises Unreadable with a reason and what to do about it. A document that is returned has at least one block."""
    data = source.read_bytes() if isinstance(source, Path) else source
    read: Callable[[bytes], ParsedDocument] = import_module(FORMATS[detect(data, filename, content_type)]).read
    try:
        parsed = read(data)
    except RecursionError as error:
        raise Unreadable(
            "The document nests its parts too deep to read. Save it in a simpler form and upload it again.",
            reason="too_complex",
        ) from error
    if not parsed.blocks:
        raise Unreadable("The document holds no text. Check that it is the right file.", reason="empty")
    return parsed
