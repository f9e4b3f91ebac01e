"""Parsed text -> chunks: passages of at most `max_tokens`, cut where a reader would cut.

1. A section is a run of headings with all that follows until the next heading.
2. Within a section, whole blocks are packed into chunks of even size; a block too large for one is cut between table
   rows or list items, else sentences, else words, else tokens.
3. A section under `min_tokens` joins its neighbour: first within the same top-level section, then whatever is next.

Every character of every block that is not white space lies in exactly one chunk; `content == text[start:end]`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dataforge import tokens
from dataforge.records import Block, Chunk, ContentType, ParsedDocument

T = TypeVar("T")

_LEAST_LIMIT = 16
_SENTENCE = re.compile(r"[.!?][\"'”’)\]]*(?=\s)|[。！？؟।]|\n")
_LINE = re.compile(r"\n(?=\S)|\n(?= *(?:[-*+]|\d+[.)]) )")
_WORD = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Unit:
    """What is never cut further: a block, or a part of one that was too large."""

    start: int
    end: int
    kind: ContentType
    page: int | None


@dataclass(frozen=True, slots=True)
class _Section:
    path: tuple[str, ...]
    top: int
    """Number of the top-level section it is in."""
    units: tuple[_Unit, ...]

    @property
    def start(self) -> int:
        return self.units[0].start

    @property
    def end(self) -> int:
        return self.units[-1].end


Watch = Callable[[], None]
"""Called before each piece of work, which takes at most a few milliseconds; it raises where no more may be done."""


def chunk(
    parsed: ParsedDocument, *, max_tokens: int = 512, min_tokens: int = 60, watch: Watch = lambda: None
) -> list[Chunk]:
    """In reading order, positions from 0. Raises ValueError when max_tokens is under 16, and what `watch` raises. The
    work grows with the length of the text, whatever stands in it.

    `heading_path` names the headings over the whole passage; `page` is that of its first character; `content_type` is
    the kind most of its characters have, headings aside.
    """
    if max_tokens < _LEAST_LIMIT:
        raise ValueError(f"max_tokens must be at least {_LEAST_LIMIT}, not {max_tokens}")
    text = parsed.text
    least = min(min_tokens, max_tokens)
    groups = [
        part for section in _sections(parsed, max_tokens, watch) for part in _pack(text, section, max_tokens, watch)
    ]
    for within in (True, False):
        groups = _merge(text, _watched(groups, watch), max_tokens=max_tokens, min_tokens=least, within=within)
    return [_chunk(text, group, position) for position, group in enumerate(groups)]


def _chunk(text: str, group: _Section, position: int) -> Chunk:
    content = text[group.start : group.end]
    sizes: Counter[ContentType] = Counter()
    for unit in group.units:
        sizes[unit.kind] += (unit.end - unit.start) if unit.kind != "heading" else 0
    kind = max(sizes, key=lambda found: sizes[found]) if sizes.total() else "heading"
    return Chunk(
        content=content,
        heading_path=group.path,
        page=group.units[0].page,
        position=position,
        content_type=kind,
        tokens=tokens.count(content),
        start=group.start,
        end=group.end,
    )


def _watched(items: Iterable[T], watch: Watch) -> Iterator[T]:
    for item in items:
        watch()
        yield item


def _sections(parsed: ParsedDocument, max_tokens: int, watch: Watch) -> Iterator[_Section]:
    top_level = _top_level(parsed.blocks)
    path: list[tuple[int, str]] = []
    top = 0
    units: list[_Unit] = []
    has_text = False
    above: int | None = 0
    for block in _watched(parsed.blocks, watch):
        if block.kind == "heading":
            if has_text:
                yield _Section(_names(path), top, tuple(units))
                units, has_text, above = [], False, 0
            level = block.level or 1
            path = [(depth, name) for depth, name in path if depth < level]
            path.append((level, parsed.text[block.start : block.end].lstrip("#").strip()))
            top += level <= top_level
        units += _watched(_units(parsed.text, block, max_tokens - (0 if has_text else above or 0)), watch)
        has_text = has_text or block.kind != "heading"
        if above is not None and not has_text:
            above = _room(parsed.text[units[0].start : units[-1].end], max_tokens)
    if units:
        yield _Section(_names(path), top, tuple(units))


def _room(headings: str, max_tokens: int) -> int | None:
    """Tokens to leave free for the headings right above a block, so that they can stay together; None: they are too
    many for that, and so are they with more of them."""
    taken = tokens.count(headings) + 2
    return taken if taken <= max_tokens // 2 else None


def _names(path: Sequence[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(name for _, name in path)


def _top_level(blocks: Sequence[Block]) -> int:
    """The highest heading level that occurs more than once: a lone first heading is the document's title."""
    levels = Counter(block.level or 1 for block in blocks if block.kind == "heading")
    return min((level for level, times in levels.items() if times > 1), default=min(levels, default=1))


def _units(text: str, block: Block, max_tokens: int) -> Iterator[_Unit]:
    whole = text[block.start : block.end]
    if _fits(whole, max_tokens):
        spans: Iterable[tuple[int, int]] = [(block.start, block.end)]
    else:
        cuts = _LINE if block.kind in ("table", "list", "code") else _SENTENCE
        spans = _cut(text, block.start, block.end, max_tokens, (cuts, _SENTENCE, _WORD))
    return (_Unit(start, end, block.kind, block.page) for start, end in spans)


def _fits(piece: str, max_tokens: int) -> bool:
    return tokens.count(piece) <= max_tokens


def _cut(
    text: str, start: int, end: int, max_tokens: int, ways: tuple[re.Pattern[str], ...]
) -> Iterator[tuple[int, int]]:
    """Spans of at most `max_tokens`: as many parts as fit together, a part too large cut in the next way."""
    while start < end:
        while text[start].isspace():
            start += 1
        reach = _reach(text, start, end, max_tokens)
        stop = end if reach >= end else _last_cut(text, start, reach, ways) or reach
        # A shorter text may, rarely, have more tokens.
        while not _fits(text[start:stop].rstrip(), max_tokens):
            stop = start + tokens.prefix(text[start : stop - 1], max_tokens)
        yield start, start + len(text[start:stop].rstrip())
        start = stop


def _reach(text: str, start: int, end: int, max_tokens: int) -> int:
    """How far `max_tokens` go; most text has 4-5 characters a token, so a small window usually shows it."""
    window = 6 * max_tokens
    while True:
        stop = min(start + window, end)
        reach = start + tokens.prefix(text[start:stop], max_tokens)
        if reach < stop or stop == end or window >= tokens.WINDOW:
            return reach
        window *= 4


def _last_cut(text: str, start: int, reach: int, ways: tuple[re.Pattern[str], ...]) -> int | None:
    """The end of the last whole part in text[start:reach], by the first way that gives one worth having.

    A cut very early would leave a crumb: the next way is tried, and the crumb taken only when none does better.
    """
    crumb: int | None = None
    for way in ways:
        last = max((found.end() for found in way.finditer(text, start, reach)), default=start)
        if last - start >= (reach - start) // 4:
            return last
        if last > start:
            crumb = crumb or last
    return crumb


def _pack(text: str, section: _Section, max_tokens: int, watch: Watch) -> list[_Section]:
    """Chunks of about equal size; a heading never ends one."""
    total = tokens.count(text[section.start : section.end])
    if total <= max_tokens:
        return [section]
    target = total / -(-total // max_tokens)
    groups: list[list[_Unit]] = []
    size, headed = 0, True
    for unit in _watched(section.units, watch):
        if groups and (headed or size < target * 0.9):
            joined = tokens.count(text[groups[-1][0].start : unit.end])
            if joined <= max_tokens:
                groups[-1].append(unit)
                size, headed = joined, headed and unit.kind == "heading"
                continue
        groups.append([unit])
        size, headed = tokens.count(text[unit.start : unit.end]), unit.kind == "heading"
    return [_Section(section.path, section.top, tuple(group)) for group in groups]


def _merge(text: str, groups: Iterable[_Section], *, max_tokens: int, min_tokens: int, within: bool) -> list[_Section]:
    """Join each group under `min_tokens` to the one before or after it, where both fit in one chunk."""
    out: list[_Section] = []
    for group in groups:
        if out and (within is False or out[-1].top == group.top):
            joined = text[out[-1].start : group.end]
            tiny = any(tokens.count(text[part.start : part.end]) < min_tokens for part in (group, out[-1]))
            if tiny and _fits(joined, max_tokens):
                before = out.pop()
                group = _Section(_common(before.path, group.path), before.top, before.units + group.units)
        out.append(group)
    return out


def _common(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """The headings over both; a passage over two chapters keeps the path it begins with."""
    shared = 0
    while shared < min(len(first), len(second)) and first[shared] == second[shared]:
        shared += 1
    return first[:shared] or first or second
