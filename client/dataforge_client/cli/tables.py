"""Tables on stdout: columns on a terminal, tab-separated in a pipe; or JSON."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

import click

from dataforge_client.cli.formatting import time_text
from dataforge_client.cli.terminal import echo, echo_json, visible

MAX_WIDTH = 60
"""Of a column with text, also on a wide terminal."""
LEAST_WIDTH = 8
"""To which a column with text is cut before the rows are broken into two lines."""
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API returns it.")

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2})[\d:.]*(?:Z|[+-]00:00)")
_WHOLE = re.compile(r"[a-z]+_[0-9a-z][0-9a-z_]{7,}|\d{4}-\d{2}-\d{2} \d{2}:\d{2}|[-+$]?[\d,.]+%?(?: of [\d,.]+)?")
"""An id, a time or a number: it would be another one if it were cut."""


def print_table(columns: Mapping[str, Sequence[object]]) -> None:
    """columns: heading -> cells; all columns have the same length. The first column says which row it is.

    On a terminal the table fits its width: texts are cut, never an id, a number or a time. Where that is not enough, a
    row takes several lines.
    """
    cells = {name: [_cell(v) for v in column] for name, column in columns.items()}
    if not sys.stdout.isatty():
        for row in zip(*cells.values(), strict=True):
            echo("\t".join(row))
        return
    for line in table_lines(cells, shutil.get_terminal_size((80, 24)).columns):
        echo(line)


def table_lines(cells: Mapping[str, Sequence[str]], width: int) -> list[str]:
    """The lines of the table, headings first, none wider than `width` unless an id alone is."""
    columns = [_Column(name, [_TIME.sub(r"\1 \2", text) for text in column]) for name, column in cells.items()]
    groups = [columns] if _least(columns) <= width else [columns[:1], *_groups(columns[1:], width - 2)]
    blocks = [_rows(group, width - 2 * (n > 0)) for n, group in enumerate(groups)]
    return [f"{'  ' * (n > 0)}{line}" for row in zip(*blocks, strict=True) for n, line in enumerate(row)]


def print_json(value: object) -> None:
    echo_json(value, indent=2)


class _Column:
    """rows: the heading and the cells. least: the width to which it can be cut."""

    def __init__(self, name: str, cells: Sequence[str]) -> None:
        self.rows = [name, *cells]
        self.width = self.least = max(map(_width, self.rows))
        whole = [text for text in cells if _WHOLE.fullmatch(text)]
        if len(whole) < sum(map(bool, cells)):
            longest = max(map(_width, [name, *whole]))
            self.width = max(longest, min(self.width, MAX_WIDTH))
            self.least = min(self.width, max(LEAST_WIDTH, longest))


def _least(columns: Sequence[_Column]) -> int:
    return sum(c.least for c in columns) + 2 * (len(columns) - 1)


def _groups(columns: Sequence[_Column], width: int) -> list[list[_Column]]:
    """The columns in order, as many in each group as a line holds."""
    groups: list[list[_Column]] = []
    for column in columns:
        if groups and _least([*groups[-1], column]) <= width:
            groups[-1].append(column)
        else:
            groups.append([column])
    return groups


def _rows(columns: Sequence[_Column], width: int) -> list[str]:
    """The rows as lines; the widest texts are cut first."""
    widths = [c.width for c in columns]
    spare = max(width, _least(columns)) - 2 * (len(columns) - 1)
    while sum(widths) > spare:
        widest = max((w, n) for n, w in enumerate(widths) if w > columns[n].least)[1]
        widths[widest] -= 1
    rows = zip(*(c.rows for c in columns), strict=True)
    return ["  ".join(_pad(_cut(t, w), w) for t, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return time_text(value)
    return "" if value is None else visible(" ".join(str(value).split()))


def _width(text: str) -> int:
    """Columns of a terminal: Chinese, Japanese and Korean characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    while _width(text) > width - 1:
        text = text[:-1]
    return text + "…"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
