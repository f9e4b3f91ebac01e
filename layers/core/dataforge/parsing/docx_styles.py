"""What Word's style and numbering parts say about a paragraph: heading, list item, code, table of contents."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

Element: TypeAlias = Any  # lxml's element; its stubs are not installed

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"

_HEADING_NAME = re.compile(r"^(?:heading|überschrift|titre|título|titolo|kop|rubrik)\s*([1-9])$", re.I)
_CODE_NAME = re.compile(r"\b(?:code|source|preformatted|listing|macro text)\b", re.I)
_CONTENTS_NAME = re.compile(r"^(?:toc|table of figures|verzeichnis)\b", re.I)
_DEEPEST_STYLE = 12


@dataclass(frozen=True, slots=True)
class Look:
    """heading: 0 for the document's Title, 1-9 below it; depth: of the list item, from 0."""

    heading: int | None = None
    list_id: str | None = None
    depth: int = 0
    is_code: bool = False
    is_contents: bool = False


@dataclass(frozen=True, slots=True)
class Styles:
    looks: dict[str, Look]
    levels: dict[tuple[str, int], tuple[str, int]]
    """(list id, depth) -> (number format, first number)."""

    def of(self, paragraph: Element) -> Look:
        properties = paragraph.find(W + "pPr")
        if properties is None:
            return Look()
        named = properties.find(W + "pStyle")
        look = self.looks.get(named.get(W + "val"), Look()) if named is not None else Look()
        return _own(look, properties)

    def is_numbered(self, list_id: str, depth: int) -> bool:
        return self.levels.get((list_id, depth), ("bullet", 1))[0] not in ("bullet", "none")

    def start(self, list_id: str, depth: int) -> int:
        return self.levels.get((list_id, depth), ("bullet", 1))[1]


def load(styles: Element | None, numbering: Element | None) -> Styles:
    nodes = {node.get(W + "styleId"): node for node in styles.iter(W + "style")} if styles is not None else {}
    looks = {key: _look(nodes, key, 0) for key in nodes}
    return Styles(looks, _levels(numbering) if numbering is not None else {})


def _look(nodes: dict[str, Element], key: str, depth: int) -> Look:
    """A style is what its parent is, with its own properties over it."""
    node = nodes.get(key)
    if node is None or depth > _DEEPEST_STYLE:
        return Look()
    parent = node.find(W + "basedOn")
    look = _look(nodes, parent.get(W + "val"), depth + 1) if parent is not None else Look()
    properties = node.find(W + "pPr")
    if properties is not None:
        look = _own(look, properties)
    named = node.find(W + "name")
    name = named.get(W + "val", "") if named is not None else key
    if match := _HEADING_NAME.match(name):
        return replace(look, heading=int(match.group(1)))
    if name.lower() == "title":
        return replace(look, heading=0)
    return replace(look, is_code=bool(_CODE_NAME.search(name)), is_contents=bool(_CONTENTS_NAME.match(name)))


def _own(look: Look, properties: Element) -> Look:
    outline = properties.find(W + "outlineLvl")
    if outline is not None:
        level = _integer(outline.get(W + "val"), 9)
        look = replace(look, heading=level + 1 if level < 9 else None)
    number = properties.find(f"{W}numPr/{W}numId")
    depth = properties.find(f"{W}numPr/{W}ilvl")
    if depth is not None:
        look = replace(look, depth=min(_integer(depth.get(W + "val"), 0), 8))
    if number is not None:
        value = number.get(W + "val")
        look = replace(look, list_id=None if value == "0" else value)  # 0 takes a style's list away
    return look


def _levels(numbering: Element) -> dict[tuple[str, int], tuple[str, int]]:
    abstract: dict[str, dict[int, tuple[str, int]]] = {}
    for node in numbering.iter(W + "abstractNum"):
        abstract[node.get(W + "abstractNumId")] = {
            _integer(level.get(W + "ilvl"), 0): (
                _value(level, "numFmt", "bullet"),
                _integer(_value(level, "start", "1"), 1),
            )
            for level in node.iter(W + "lvl")
        }
    return {
        (node.get(W + "numId"), depth): level
        for node in numbering.iter(W + "num")
        for depth, level in abstract.get(_value(node, "abstractNumId", ""), {}).items()
    }


def _value(node: Element, name: str, default: str) -> str:
    found = node.find(W + name)
    return str(found.get(W + "val", default)) if found is not None else default


def _integer(value: str | None, default: int) -> int:
    return int(value) if value and value.isdigit() else default


def span(cell: Element) -> int:
    """Grid columns a cell covers, at most 100."""
    found = cell.find(f"{W}tcPr/{W}gridSpan")
    return min(max(_integer(found.get(W + "val"), 1), 1), 100) if found is not None else 1
