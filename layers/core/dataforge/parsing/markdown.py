"""Markdown (CommonMark with tables): the block structure is kept, inline mark-up becomes plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.parsing import assemble
from dataforge.parsing.assemble import Item, Piece
from dataforge.parsing.encoding import decode
from dataforge.records import ParsedDocument

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

_FRONT = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FRONT_TITLE = re.compile(r"^title:[^\S\n]*+(.++)$", re.M | re.I)


def read(data: bytes) -> ParsedDocument:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    text = assemble.clean(decode(data))
    title = None
    front = _FRONT.match(text)
    if front:
        named = _FRONT_TITLE.search(front.group(1) or "")
        title = _unquoted(named.group(1)) if named else None
        text = text[front.end() :]
    tree = SyntaxTreeNode(MarkdownIt("commonmark", {"maxNesting": 40}).enable(["table", "strikethrough"]).parse(text))
    return assemble.assemble((piece for node in tree.children for piece in _pieces(node)), title=title)


def _unquoted(title: str) -> str | None:
    bare = title.strip()
    bare = bare[1:] if bare[:1] in ("'", '"') else bare
    bare = bare[:-1] if bare[-1:] in ("'", '"') else bare
    return bare.strip() or None


def _pieces(node: SyntaxTreeNode) -> Iterator[Piece]:
    kind = node.type
    if kind == "heading":
        yield from assemble.heading(_inline(node), int(node.tag[1]))
    elif kind == "paragraph":
        yield from assemble.paragraph(_inline(node))
    elif kind in ("fence", "code_block"):
        yield from assemble.code(node.content, node.info.split()[0] if node.info.split() else "")
    elif kind in ("bullet_list", "ordered_list"):
        yield from assemble.listing(list(_items(node, 0)))
    elif kind == "table":
        yield from assemble.table(_rows(node))
    elif kind == "html_block":
        yield from _html(node.content)
    else:  # a block quote, or anything that only holds other blocks
        for child in node.children:
            yield from _pieces(child)


def _html(source: str) -> Iterator[Piece]:
    from dataforge.parsing import html

    yield from html.pieces(source)


def _rows(node: SyntaxTreeNode) -> list[list[str]]:
    return [[_inline(cell) for cell in row.children] for part in node.children for row in part.children]


def _items(node: SyntaxTreeNode, depth: int) -> Iterator[Item]:
    number = int(node.attrs.get("start", 1))
    for entry in node.children:
        marker = f"{number}." if node.type == "ordered_list" else "-"
        body: list[str] = []
        nested: list[Item] = []
        for child in entry.children:
            if child.type in ("bullet_list", "ordered_list"):
                nested += _items(child, depth + 1)
            else:
                body += (piece.text for piece in _pieces(child))
        yield Item(depth, marker, "\n".join(body) or " ")
        yield from nested
        number += 1


def _inline(node: SyntaxTreeNode) -> str:
    """The words a reader sees: link texts, image descriptions, code without its back-ticks."""
    kind = node.type
    if kind in ("text", "code_inline"):
        return str(node.content)
    if kind in ("softbreak", "hardbreak"):
        return " " if kind == "softbreak" else "\n"
    if kind == "html_inline":
        return "\n" if re.match(r"<br\b", node.content, re.I) else ""
    if kind == "image" and not node.children:
        return str(node.content)
    return "".join(_inline(child) for child in node.children)
