"""liteparse's layout blocks -> pieces, with its known slips mended from the size, weight and place of the letters.

Mended: body lines and run-in bold words taken for headings; one size of heading at several levels; numbered lines and
wrapped ends of list items taken for paragraphs; neighbouring paragraphs run together.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from statistics import median_low
from typing import TYPE_CHECKING

from dataforge.parsing import assemble
from dataforge.parsing.assemble import Item, Piece

if TYPE_CHECKING:
    from liteparse import AnnotationRect, LayoutBlock, ParsedPage, TextItem

_EMPHASIS = re.compile(r"(?<![*\w\\])(\*{1,3})(?=\S)((?:(?!(?<![*\w\\])\1(?=\S)).)+?)(?<=[^\s\\])\1(?![*\w])")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|~<>$])")
_CODE_LINE = re.compile(r"[{};=<>]|\w\(|^\s*(?:def|class|import|from|return|for|if|while|function|var|let|const)\b")
_BOLD = re.compile(r"bold|black|heavy|demi|[-_]bd|semibd|medi(?:$|um|ital)|bx\d", re.I)
_NUMBERED = re.compile(r"^(\d{1,2}[.)]|[•▪◦‣·–])\s+(?=\S)")
_ENDED = re.compile(r"[.!?:;][\"”’)\]]*$")

_LARGER = 1.06
"""A heading's letters are at least this much larger than the body's, or they are bold."""

_WIDER_GAP = 1.3
"""Lines further apart than this, in line pitches of their block, belong to different paragraphs."""


_USUAL_PITCH = 1.5
"""Of lines, in letter sizes, for a block too short to show its own."""


@dataclass(frozen=True, slots=True)
class _Line:
    """size and font: those that most of its characters have; bold: the share of them that is."""

    y: float
    size: float
    font: str
    bold: float
    text: str


Levels = Mapping[tuple[float, bool], int]


def levels(pages: Sequence[ParsedPage]) -> Levels:
    """(letter size, bold) -> the level that most headings of this look have."""
    seen: dict[tuple[float, bool], Counter[int]] = defaultdict(Counter)
    for page in pages:
        body = _face(page.text_items)
        for block in page.blocks or []:
            lines = _lines(page, block.bbox) if block.kind == "heading" else []
            if lines and _is_heading(block, lines, body):
                seen[_look(lines)][block.level or 1] += 1
    return {look: times.most_common(1)[0][0] for look, times in seen.items()}


def pieces(page: ParsedPage, known: Levels) -> Iterator[Piece]:
    body = _face(page.text_items)
    items: list[Item] = []
    last: LayoutBlock | None = None
    loose = ""
    blocks = [block for block in page.blocks or [] if block.kind != "rule"]
    for block, following in zip_longest(blocks, blocks[1:]):
        text = seam(loose, _words(block.text))
        kind, lines, loose = block.kind, _lines(page, block.bbox), ""
        if kind == "heading" and not _is_heading(block, lines, body):
            kind = "paragraph"
        if kind == "heading" and _runs_in(text, lines, body, following):
            loose = text
            continue
        if kind == "paragraph" and last is not None and items and _continues(last, block, items[-1].text):
            items[-1] = Item(items[-1].depth, items[-1].marker, seam(items[-1].text, text))
        elif kind == "list_item" or (kind == "paragraph" and _NUMBERED.match(text)):
            first, *rest = _paragraphs(text, lines)
            items += _items(block, first)
            for part in rest:
                if _NUMBERED.match(part):
                    items += _items(block, part)
                else:  # the text after the list
                    yield from assemble.listing(items, page.page_num)
                    items = []
                    yield from assemble.paragraph(part, page.page_num)
        else:
            yield from assemble.listing(items, page.page_num)
            items = []
            yield from _piece(block, kind, text, lines, page.page_num, known)
        last = block
    yield from assemble.listing(items, page.page_num)


def seam(above: str, below: str) -> str:
    """Two parts of one text; a word divided at the end of the first is made whole."""
    if above and below and re.search(r"[^\W\d_]-$", above):
        return above[:-1] + below
    return " ".join(part for part in (above, below) if part)


def _piece(
    block: LayoutBlock, kind: str, text: str, lines: Sequence[_Line], page: int, known: Levels
) -> Iterator[Piece]:
    if kind == "heading":
        level = block.level or 1
        yield from assemble.heading(text, known.get(_look(lines), level) if lines else level, page)
    elif kind == "table":
        rows = [[_words(cell.text) for cell in row] for row in block.rows or []]
        yield from assemble.table([[_words(cell.text) for cell in block.header], *rows] if block.header else rows, page)
    elif kind in ("code", "grid_fallback"):
        # liteparse calls any text in a typewriter face code.
        source = block.lines or []
        if kind == "code" and sum(bool(_CODE_LINE.search(line)) for line in source) >= len(source) * 0.3:
            yield from assemble.code("\n".join(source), block.lang or "", page)
        else:
            yield from assemble.paragraph("\n".join(source), page)
    else:
        for part in _paragraphs(text, lines):
            yield from assemble.paragraph(part, page)


def _lines(page: ParsedPage, box: AnnotationRect | None) -> list[_Line]:
    """The lines of text whose middle lies in the box, from top to bottom."""
    if box is None:
        return []
    rows: list[list[TextItem]] = []
    inside = (
        item
        for item in page.text_items
        if box.x - 1 <= item.x + item.width / 2 <= box.x + box.width + 1
        and box.y - 1 <= item.y + item.height / 2 <= box.y + box.height + 1
    )
    for item in sorted(inside, key=lambda item: item.y):
        if rows and abs(item.y - rows[-1][0].y) < max(item.height, 1) * 0.5:
            rows[-1].append(item)
        else:
            rows.append([item])
    return [_line(sorted(row, key=lambda item: item.x)) for row in rows]


def _line(row: Sequence[TextItem]) -> _Line:
    bold = sum(len(item.text) for item in row if _BOLD.search(item.font_name or "") or (item.font_weight or 0) >= 600)
    length = max(sum(len(item.text) for item in row), 1)
    size, font = _face(row)
    return _Line(row[0].y, size, font, bold / length, " ".join(item.text for item in row))


def _face(items: Sequence[TextItem]) -> tuple[float, str]:
    """The letter size and font that most characters have."""
    faces: Counter[tuple[float, str]] = Counter()
    for item in items:
        # Some programs set size 1 and stretch the letters: then only their height tells.
        size = item.font_size if item.font_size and item.font_size > 2 else item.height
        faces[round(size * 2) / 2, item.font_name or ""] += len(item.text)
    return faces.most_common(1)[0][0] if faces else (0.0, "")


def _look(lines: Sequence[_Line]) -> tuple[float, bool]:
    return lines[0].size, lines[0].bold > 0.5


def _is_heading(block: LayoutBlock, lines: Sequence[_Line], body: tuple[float, str]) -> bool:
    """liteparse's word is taken unless the letters are the body's own."""
    size, font = body
    text = _words(block.text)
    if not lines:
        return True
    first = lines[0]
    larger, bold = first.size >= size * _LARGER, min(line.bold for line in lines) > 0.8
    if _NUMBERED.match(text) and (_ENDED.search(text) or not bold):
        return False
    return bool(larger or bold or first.font != font or text.isupper())


def _runs_in(text: str, lines: Sequence[_Line], body: tuple[float, str], following: LayoutBlock | None) -> bool:
    """A bold word makes a paragraph's first line look like a heading; the rest then starts in mid-sentence."""
    if following is None or following.kind != "paragraph" or not lines or lines[0].size >= body[0] * _LARGER:
        return False
    return not _ENDED.search(text) and (following.text or "")[:1].islower()


def _continues(last: LayoutBlock, block: LayoutBlock, item: str) -> bool:
    """A line set in from its list item's marker, right below it."""
    if last.bbox is None or block.bbox is None or _ENDED.search(item) or _NUMBERED.match(_words(block.text)):
        return False
    gap = block.bbox.y - (last.bbox.y + last.bbox.height)
    return bool(block.bbox.x > last.bbox.x + 4 and -2 <= gap < 8)


def _items(block: LayoutBlock, text: str) -> Iterator[Item]:
    """`1. One 2. Two` on one line comes as one item: cut where the numbers go on."""
    depth = (block.level or 0) if block.kind == "list_item" else 0
    match = _NUMBERED.match(text)
    if block.kind == "list_item" and not match:
        marker = (block.marker or "1.").strip() if block.ordered else "-"
    else:
        marker, text = (match.group(1), text[match.end() :]) if match else ("-", text)
        marker = marker if marker[0].isdigit() else "-"
    while (number := re.fullmatch(r"(\d+)([.)])", marker)) and (
        found := re.search(rf"(?<=[.!?;,\w)])\s{int(number.group(1)) + 1}\{number.group(2)}\s+(?=\S)", text)
    ):
        yield Item(depth, marker, text[: found.start()])
        marker, text = f"{int(number.group(1)) + 1}{number.group(2)}", text[found.end() :]
    yield Item(depth, marker, text)


def _paragraphs(text: str, lines: Sequence[_Line]) -> list[str]:
    """Cut where the lines of the block stand further apart than its others and a sentence has ended."""
    steps = [below.y - above.y for above, below in pairwise(lines)]
    if not steps:
        return [text]
    pitch = median_low(steps) if len(steps) > 1 else lines[0].size * _USUAL_PITCH
    parts, start, at = [], 0, 0
    for step, line in zip(steps, lines[1:], strict=True):
        opening = " ".join(line.text.split())[:18]
        found = text.find(opening, at) if opening else -1
        if found < 0:
            continue
        at = found
        if step > pitch * _WIDER_GAP and _ENDED.search(text[start:found].rstrip()):
            parts.append(text[start:found])
            start = found
    return [*parts, text[start:]]


def _words(markdown: str | None) -> str:
    """liteparse writes emphasis and escapes as Markdown; the words are enough."""
    bare = _EMPHASIS.sub(r"\2", markdown or "")
    return _ESCAPE.sub(r"\1", bare)
