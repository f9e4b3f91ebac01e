"""The documents that a file of records is checked against, as passages.

Documents are parsed in a process of their own, as everywhere. A file of JSON lines holds passages: their text under
`text`, `content`, `passage` or `context`, and optionally `chunk_id`, `document` and `headings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataforge import chunking
from dataforge.errors import Unreadable
from dataforge.parsing.isolate import parse_isolated
from dataforge.quality.passage_search import SourcePassage
from dataforge.training import jsonl

_TEXTS = ("text", "content", "passage", "context")
_IDS = ("chunk_id", "chunkId", "id")
_DOCUMENTS = ("document", "document_name", "document_id", "documentId")


@dataclass(slots=True)
class Sources:
    passages: list[SourcePassage] = field(default_factory=list)
    failed: list[dict[str, str]] = field(default_factory=list)
    """{"name", "message"} of the files that cannot be read."""


def load(files: Sequence[tuple[Path, str]]) -> Sources:
    """files: each with the name of the document."""
    found = Sources()
    for path, name in files:
        try:
            found.passages += _lines(path) if path.suffix.lower() == ".jsonl" else _document(path, name)
        except Unreadable as problem:
            found.failed.append({"name": name, "message": problem.message})
    return found


def _document(path: Path, name: str) -> Iterator[SourcePassage]:
    parsed = parse_isolated(path, filename=name)
    for chunk in chunking.chunk(parsed):
        yield SourcePassage(chunk.content, name, chunk.heading_path)


def _lines(path: Path) -> Iterator[SourcePassage]:
    with path.open("rb") as file:
        for row in jsonl.rows(iter(lambda: file.read(1 << 20), b"")):
            line = row.value or {}
            if text := _first(line, _TEXTS):
                headings = line.get("headings") or line.get("heading_path") or line.get("headingPath") or ()
                given = headings if isinstance(headings, list) else [headings]
                path_of = tuple(h for h in given if isinstance(h, str) and h)
                yield SourcePassage(text, _first(line, _DOCUMENTS), path_of, _first(line, _IDS))


def _first(line: dict[str, Any], names: Sequence[str]) -> str:
    return next((v for name in names if isinstance(v := line.get(name), str) and v), "")
