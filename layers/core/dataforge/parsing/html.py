"""Web pages: the main content with its headings, lists, tables and code; menus, forms and other furniture left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dataforge.errors import Unreadable
from dataforge.parsing import assemble
from dataforge.parsing.assemble import Item, Piece
from dataforge.parsing.encoding import decode
from dataforge.records import ParsedDocument

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_FURNITURE = frozenset(
    (
        "script",
        "style",
        "noscript",
        "template",
        "nav",
        "footer",
        "aside",
        "form",
        "button",
        "select",
        "option",
        "textarea",
        "input",
        "iframe",
        "object",
        "embed",
        "canvas",
        "audio",
        "video",
        "svg",
        "dialog",
        "menu",
        "head",
        "map",
    )
)
_ROLES = frozenset(
    (
        "navigation",
        "banner",
        "contentinfo",
        "complementary",
        "search",
        "dialog",
        "alert",
        "menu",
        "toolbar",
    )
)
_CLASSES = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navbox|menu|breadcrumbs?|sidebar|footer|cookie|advert|ads|share|social|"
    r"editsection|noprint|sr-only|visually-hidden)(?:$|[\s_-])",
    re.I,
)
_BLOCKS = frozenset(
    (
        "address",
        "article",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "header",
        "hgroup",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "td",
        "th",
        "tr",
        "ul",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "caption",
        "tbody",
        "thead",
        "tfoot",
    )
)
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_UNCLOSED = frozenset(
    (
        "p",
        "li",
        "dt",
        "dd",
        "td",
        "th",
        "tr",
        "thead",
        "tbody",
        "tfoot",
        "colgroup",
        "col",
        "option",
        "br",
        "img",
        "hr",
        "input",
        "meta",
        "link",
        "area",
        "base",
        "source",
        "track",
        "wbr",
        "embed",
        "param",
        "rt",
        "rp",
        "html",
        "head",
        "body",
    )
)
_DEEPEST = 3_000
_LISTS = frozenset(("ul", "ol", "dl"))
_CONTAINER = "main, article, [role=main]"


def read(data: bytes) -> ParsedDocument:
    """Raises Unreadable (too_complex) for pages that no browser would show either."""
    from selectolax.lexbor import LexborHTMLParser, SelectolaxError

    source = decode(data, html=True)
    _refuse_depth(source)
    try:
        tree = LexborHTMLParser(source)
    except SelectolaxError as error:  # lexbor takes any HTML; it only gives up when memory ends
        raise Unreadable(
            "The page has too many elements to hold in memory. Split it and upload the parts.", reason="too_complex"
        ) from error
    title = tree.css_first("head > title")
    return assemble.assemble(_main(tree.root), title=title.text() if title else None)


def pieces(source: str) -> Iterator[Piece]:
    """Of a fragment, such as the HTML inside a Markdown file."""
    from selectolax.lexbor import LexborHTMLParser

    _refuse_depth(source)
    yield from _main(LexborHTMLParser(source).root)


def _refuse_depth(source: str) -> None:
    """The parser's time grows with the square of the depth, so that is looked at first."""
    depth = 0
    for match in _TAG.finditer(source):
        if match.group(2).lower() not in _UNCLOSED:
            depth = depth + 1 if not match.group(1) else max(depth - 1, 0)
            if depth > _DEEPEST:
                raise Unreadable(
                    f"The page nests its elements more than {_DEEPEST:,} deep. Save its text as a simpler page.",
                    reason="too_complex",
                )


def _main(root: LexborNode | None) -> list[Piece]:
    """The densest main or article element when it holds most of the page's words, else the body."""
    body = root.css_first("body") if root is not None else None
    if body is None:
        return []
    whole = _Walk().run(body)
    size = sum(len(piece.text) for piece in whole)
    found = [_Walk().run(node) for node in body.css(_CONTAINER)[:5]]
    best = max(found, key=lambda pieces: sum(len(piece.text) for piece in pieces), default=[])
    return best if sum(len(piece.text) for piece in best) > size * 0.4 else whole


def _furniture(node: LexborNode) -> bool:
    tag = node.tag
    if tag in _FURNITURE:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    if "hidden" in attributes or attributes.get("aria-hidden") == "true" or attributes.get("role") in _ROLES:
        return True
    if "display:none" in (attributes.get("style") or "").replace(" ", ""):
        return True
    names = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    if tag == "sup" and "reference" in names:  # a wiki's [12]
        return True
    # A class name on the page's own frame proves nothing: themes write <body class="has-sidebar">.
    return tag not in ("html", "body", "main", "article") and bool(_CLASSES.search(names))


class _Walk:
    """One pass over a tree; text outside block elements gathers in `_words` until a block begins or ends."""

    def __init__(self) -> None:
        self._out: list[Piece] = []
        self._words: list[str] = []

    def run(self, root: LexborNode, *, but: frozenset[str] = frozenset()) -> list[Piece]:
        """`but`: tags to leave out where they are children of the root itself."""
        for child in root.iter(include_text=True):
            if child.tag not in but:
                self._node(child)
        self._flush()
        return self._out

    def _flush(self) -> None:
        text, self._words = "".join(self._words), []
        self._out += assemble.paragraph(text)

    def _children(self, node: LexborNode) -> None:
        for child in node.iter(include_text=True):
            self._node(child)

    def _node(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag == "-text":
            self._words.append(re.sub(r"\s+", " ", node.text_content or ""))
        elif tag == "br":
            self._words.append("\n")
        elif tag == "img":
            self._words.append(node.attributes.get("alt") or "")
        elif not tag[:1].isalpha() or _furniture(node):
            return
        elif tag in _BLOCKS:
            self._flush()
            self._block(node, tag)
            self._flush()
        else:
            self._children(node)

    def _block(self, node: LexborNode, tag: str) -> None:
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self._out += assemble.heading(_words(node), int(tag[1]))
        elif tag == "pre":
            self._out += assemble.code(node.text(), _language(node))
        elif tag in _LISTS:
            self._out += assemble.listing(list(_items(node, 0)))
        elif tag == "table" and _is_data(node):
            for caption in node.css("caption")[:1]:
                self._out += assemble.paragraph(_words(caption))
            self._out += assemble.table(list(_rows(node)))
        else:
            self._children(node)


def _words(node: LexborNode) -> str:
    """The node's text on one line, block by block, without furniture."""
    return " ".join(piece.text.lstrip("# ") if piece.kind == "heading" else piece.text for piece in _Walk().run(node))


def _language(node: LexborNode) -> str:
    """`python` from the class `language-python` that highlighters put on pre or code."""
    inner = node.css_first("code")
    names = f"{node.attributes.get('class') or ''} {inner.attributes.get('class') or '' if inner else ''}"
    found = re.search(r"(?:language|lang|brush:)-?\s*([A-Za-z0-9+#]+)", names)
    return found.group(1).lower() if found else ""


def _items(node: LexborNode, level: int) -> Iterator[Item]:
    number = int(start) if (start := node.attributes.get("start") or "").isdigit() else 1
    for child in node.iter():
        if child.tag in _LISTS:  # a list straight inside a list: invalid, common
            yield from _items(child, level + 1)
        elif child.tag in ("li", "dt", "dd", "div") and not _furniture(child):
            marker = f"{number}." if node.tag == "ol" else "-"
            number += 1
            depth = level + (child.tag == "dd")
            yield Item(depth, marker, "\n".join(piece.text for piece in _Walk().run(child, but=_LISTS)))
            for inner in child.iter():
                if inner.tag in _LISTS and not _furniture(inner):
                    yield from _items(inner, depth + 1)


def _is_data(node: LexborNode) -> bool:
    """Layout tables say so, or hold tables without naming columns, or have a single cell."""
    if node.attributes.get("role") == "presentation":
        return False
    if node.css_first("table table") is not None and node.css_first("th") is None:
        return False
    return len(node.css("td, th")) > 1


def _lines(table: LexborNode) -> Iterator[LexborNode]:
    """The table's own rows, not those of a table in one of its cells."""
    for child in table.iter():
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in child.iter() if row.tag == "tr")


def _rows(node: LexborNode) -> Iterator[list[str]]:
    """Merged cells are repeated in every place they cover, so that each row can stand alone."""
    held: dict[int, tuple[int, str]] = {}
    for line in _lines(node):
        row, held = _row(line, held)
        yield row


def _row(line: LexborNode, above: dict[int, tuple[int, str]]) -> tuple[list[str], dict[int, tuple[int, str]]]:
    """`above`: column -> (rows it still covers, text) of cells that reach down into this row; the same for the next."""
    row: list[str] = []
    below: dict[int, tuple[int, str]] = {}

    def add(text: str, high: int) -> None:
        if high > 1:
            below[len(row)] = (high - 1, text)
        row.append(text)

    def add_from_above() -> None:
        while len(row) in above:
            high, text = above[len(row)]
            add(text, high)

    for cell in line.iter():
        if cell.tag in ("td", "th"):
            add_from_above()
            text, high = _words(cell), _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                add(text, high)
    add_from_above()
    return row, below


def _span(cell: LexborNode, name: str) -> int:
    raw = cell.attributes.get(name) or ""
    return min(max(int(raw), 1), 100) if raw.isdigit() else 1
