"""The documents to upload, from paths, folders and URLs; and what becomes of each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dataforge_client.errors import ApiError, AuthenticationError, ConnectionFailed, PermissionDenied
from dataforge_client.file_types import CONTENT_TYPES

if TYPE_CHECKING:
    from dataforge_client.models import Document

NAME_LIMIT = 500
"""Most characters of a document's name in the API."""

URL_SCHEMES = ("http://", "https://")
FATAL = (AuthenticationError, PermissionDenied, ConnectionFailed)
"""Errors that every other upload would get too."""


@dataclass(frozen=True, slots=True)
class Source:
    """A document to upload.

    name: of the document, unique in the project and the same in every run; for a web page its URL. size: in bytes; 0
    for a web page.
    """

    path: Path
    name: str
    size: int

    @property
    def url(self) -> str | None:
        return self.name if self.name.startswith(URL_SCHEMES) else None


def document_key(name: str, url: str | None) -> str:
    """The key that matches a document to its source; a server may change the fragment or last slash of a URL."""
    return name if url is None else url.partition("#")[0].rstrip("/")


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file that is not in the dataset.

    kind: `left_out` for a file of an unsupported type in a folder, `failed` for every other.
    """

    path: Path | str
    """A URL is kept as typed; a name that is not UTF-8 is text as `shown` writes it."""
    kind: Literal["failed", "left_out"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class FolderUpload:
    """What became of each file of a folder."""

    documents: tuple[Document, ...]
    """Uploaded now."""
    present: tuple[Document, ...]
    """Uploaded before: the project has a document of the file's name and size."""
    skipped: tuple[SkippedFile, ...]
    """Not uploaded, and why."""


def files_of_folder(folder: Path, exclude: Sequence[str] = ()) -> tuple[list[Source], list[SkippedFile]]:
    """As `collect_files`. Raises NotADirectoryError."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder; upload_file takes one file")
    return collect_files([folder], exclude)


def split_by_presence(sources: Sequence[Source], documents: Sequence[Document]) -> tuple[list[Document], list[Source]]:
    """The documents that are there already, by name and size or by URL, and the sources that are not."""
    uploaded = {(document_key(d.name, d.url), 0 if d.url else d.file_size): d for d in documents}
    found = [(s, uploaded.get((document_key(s.name, s.url), s.size))) for s in sources]
    return [d for _, d in found if d is not None], [s for s, d in found if d is None]


def refused(source: Source, problem: Exception, message: str | None = None) -> SkippedFile:
    """The source as skipped because of this error. Raises the error itself when every other source would get it too."""
    if isinstance(problem, FATAL) or (isinstance(problem, ApiError) and problem.status >= 500):
        raise problem
    reason = problem.code.lower() if isinstance(problem, ApiError) else "unreadable"
    return SkippedFile(source.url or shown(source.path), "failed", reason, message or str(problem))


def collect_files(paths: Sequence[Path], exclude: Sequence[str] = ()) -> tuple[list[Source], list[SkippedFile]]:
    """Find the files of the paths. Hidden files and folders and `exclude` patterns (of name or path) are skipped.

    A file that two paths contain is used once.
    """
    skipped: list[SkippedFile] = []
    relative_by_file: dict[Path, Path] = {}
    for path in paths:
        for file, relative in _walk(path, skipped):
            if any(fnmatch(file.name, p) or fnmatch(str(relative), p) for p in exclude):
                continue
            problem = _check_file(file, named=file == path)
            if problem is not None:
                skipped.append(problem)
            elif (real := file.resolve()) not in relative_by_file:
                relative_by_file[real] = relative
    names = _unique_names(list(relative_by_file.values()))
    sources = [Source(f, n, f.stat().st_size) for f, n in zip(relative_by_file, names, strict=True)]
    return sources, skipped


def web_pages(urls: Sequence[str]) -> list[Source]:
    """Web pages as sources; the server downloads them. A URL that is given twice is used once."""
    return [Source(Path(url), url, 0) for url in dict.fromkeys(urls)]


def _walk(path: Path, skipped: list[SkippedFile]) -> Iterator[tuple[Path, Path]]:
    """Every file with its path relative to `path`, in a stable order."""
    if not path.is_dir():
        yield path, Path(path.name)
        return

    def on_error(problem: OSError) -> None:
        folder = shown(Path(problem.filename))
        skipped.append(SkippedFile(folder, "failed", "unreadable", f"{problem.strerror}: check its permissions"))

    for folder, subfolders, names in os.walk(path, onerror=on_error):
        subfolders[:] = sorted(n for n in subfolders if not n.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                file = Path(folder, name)
                yield file, file.relative_to(path)


def shown(path: Path) -> str:
    """The path as text that can be printed and sent: bytes of a name that are not UTF-8 become `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _check_file(file: Path, *, named: bool) -> SkippedFile | None:
    if file.suffix.lower() not in CONTENT_TYPES:
        kind: Literal["failed", "left_out"] = "failed" if named else "left_out"
        advice = f"{file.suffix or 'no suffix'} is not supported; convert it to one of {' '.join(CONTENT_TYPES)}"
        return SkippedFile(shown(file), kind, "unsupported", advice)
    if shown(Path(file.name)) != file.name:
        return SkippedFile(shown(file), "failed", "file_name", "its name is not UTF-8: rename it")
    if not file.is_file():
        return SkippedFile(file, "failed", "unreadable", "not a regular file")
    if not os.access(file, os.R_OK):
        return SkippedFile(file, "failed", "unreadable", "permission denied: make the file readable")
    if file.stat().st_size == 0:
        return SkippedFile(file, "failed", "empty", "the file is empty")
    return None


def _unique_names(relatives: list[Path]) -> list[str]:
    """Unique document names: the file name; if not unique, with its folders; if still not unique, with a number."""
    counts = Counter(r.name for r in relatives)
    candidates = [r.name if counts[r.name] == 1 else shown(Path("__".join(r.parts))) for r in relatives]
    taken: set[str] = set()
    names: list[str] = []
    for candidate in candidates:
        name, n = candidate[-NAME_LIMIT:], 1
        while name in taken:
            n += 1
            name = (
                f"{n}_{candidate}"[:NAME_LIMIT]
                if len(candidate) < NAME_LIMIT - 8
                else f"{n}_{candidate[-NAME_LIMIT + 8 :]}"
            )
        taken.add(name)
        names.append(name)
    return names
