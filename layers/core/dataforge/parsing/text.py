"""Plain text: paragraphs by blank lines, with the headings and lists that a reader would see in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dataforge.parsing import assemble
from dataforge.parsing.assemble import Item, Piece
from dataforge.parsing.encoding import decode
from dataforge.records import ParsedDocument

_BULLET = re.compile(r"^(\s*)([-*+•‣◦▪–]|\(?\d{1,3}[.)]|[a-z][.)])\s+(\S.*)$")
_NUMBERED_TITLE = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+\S")
_UNDERLINE = re.compile(r"^(={3,}|-{3,}|~{3,}|\*{3,})$")
_COLUMNS = re.compile(r"\S {3,}\S|\t\S")
_WRAPPED_AT_LEAST = 45
"""Lines shorter than this were broken on purpose (verse, an address)."""


def read(data: bytes) -> ParsedDocument:
    text = assemble.clean(decode(data))
    groups = [group.strip("\n").split("\n") for group in re.split(r"\n[ \t]*\n", text.expandtabs(4)) if group.strip()]
    return assemble.assemble(piece for group in groups for piece in _pieces(group))


def _pieces(group: list[str]) -> Iterator[Piece]:
    title = _title(group)
    if title:
        yield from assemble.heading(title[0], title[1])
        group = group[title[2] :]
        if not group:
            return
    first = next((i for i, line in enumerate(group) if _BULLET.match(line)), None)
    bullets = sum(bool(_BULLET.match(line)) for line in group)
    if first is not None and (bullets >= 2 or first == 0):
        yield from assemble.paragraph(unwrap(group[:first]))
        yield from assemble.listing(_items(group[first:]))
    elif sum(bool(_COLUMNS.search(line)) for line in group) > len(group) / 2 and len(group) > 1:
        yield from assemble.code("\n".join(group))
    else:
        yield from assemble.paragraph(unwrap(group))


def _title(group: list[str]) -> tuple[str, int, int] | None:
    """(title, level, lines it takes) when the group opens with a heading."""
    line = group[0].strip()
    if len(group) > 1 and _UNDERLINE.match(group[1].strip()) and len(line) <= 100:
        return line, 1 if group[1].strip()[0] in "=*" else 2, 2
    if len(group) > 1 or len(line) > 80 or line[-1] in ".,;:!?" or not any(c.isalpha() for c in line):
        return None
    if numbered := _NUMBERED_TITLE.match(line):
        return line, numbered.group(1).count(".") + 1, 1
    if line.isupper() and len(line) > 3:
        return line, 1, 1
    return None


def unwrap(group: list[str]) -> str:
    """Join lines that were wrapped at a margin; keep those that were broken on purpose."""
    body = [line.strip() for line in group if line.strip()]
    longest = max((len(line) for line in body[:-1]), default=0)
    if longest < _WRAPPED_AT_LEAST or sum(len(line) > longest * 0.7 for line in body[:-1]) < len(body[:-1]) * 0.6:
        return "\n".join(body)
    return " ".join(body)


def _items(group: list[str]) -> list[Item]:
    found: list[tuple[int, str, list[str]]] = []
    for line in group:
        match = _BULLET.match(line)
        if match:
            marker = match.group(2) if match.group(2)[-1] in ".)" else "-"
            found.append((len(match.group(1)), marker, [match.group(3)]))
        elif found:
            found[-1][2].append(line)
    margins = sorted({margin for margin, _, _ in found})
    return [Item(margins.index(margin), marker, unwrap(body)) for margin, marker, body in found]
