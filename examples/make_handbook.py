"""Write the PDF, DOCX and CSV of the example handbook: `python examples/make_handbook.py [folder]`.

Its Markdown and HTML pages are written by hand and lie in `handbook/` only.

Same sources, same bytes: dates and identifiers are fixed. Needs the dev dependency group (reportlab, python-docx).
"""

from __future__ import annotations

import csv
import datetime
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from handbook_source import parts

HERE = Path(__file__).parent
SOURCE = HERE / "handbook_source"
WRITTEN = datetime.datetime(2026, 3, 1, 8, 0, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Part:
    """kind: h1-h3, p, ul, ol or table; lines: the text, the items or the rows."""

    kind: str
    lines: tuple[str, ...]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_pdf(list(read(SOURCE / "fleet-operations-manual.md")), folder / "fleet-operations-manual.pdf")
    write_docx(list(read(SOURCE / "employee-handbook.md")), folder / "employee-handbook.docx")
    with (folder / "spare-parts-register.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(parts.HEADER)
        writer.writerows(parts.rows())


def read(path: Path) -> Iterator[Part]:
    """The few parts of Markdown that the sources use; a table's first row is its header."""
    for block in path.read_text("utf-8").strip().split("\n\n"):
        lines = tuple(block.split("\n"))
        first = lines[0]
        if first.startswith("#"):
            marks, _, title = first.partition(" ")
            yield Part(f"h{len(marks)}", (title,))
        elif first.startswith("|"):
            yield Part("table", lines)
        elif first.startswith("- "):
            yield Part("ul", tuple(line[2:] for line in lines))
        elif first[0].isdigit() and ". " in first[:4]:
            yield Part("ol", tuple(line.partition(". ")[2] for line in lines))
        else:
            yield Part("p", (" ".join(lines),))


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("| ").split("|")]


def write_pdf(parts: Sequence[Part], path: Path) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import SimpleDocTemplate

    title = parts[0].lines[0]

    def furniture(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(22 * mm, 285 * mm, f"Merrow Sound Ferries - {title}")
        canvas.drawRightString(188 * mm, 285 * mm, "Edition 14")
        canvas.drawCentredString(105 * mm, 12 * mm, f"Page {document.page}")

    document = SimpleDocTemplate(
        str(path),
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=25 * mm,
        bottomMargin=25 * mm,
        title=title,
        author="Merrow Sound Ferries",
        invariant=1,
    )
    document.build(list(flowables(parts)), onFirstPage=furniture, onLaterPages=furniture)


def flowables(parts: Sequence[Part]) -> Iterator[object]:
    from reportlab.lib.colors import black
    from reportlab.lib.enums import TA_LEFT
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import CondPageBreak, ListFlowable, ListItem, Paragraph, Spacer, Table

    body = ParagraphStyle("body", fontName="Helvetica", fontSize=11.5, leading=17, spaceAfter=10, alignment=TA_LEFT)
    small = ParagraphStyle("cell", parent=body, fontSize=9, leading=11.5, spaceAfter=0)
    named = ParagraphStyle("head", parent=small, fontName="Helvetica-Bold")
    heads = {
        f"h{level}": ParagraphStyle(
            f"h{level}",
            parent=body,
            fontName="Helvetica-Bold",
            fontSize=size,
            leading=size * 1.25,
            spaceBefore=size,
            spaceAfter=size * 0.6,
            keepWithNext=1,
        )
        for level, size in ((1, 24), (2, 17), (3, 13))
    }
    for part in parts:
        if part.kind in heads:
            yield Paragraph(part.lines[0], heads[part.kind])
        elif part.kind == "table":
            rows = [cells(line) for line in part.lines]
            written = [[Paragraph(cell, small if y else named) for cell in row] for y, row in enumerate(rows)]
            yield CondPageBreak(24 * len(rows) + 40)
            yield Table(
                written,
                colWidths=widths(rows, 450),
                repeatRows=1,
                style=[
                    ("GRID", (0, 0), (-1, -1), 0.5, black),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ],
            )
            yield Spacer(1, 12)
        elif part.kind in ("ul", "ol"):
            bullet = {"bulletType": "1", "bulletFormat": "%s."}
            if part.kind == "ul":
                bullet = {"bulletType": "bullet", "start": "•"}
            items = [ListItem(Paragraph(line, body), leftIndent=18) for line in part.lines]
            yield ListFlowable(items, leftIndent=18, bulletFontSize=11.5, **bullet)
        else:
            yield Paragraph(part.lines[0], body)


def widths(rows: Sequence[Sequence[str]], total: float) -> list[float]:
    """Columns as wide as their longest cell asks for, within reason, together `total` points."""
    columns = list(zip(*rows, strict=True))
    # Letters of 9 points are about 5 wide; no word may be broken.
    least = [max(len(word) for cell in column for word in cell.split()) * 5.6 + 14 for column in columns]
    wanted = [min(max(len(cell) for cell in column), 34) for column in columns]
    spare = total - sum(least)
    return [low + spare * share / sum(wanted) for low, share in zip(least, wanted, strict=True)]


def write_docx(parts: Sequence[Part], path: Path) -> None:
    import docx

    document = docx.Document()
    core = document.core_properties
    core.title, core.author, core.comments = parts[0].lines[0], "Merrow Sound Ferries", ""
    core.created = core.modified = WRITTEN.replace(tzinfo=None)
    for part in parts:
        if part.kind == "h1":
            document.add_heading(part.lines[0], 0)
        elif part.kind.startswith("h"):
            document.add_heading(part.lines[0], int(part.kind[1]) - 1)
        elif part.kind == "table":
            rows = [cells(line) for line in part.lines]
            table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
            for y, row in enumerate(rows):
                for x, text in enumerate(row):
                    table.cell(y, x).text = text
            document.add_paragraph()
        elif part.kind in ("ul", "ol"):
            for line in part.lines:
                document.add_paragraph(line, style="List Bullet" if part.kind == "ul" else "List Number")
        else:
            document.add_paragraph(part.lines[0])
    buffer = io.BytesIO()
    document.save(buffer)
    path.write_bytes(without_dates(buffer.getvalue()))


def without_dates(archive: bytes) -> bytes:
    """The same ZIP with its members in order of name and all of one date."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist()):
            info = zipfile.ZipInfo(name, (2026, 3, 1, 8, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return out.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "handbook")
