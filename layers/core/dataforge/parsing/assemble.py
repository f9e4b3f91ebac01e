"""Pieces that a format's reader found, in order, put together as one text with its blocks.

Every reader ends here, so all formats come out in one dialect: `## Title` headings, pipe tables with a header row,
`- ` and `1. ` lists nested by two spaces a level, fenced code, and plain paragraphs without inline mark-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dataforge.records import Block, ContentType, ParsedDocument

_TABLE_CHARACTERS = 1_200
"""A longer table becomes several blocks that each repeat the header row, so that a chunk of it can stand alone."""

_LONGEST_HEADING = 160
_CLEAN = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), 173, 65279, 65534))
_CLEAN |= dict.fromkeys((160, 8199, 8239), " ")
_CLEAN |= dict.fromkeys((133, 8232, 8233), "\n")
_CLEAN |= {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class Piece:
    kind: ContentType
    text: str
    level: int | None = None
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One list item; marker is `-` or `3.`; text may have several lines."""

    depth: int
    marker: str
    text: str


def clean(text: str) -> str:
    """Drop control characters, soft hyphens and lone surrogates; unfold ligatures; every line break becomes `\\n`."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_CLEAN)
    return _SURROGATE.sub("\ufffd", text)


def one_line(text: str) -> str:
    return " ".join(clean(text).split())


def lines(text: str) -> str:
    """Keep line breaks, drop blank lines and runs of spaces."""
    stripped = (_SPACES.sub(" ", line).strip() for line in clean(text).split("\n"))
    return "\n".join(line for line in stripped if line)


def paragraph(text: str, page: int | None = None) -> Iterator[Piece]:
    if body := lines(text):
        yield Piece("paragraph", body, page=page)


def heading(text: str, level: int, page: int | None = None) -> Iterator[Piece]:
    """A heading too long to be one is given as a paragraph."""
    title = one_line(text)
    if len(title) > _LONGEST_HEADING:
        yield Piece("paragraph", title, page=page)
    elif title:
        depth = min(max(level, 1), 6)
        yield Piece("heading", f"{'#' * depth} {title}", depth, page)


def code(text: str, language: str = "", page: int | None = None) -> Iterator[Piece]:
    body = clean(text).strip("\n").rstrip()
    if body.strip():
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", body)), default=0))
        yield Piece("code", f"{fence}{one_line(language)}\n{body}\n{fence}", page=page)


def listing(items: Sequence[Item], page: int | None = None) -> Iterator[Piece]:
    out = []
    for item in items:
        if body := lines(item.text):
            margin = "  " * max(item.depth, 0)
            out.append(f"{margin}{item.marker} " + body.replace("\n", f"\n{margin}  "))
    if out:
        # A list that starts nested would lose its margin to the slice: begin at the left.
        yield Piece("list", "\n".join(out).lstrip(), page=page)


def table(rows: Sequence[Sequence[str]], page: int | None = None) -> Iterator[Piece]:
    """The first row is the header. Empty rows and columns are dropped, short rows padded."""
    cells = [[one_line(cell).replace("|", "\\|") for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    width = max((len(row) for row in cells), default=0)
    cells = [row + [""] * (width - len(row)) for row in cells]
    kept = [column for column in range(width) if any(row[column] for row in cells)]
    if not kept:
        return
    written = ["| " + " | ".join(row[column] for column in kept) + " |" for row in cells]
    head = written[0] + "\n|" + " --- |" * len(kept)
    body: list[str] = []
    size = len(head)
    for row in written[1:]:
        if body and size + len(row) > _TABLE_CHARACTERS:
            yield Piece("table", "\n".join([head, *body]), page=page)
            body, size = [], len(head)
        body.append(row)
        size += len(row) + 1
    yield Piece("table", "\n".join([head, *body]), page=page)


def assemble(
    pieces: Iterable[Piece], *, pages: int | None = None, title: str | None = None, warnings: Sequence[str] = ()
) -> ParsedDocument:
    """Pieces stand a blank line apart. The title is the one given, else the first heading of the highest rank."""
    blocks: list[Block] = []
    parts: list[str] = []
    at = 0
    titles: list[tuple[int, str]] = []
    for piece in pieces:
        body = piece.text.strip()
        if not body:
            continue
        if parts:
            parts.append("\n\n")
            at += 2
        parts.append(body)
        blocks.append(Block(piece.kind, at, at + len(body), piece.level, piece.page))
        at += len(body)
        if piece.kind == "heading":
            titles.append((piece.level or 1, body.lstrip("# ")))
    name = one_line(title or "") or (min(titles, key=lambda t: t[0])[1] if titles else None)
    return ParsedDocument("".join(parts), tuple(blocks), pages, name, tuple(warnings))
