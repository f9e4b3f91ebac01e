"""What is uploaded: a path, bytes, or an open file, as one file that can be read again from its first byte."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

Content: TypeAlias = str | Path | bytes | bytearray | memoryview | IO[bytes]
"""A path, the bytes themselves, or a file opened in binary mode, which is read from where it stands."""
IN_MEMORY = 4 * 2**20
"""Bytes of a stream that are kept in memory; a longer one is written to a temporary file."""


@dataclass(slots=True)
class UploadSource:
    """`size` bytes of `file` from `start`. name: of the document. origin: for messages. close: only a file of ours."""

    file: IO[bytes]
    name: str
    size: int
    origin: str
    start: int = 0
    is_ours: bool = True

    def rewind(self) -> None:
        self.file.seek(self.start)

    def close(self) -> None:
        if self.is_ours:
            self.file.close()


def open_source(content: Content, name: str | None) -> UploadSource:
    """Open what the caller gave. name: of the document [default: that of the file].

    A stream that cannot go back is read to its end first. Raises ValueError without any name, TypeError for a file in
    text mode, OSError for a path that cannot be read.
    """
    if isinstance(content, str | Path):
        path = Path(content)
        file = path.open("rb")
        return UploadSource(file, name or path.name, os.fstat(file.fileno()).st_size, str(path))
    if isinstance(content, bytes | bytearray | memoryview):
        name = _required(name, "bytes")
        return UploadSource(io.BytesIO(content), name, memoryview(content).nbytes, name)
    return _from_file(content, name)


def _from_file(file: IO[bytes], name: str | None) -> UploadSource:
    if isinstance(file, io.TextIOBase):
        raise TypeError("The file is open in text mode; open it with 'rb'")
    given = getattr(file, "name", None)  # a number for a file that was opened by its descriptor
    name = _required(name or (Path(given).name if isinstance(given, str) else None), "a file without a name")
    if file.seekable():
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start
        return UploadSource(file, name, max(0, size), name, start, is_ours=False)
    spooled = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - closed by UploadSource.close
    try:
        shutil.copyfileobj(file, spooled)
    except BaseException:
        spooled.close()
        raise
    return UploadSource(spooled, name, spooled.tell(), name)


def _required(name: str | None, what: str) -> str:
    if not name:
        raise ValueError(f"name: needed for {what}, with a suffix that says the type, such as report.pdf")
    return name
