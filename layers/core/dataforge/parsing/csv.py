"""Delimited text: the delimiter and the header row are found out, and the rows become pipe tables."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from itertools import islice

from dataforge.errors import Unreadable
from dataforge.parsing import assemble
from dataforge.parsing.encoding import decode
from dataforge.records import ParsedDocument

_DELIMITERS = (",", ";", "\t", "|")
_NUMBER = re.compile(r"^[-+]?[.,\s]*+\d[\d.,\s]*+%?$|^\d{4}-\d\d-\d\d")
_LONGEST_CELL = 1_000_000


def read(data: bytes) -> ParsedDocument:
    """Raises Unreadable (corrupted) when the quoting cannot be followed."""
    text = decode(data).replace("\0", "")
    csv.field_size_limit(_LONGEST_CELL)
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text)) if any(row)]
    except csv.Error as error:
        raise Unreadable(
            f"The CSV file could not be read as a table ({error}). Save it again as CSV with quoted cells.",
            reason="corrupted",
        ) from error
    if rows and not has_header(rows):
        width = max(len(row) for row in rows)
        rows.insert(0, [f"Column {n}" for n in range(1, width + 1)])
    return assemble.assemble(assemble.table(rows))


def delimiter(text: str) -> str:
    """The one that splits the first 50 rows into the most equal number of cells."""
    best, best_score = ",", 0.0
    for candidate in _DELIMITERS:
        try:
            sample = list(islice(csv.reader(io.StringIO(text[:100_000], newline=""), delimiter=candidate), 50))
        except csv.Error:
            continue
        widths = Counter(len(row) for row in sample if row)
        if not widths:
            continue
        width, rows = widths.most_common(1)[0]
        score = rows / sum(widths.values()) * (1 + min(width, 20) / 100) if width > 1 else 0.0
        if score > best_score:
            best, best_score = candidate, score
    return best


def has_header(rows: list[list[str]]) -> bool:
    """A header names things: no numbers, no blanks but a trailing one, no two alike."""
    first = [cell.strip() for cell in rows[0]]
    named = [cell for cell in first if cell]
    if len(rows) < 2 or len(named) < max(1, len(first) - 1):
        return False
    return not any(_NUMBER.match(cell) for cell in named) and len(set(named)) == len(named)
