"""Word documents, read from their XML: headings, lists, tables with merged cells, text boxes, notes, code."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dataforge.errors import Unreadable
from dataforge.parsing import assemble, docx_styles
from dataforge.parsing.assemble import Item, Piece
from dataforge.parsing.docx_styles import MC, M, Styles, W
from dataforge.records import ParsedDocument

Element: TypeAlias = Any  # lxml's element; its stubs are not installed

_MOST_BYTES = 256 * 2**20
_MOST_PARTS = 20_000
_PARTS = (
    "word/document.xml",
    "word/styles.xml",
    "word/numbering.xml",
    "word/footnotes.xml",
    "word/endnotes.xml",
    "docProps/core.xml",
)


def read(data: bytes) -> ParsedDocument:
    """Raises Unreadable: corrupted, encrypted, too_large (what the archive unfolds to), empty."""
    parts = _unzip(data)
    if "word/document.xml" not in parts:
        raise Unreadable("The Word file has no document inside. Save it again from Word.", reason="corrupted")
    document = _xml(parts["word/document.xml"])
    styles = docx_styles.load(
        _xml(parts["word/styles.xml"]) if "word/styles.xml" in parts else None,
        _xml(parts["word/numbering.xml"]) if "word/numbering.xml" in parts else None,
    )
    notes: dict[str, Element] = {}
    for kind in ("footnote", "endnote"):
        if part := parts.get(f"word/{kind}s.xml"):
            notes |= {kind + note.get(W + "id", ""): note for note in _xml(part).iter(W + kind)}
    body = document.find(W + "body")
    pieces = list(_Walk(styles, notes).run(body)) if body is not None else []
    return assemble.assemble(_one_title(pieces), title=_core_title(parts))


def _unzip(data: bytes) -> dict[str, bytes]:
    """Only the parts that are read, each measured while it is inflated: a header may lie about its size."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > _MOST_PARTS or sum(info.file_size for info in infos) > 4 * _MOST_BYTES:
                raise _too_large()
            wanted = [info for info in infos if info.filename.replace("\\", "/").lstrip("/") in _PARTS]
            if any(info.flag_bits & 1 for info in wanted):
                raise Unreadable(
                    "The Word file is password-protected. Remove the password and upload it again.", reason="encrypted"
                )
            out: dict[str, bytes] = {}
            budget = _MOST_BYTES
            for info in wanted:
                with archive.open(info) as part:
                    content = part.read(budget + 1)
                budget -= len(content)
                if budget < 0:
                    raise _too_large()
                out[info.filename.replace("\\", "/").lstrip("/")] = content
            return out
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise Unreadable(
            "The Word file is damaged or cut short. Open and save it again in Word, then upload it.", reason="corrupted"
        ) from error
    except Exception as error:  # zlib.error is not an OSError
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("The Word file is damaged: its archive cannot be unpacked.", reason="corrupted") from error


def _too_large() -> Unreadable:
    return Unreadable(
        f"The Word file unfolds to more than {_MOST_BYTES // 2**20} MiB of text. Split it and upload the parts.",
        reason="too_large",
    )


def _xml(part: bytes) -> Element:
    from lxml import etree

    if b"<!DOCTYPE" in part[:4096] or b"<!ENTITY" in part:
        raise Unreadable("The Word file declares XML entities, which Word never writes.", reason="corrupted")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(part, parser)
    except etree.XMLSyntaxError as error:
        deep = "depth" in str(error) or "huge" in str(error).lower()
        raise Unreadable(
            f"The Word file's XML cannot be read ({error.msg}). Open and save it again in Word.",
            reason="too_complex" if deep else "corrupted",
        ) from error


def _core_title(parts: dict[str, bytes]) -> str | None:
    if not (core := parts.get("docProps/core.xml")):
        return None
    found = _xml(core).find("{http://purl.org/dc/elements/1.1/}title")
    return found.text if found is not None else None


def _one_title(pieces: list[Piece]) -> Iterator[Piece]:
    """Where a Title (level 0 here) stands above, the numbered headings move down one level."""
    titled = any(piece.kind == "heading" and piece.level == 0 for piece in pieces)
    for piece in pieces:
        if piece.kind == "heading":
            level = 1 if piece.level == 0 else (piece.level or 1) + titled
            yield from assemble.heading(piece.text, level)
        else:
            yield piece


@dataclass(slots=True)
class _Text:
    """What a paragraph says, and what hangs on it."""

    words: list[str] = field(default_factory=list)
    boxes: list[Element] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Walk:
    """One pass over a body; list items and code lines gather until another kind of paragraph comes."""

    def __init__(self, styles: Styles, notes: dict[str, Element]) -> None:
        self._styles, self._notes = styles, notes
        self._items: list[Item] = []
        self._code: list[str] = []
        self._counters: Counter[tuple[str, int]] = Counter()

    def run(self, body: Element) -> Iterator[Piece]:
        yield from self._blocks(body)
        yield from self._flush()

    def _blocks(self, parent: Element) -> Iterator[Piece]:
        for child in parent:
            tag = child.tag
            if tag == W + "p":
                yield from self._paragraph(child)
            elif tag == W + "tbl":
                yield from self._flush()
                yield from self._table(child)
            elif tag in (W + "sdt", W + "sdtContent", W + "ins", W + "moveTo", W + "customXml", W + "smartTag"):
                yield from self._blocks(child)
            elif tag == MC + "AlternateContent":
                yield from self._blocks(_choice(child))

    def _flush(self) -> Iterator[Piece]:
        items, self._items = self._items, []
        code, self._code = self._code, []
        yield from assemble.listing(items)
        yield from assemble.code("\n".join(code))

    def _paragraph(self, node: Element) -> Iterator[Piece]:
        style = self._styles.of(node)
        if style.is_contents:
            return
        found = _Text()
        _collect(node, found)
        text = "".join(found.words)
        if style.is_code:
            if self._items:
                yield from self._flush()
            self._code.append(text)
        elif style.heading is not None and text.strip():
            yield from self._flush()
            yield Piece("heading", text, style.heading)
        elif style.list_id is not None and text.strip():
            if self._code:
                yield from self._flush()
            self._items.append(Item(style.depth, self._marker(style.list_id, style.depth), text))
        elif text.strip():
            yield from self._flush()
            yield from assemble.paragraph(text)
        yield from self._hanging(found)

    def _hanging(self, found: _Text) -> Iterator[Piece]:
        if found.boxes:
            yield from self._flush()
            for box in found.boxes:
                yield from self.run(box)
        notes = [self._notes[key] for key in found.notes if key in self._notes]
        if notes:
            yield from self._flush()
            for note in notes:
                yield from _Walk(self._styles, {}).run(note)

    def _marker(self, list_id: str, depth: int) -> str:
        for deeper in [key for key in self._counters if key[0] == list_id and key[1] > depth]:
            del self._counters[deeper]
        self._counters[list_id, depth] += 1
        if not self._styles.is_numbered(list_id, depth):
            return "-"
        return f"{self._counters[list_id, depth] - 1 + self._styles.start(list_id, depth)}."

    def _table(self, node: Element) -> Iterator[Piece]:
        rows = list(_rows(node))
        if len(rows) == 1 and len(rows[0]) == 1:  # a frame around ordinary content
            yield from self.run(rows[0][0])
            return
        written: list[list[str]] = []
        for row in rows:
            line: list[str] = []
            for cell in row:
                merge = cell.find(f"{W}tcPr/{W}vMerge")
                continued = merge is not None and merge.get(W + "val", "continue") == "continue"
                above = written[-1] if written else []
                text = above[len(line)] if continued and len(line) < len(above) else self._cell(cell)
                line += [text] * docx_styles.span(cell)
            written.append(line)
        yield from assemble.table(written)

    def _cell(self, cell: Element) -> str:
        parts = []
        for piece in _Walk(self._styles, self._notes).run(cell):
            lines = [line for line in piece.text.split("\n") if not re.fullmatch(r"[|\s-]*|`{3,}\w*", line)]
            if piece.kind == "table":  # a table in a cell: its rows one after the other
                lines = [", ".join(part for part in line.strip("| ").split(" | ") if part) + ";" for line in lines]
            parts += lines
        return " ".join(parts).removesuffix(";")


def _choice(alternate: Element) -> Element:
    """Word writes shapes twice, for new and old readers; both hold the same text."""
    found = alternate.find(MC + "Choice")
    return found if found is not None else alternate.find(MC + "Fallback") if len(alternate) else alternate


def _rows(table: Element) -> Iterator[list[Element]]:
    for row in table.iter(W + "tr"):
        holder = row.getparent()
        while holder is not None and holder.tag != W + "tbl":
            holder = holder.getparent()
        if holder is table:
            yield [cell for child in row for cell in ([child] if child.tag == W + "tc" else child.iter(W + "tc"))]


_BREAKS = {W + "tab": " ", W + "br": "\n", W + "cr": "\n", W + "noBreakHyphen": "-"}
_SKIPPED = frozenset((W + "del", W + "moveFrom", W + "pPr", W + "rPr", W + "instrText", W + "delText"))


def _collect(node: Element, found: _Text) -> None:
    for child in node:
        tag = child.tag
        if tag in (W + "t", M + "t"):
            found.words.append(child.text or "")
        elif tag in _BREAKS:
            found.words.append(_BREAKS[tag])
        elif tag == W + "txbxContent":
            found.boxes.append(child)
        elif tag == MC + "AlternateContent":
            _collect(_choice(child), found)
        elif tag in (W + "footnoteReference", W + "endnoteReference"):
            kind = "footnote" if tag == W + "footnoteReference" else "endnote"
            found.notes.append(kind + child.get(W + "id", ""))
        elif tag not in _SKIPPED and isinstance(tag, str):
            _collect(child, found)
