"""PDF: layout blocks from liteparse, checked page by page against pdfium's plain text.

Where liteparse lost words that pdfium sees, the page is taken from pdfium; pages with neither are pictures.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from dataforge.errors import Unreadable
from dataforge.parsing import assemble, pdf_layout, text
from dataforge.parsing.assemble import Piece
from dataforge.records import ParsedDocument

if TYPE_CHECKING:
    from liteparse import ParsedPage

_MOST_PAGES = 5_000
_MOST_PAGE_CHARACTERS = 400_000
_KEPT = 0.85
"""Least share of pdfium's long words that the layout reading must hold."""

_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE_END = re.compile(r"[.!?][\"”’)]*(?=\s)")
_NO_TITLE = re.compile(
    r"^\W*+(?:anonymous|untitled|unspecified|powerpoint presentation|slide 1|document\d*)?\W*+$", re.I
)
_PROGRAM = re.compile(r"^Microsoft (?:Word|PowerPoint|Excel) - ")
_DIGITS = re.compile(r"\d+")


def read(data: bytes) -> ParsedDocument:
    """Raises Unreadable: encrypted, corrupted, no_text (a scan), too_large, too_complex."""
    plain, title = _plain_pages(data)
    furniture = _furniture(plain)
    layout = _layout_pages(data)
    levels = pdf_layout.levels(list(layout.values()))
    pages: list[list[Piece]] = []
    bare: list[int] = []
    for number, words in enumerate(plain, 1):
        body = "\n".join(line for line in words.split("\n") if _shape(line) not in furniture)
        found = pdf_layout.pieces(layout[number], levels) if number in layout else iter(())
        pieces = [piece for piece in found if _shape(piece.text.lstrip("# ")) not in furniture]
        if _loses(pieces, body):
            pieces = [piece for group in re.split(r"\n\s*\n", body) for piece in _paragraph(group, number)]
        if not pieces:
            bare.append(number)
        pages.append(pieces)
    if len(bare) == len(plain):
        raise Unreadable(
            f"None of the PDF's pages ({_ranges(bare)}) holds text: it is a scan or a set of pictures. Run OCR on it "
            "(for example with OCRmyPDF or your scanner's software) and upload the result.",
            reason="no_text",
        )
    warnings = [f"No text on page {_ranges(bare)} (a picture or a blank page): left out."] if bare else []
    return assemble.assemble(_joined(pages), pages=len(plain), title=title, warnings=warnings)


def _plain_pages(data: bytes) -> tuple[list[str], str | None]:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise Unreadable(
                "The PDF is password-protected. Remove the password and upload it again.", reason="encrypted"
            ) from error
        raise Unreadable(
            "The PDF is damaged and cannot be opened. Export it again from its source and upload it.",
            reason="corrupted",
        ) from error
    with document:
        if len(document) == 0:
            raise Unreadable("The PDF has no pages. Export it again from its source.", reason="corrupted")
        if len(document) > _MOST_PAGES:
            raise Unreadable(
                f"The PDF has {len(document):,} pages, more than {_MOST_PAGES:,}. Split it and upload the parts.",
                reason="too_large",
            )
        pages = [_plain_page(document, index) for index in range(len(document))]
        return pages, _title(document.get_metadata_dict().get("Title") or "")


def _title(written: str) -> str | None:
    """What the file calls itself, unless that is a program's filler."""
    title = _PROGRAM.sub("", assemble.one_line(written))
    return None if _NO_TITLE.match(title) else title


def _plain_page(document: object, index: int) -> str:
    import pypdfium2

    try:
        page = document[index]  # type: ignore[index]
        layer = page.get_textpage()
    except pypdfium2.PdfiumError:  # one broken page must not cost the others
        return ""
    try:
        if layer.count_chars() > _MOST_PAGE_CHARACTERS:
            raise Unreadable(
                f"Page {index + 1} holds more than {_MOST_PAGE_CHARACTERS:,} characters, which no page that people "
                "read does. Export the document again from its source.",
                reason="too_complex",
            )
        return assemble.clean(layer.get_text_range())
    finally:
        layer.close()
        page.close()


def _layout_pages(data: bytes) -> dict[int, ParsedPage]:
    """Page number -> page with its blocks in reading order; empty when liteparse cannot read what pdfium can."""
    from liteparse import LiteParse, ParseError

    parser = LiteParse(
        ocr_enabled=False,
        output_format="markdown",
        image_mode="off",
        extract_links=False,
        extract_blocks=True,
        continue_on_page_error=True,
        quiet=True,
        num_workers=1,
        max_pages=_MOST_PAGES,
    )
    try:
        return {page.page_num: page for page in parser.parse(data).pages}
    except ParseError:
        return {}


def _shape(line: str) -> str:
    """A line without its numbers: `Page 3 of 12` and `Page 4 of 12` are the same furniture."""
    return _DIGITS.sub("#", " ".join(line.split())).casefold()


def _furniture(pages: Sequence[str]) -> set[str]:
    """Shapes of the two first and two last lines that keep coming back: running headers and footers.

    A third of the pages is enough, since left and right pages often differ.
    """
    if len(pages) < 3:
        return set()
    seen: Counter[str] = Counter()
    for page in pages:
        lines = [line for line in page.split("\n") if line.strip()]
        seen.update({_shape(line) for line in (*lines[:2], *lines[-2:])})
    return {shape for shape, times in seen.items() if times > max(2, len(pages) * 0.35) and len(shape) <= 120}


def _loses(pieces: Sequence[Piece], body: str) -> bool:
    wanted = Counter(word.casefold() for word in _WORD.findall(body))
    if not wanted:
        return not pieces and bool(body.strip())
    held = Counter(word.casefold() for piece in pieces for word in _WORD.findall(piece.text))
    return (wanted & held).total() < wanted.total() * _KEPT


def _paragraph(group: str, page: int) -> Iterator[Piece]:
    yield from assemble.paragraph(text.unwrap(group.split("\n")), page)


def _joined(pages: Sequence[Sequence[Piece]]) -> Iterator[Piece]:
    """A sentence that a page break cut in two is whole again, on the page it begins on."""
    held: Piece | None = None
    for piece in (piece for page in pages for piece in page):
        rest: Piece | None = piece
        if held is not None and _goes_on(held, piece):
            end = _SENTENCE_END.search(piece.text)
            cut = end.end() if end else len(piece.text)
            held = replace(held, text=pdf_layout.seam(held.text, piece.text[:cut].strip()))
            rest = replace(piece, text=piece.text[cut:]) if piece.text[cut:].strip() else None
        if rest is not None:
            if held is not None:
                yield held
            held = rest
    if held is not None:
        yield held


def _goes_on(above: Piece, below: Piece) -> bool:
    if above.kind != "paragraph" or below.kind != "paragraph" or above.page == below.page:
        return False
    return above.text[-1] not in '.!?:;"”)]' and len(above.text) > 40 and below.text[0].islower()


def _ranges(numbers: Sequence[int]) -> str:
    """[1, 2, 3, 7] -> `1-3, 7`."""
    out: list[list[int]] = []
    for number in numbers:
        if out and number == out[-1][1] + 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)
