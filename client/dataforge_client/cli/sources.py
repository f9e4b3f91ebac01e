"""From the paths a user gives to the documents that are sent."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from dataforge_client.files import CONTENT_TYPES

NAME_LIMIT = 500
"""Characters of a document's name, by the API."""


WEB = ("http://", "https://")


@dataclass(frozen=True, slots=True)
class Source:
    """name: what the document is called in the project, unique there and the same at every run; of a page on the web
    its URL. size: bytes, 0 for a page."""

    path: Path
    name: str
    size: int

    @property
    def url(self) -> str | None:
        return self.name if self.name.startswith(WEB) else None


def known_by(name: str, url: str | None) -> str:
    """What a document of the project and the source that it came from share: a server may write a URL differently."""
    return name if url is None else url.partition("#")[0].rstrip("/")


@dataclass(frozen=True, slots=True)
class Unused:
    """kind: `failed` when the user named it or it is a document; `left_out` when a folder merely holds it too."""

    path: Path | str
    """A URL as typed."""
    kind: Literal["failed", "left_out"]
    reason: str
    message: str


def collect(paths: Sequence[Path], exclude: Sequence[str] = ()) -> tuple[list[Source], list[Unused]]:
    """Folders are walked, without hidden entries and `exclude` patterns (of name or path).

    A file that is reached twice counts once.
    """
    unused: list[Unused] = []
    found: dict[Path, Path] = {}
    for path in paths:
        for file, relative in _files(path, unused):
            if any(fnmatch(file.name, p) or fnmatch(str(relative), p) for p in exclude):
                continue
            problem = _problem(file, named=file == path)
            if problem is not None:
                unused.append(problem)
            elif (real := file.resolve()) not in found:
                found[real] = relative
    names = _names(list(found.values()))
    sources = [Source(f, n, f.stat().st_size) for f, n in zip(found, names, strict=True)]
    return sources, unused


def pages(urls: Sequence[str]) -> list[Source]:
    """The server fetches them; a URL that is given twice counts once."""
    return [Source(Path(url), url, 0) for url in dict.fromkeys(urls)]


def _files(path: Path, unused: list[Unused]) -> Iterator[tuple[Path, Path]]:
    """Every file with its path relative to what was given, in a stable order."""
    if not path.is_dir():
        yield path, Path(path.name)
        return

    def refused(problem: OSError) -> None:
        unused.append(Unused(Path(problem.filename), "failed", "unreadable", f"{problem.strerror}: check its rights"))

    for folder, subfolders, names in os.walk(path, onerror=refused):
        subfolders[:] = sorted(n for n in subfolders if not n.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                file = Path(folder, name)
                yield file, file.relative_to(path)


def _problem(file: Path, *, named: bool) -> Unused | None:
    if file.suffix.lower() not in CONTENT_TYPES:
        kind: Literal["failed", "left_out"] = "failed" if named else "left_out"
        advice = f"{file.suffix or 'no suffix'} is not read; convert it to one of {' '.join(CONTENT_TYPES)}"
        return Unused(file, kind, "unsupported", advice)
    if not file.is_file():
        return Unused(file, "failed", "unreadable", "not a regular file")
    if not os.access(file, os.R_OK):
        return Unused(file, "failed", "unreadable", "permission denied: make it readable")
    if file.stat().st_size == 0:
        return Unused(file, "failed", "empty", "the file is empty")
    return None


def _names(relatives: list[Path]) -> list[str]:
    """The bare file name where that is unique; else with its folders; else with a number as well."""
    bare = Counter(r.name for r in relatives)
    wanted = [r.name if bare[r.name] == 1 else "__".join(r.parts) for r in relatives]
    taken: set[str] = set()
    names: list[str] = []
    for want in wanted:
        name, n = want[-NAME_LIMIT:], 1
        while name in taken:
            n += 1
            name = f"{n}_{want}"[:NAME_LIMIT] if len(want) < NAME_LIMIT - 8 else f"{n}_{want[-NAME_LIMIT + 8 :]}"
        taken.add(name)
        names.append(name)
    return names
