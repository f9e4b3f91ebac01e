"""A passage taken apart: sentences by paragraph, lists with their lead-ins, tables, each with the headings over it.

`raw` is always an exact slice of the passage, for evidence; `text` is what a person reads (white space, mark-up and
footnote marks gone).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dataforge.records import Passage
from dataforge.teachers.extractive import english
from dataforge.text.headings import plain as clean
from dataforge.text.headings import title
from dataforge.text.sentences import sentences

_HEADING = re.compile(r"\s*+(#{1,6})\s++(\S.*)$")
_ITEM = re.compile(r"(\s*)([-*+•]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?(\S.*)$", re.DOTALL)
_RULE = re.compile(r"\|?\s*+:?-++:?\s*+(?:\|\s*+:?-++:?\s*+)*+\|?\s*+$")
MOST_CHARACTERS = 500
"""Of a sentence, list item, table row or heading: nothing is asked about a longer one, and the patterns of this
package, many of which look at each part of a text from each other part, see none."""


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    raw: str
    headings: tuple[str, ...]
    paragraph: int


@dataclass(frozen=True, slots=True)
class Item:
    text: str
    raw: str
    depth: int
    ordered: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """lead: the sentence before the list, when it ends in a colon or announces what follows; else None."""

    lead: Sentence | None
    items: tuple[Item, ...]
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    raw_header: str
    raw_rows: tuple[str, ...]
    headings: tuple[str, ...]
    caption: str
    whole: bool
    """Surely not a part of a longer table that was cut: only then may anything be said of all its rows."""


@dataclass(frozen=True)
class Scene:
    content: str
    sentences: list[Sentence] = field(default_factory=list)
    lists: list[Listing] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    headings: tuple[str, ...] = ()

    @cached_property
    def paragraphs(self) -> list[list[Sentence]]:
        grouped: dict[int, list[Sentence]] = {}
        for sentence in self.sentences:
            grouped.setdefault(sentence.paragraph, []).append(sentence)
        return list(grouped.values())

    @cached_property
    def english(self) -> bool:
        return english.is_english(
            " ".join(s.text for s in self.sentences)
            or " ".join(i.text for listing in self.lists for i in listing.items)
        )

    @cached_property
    def lower_words(self) -> frozenset[str]:
        """Words that occur in lower case."""
        return frozenset(re.findall(r"(?<![^\W_])[a-z][a-z'-]+", self.content))

    @cached_property
    def proper_words(self) -> frozenset[str]:
        """Words that occur capitalised inside a sentence."""
        running = " ".join(s.text for s in self.sentences)
        return frozenset(re.findall(r"(?<=[a-z0-9,;] )([A-Z][\w'-]*)", running))


def read(passage: Passage) -> Scene:
    """Code is left out: nothing is asked about it."""
    scene = Scene(passage.content, headings=tuple(map(title, passage.heading_path)))
    headings = scene.headings
    lead: Sentence | None = None
    paragraph = 0
    blocks = list(_blocks(passage.content))
    for at, (kind, raw) in enumerate(blocks):
        if kind == "heading":
            found = _HEADING.match(raw)
            name = title(found.group(2).rstrip().rstrip("#")) if found and len(raw) <= MOST_CHARACTERS else ""
            headings = (
                scene.headings[: scene.headings.index(name) + 1]
                if name in scene.headings
                else (*scene.headings[:-1], name)
                if scene.headings and passage.heading_path
                else (name,)
            )
            lead = None
        elif kind == "list":
            items = tuple(_items(raw))
            if all(len(item.text) <= MOST_CHARACTERS for item in items):
                scene.lists.append(Listing(lead, items, headings))
            lead = None
        elif kind == "table":
            table = _table(raw, headings, lead, blocks, at)
            if table:
                scene.tables.append(table)
            lead = None
        elif kind == "paragraph":
            paragraph += 1
            made = [Sentence(clean(s.text), s.text, headings, paragraph) for s in sentences(raw) if _is_fit(s.text)]
            following = blocks[at + 1][0] if at + 1 < len(blocks) else ""
            lead = (
                made[-1]
                if made and (following == "table" or (following == "list" and _announces(made[-1].text)))
                else None
            )
            scene.sentences.extend(made[:-1] if lead and lead.text.endswith(":") else made)
    return scene


def _is_fit(text: str) -> bool:
    return len(text) <= MOST_CHARACTERS and bool(clean(text))


def _announces(text: str) -> bool:
    return (
        text.endswith(":")
        or re.search(r"\b(?:following|these (?:steps|rules|items)|as follows|below)\b", text) is not None
    )


def _blocks(content: str) -> Iterator[tuple[str, str]]:
    """(kind, exact slice): heading, list, table, code, paragraph."""
    start, kind, position, fence = 0, "", 0, ""
    for line in content.splitlines(keepends=True):
        here = _kind(line, kind, fence)
        marker = line.lstrip()[:3]
        if fence and marker.startswith(fence):
            fence, here = "", "code"
        elif not fence and marker in ("```", "~~~"):
            fence, here = marker, "code"
        if here != kind or here == "heading":
            if kind and content[start:position].strip():
                yield kind, content[start:position].strip("\n")
            start, kind = position, here
        position += len(line)
    if kind and content[start:position].strip():
        yield kind, content[start:position].strip("\n")


def _kind(line: str, before: str, fence: str) -> str:
    if fence:
        return "code"
    if not line.strip():
        return ""
    if _HEADING.match(line):
        return "heading"
    if line.lstrip().startswith("|"):
        return "table"
    if _ITEM.match(line) or (before == "list" and line.startswith((" ", "\t"))):
        return "list"
    return "paragraph"


def _items(raw: str) -> Iterator[Item]:
    current: list[str] = []
    for line in [*raw.splitlines(), None]:
        if line is None or _ITEM.match(line):
            if current and (found := _ITEM.match("\n".join(current))):
                text = clean(found.group(3))
                if text:
                    yield Item(text, found.group(3).rstrip(), len(found.group(1)) // 2, found.group(2)[0].isdigit())
            current = []
        if line is not None:
            current.append(line)


def _table(
    raw: str, headings: tuple[str, ...], lead: Sentence | None, blocks: list[tuple[str, str]], at: int
) -> Table | None:
    lines = [line for line in raw.splitlines() if line.strip()]
    if len(lines) < 3 or max(map(len, lines)) > 2 * MOST_CHARACTERS or not _RULE.match(lines[1].strip()):
        return None
    rows = [_cells(line) for line in lines]
    width = len(rows[0])
    body = [(row, line) for row, line in zip(rows[2:], lines[2:], strict=True) if len(row) == width and any(row)]
    longest = max((len(line) for _, line in body), default=0)
    alone = at == 0 or blocks[at - 1][0] == "table"
    followed = at + 1 < len(blocks) and blocks[at + 1][0] == "table"
    whole = not alone and not followed and len(raw) + longest < 1150
    caption = lead.text.rstrip(":") if lead else ""
    return Table(
        header=rows[0],
        rows=tuple(r for r, _ in body),
        raw_header=lines[0].strip(),
        raw_rows=tuple(line.strip() for _, line in body),
        headings=headings,
        caption=caption,
        whole=whole,
    )


def _cells(line: str) -> tuple[str, ...]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return tuple(clean(cell) for cell in re.split(r"(?<!\\)\|", inner))
