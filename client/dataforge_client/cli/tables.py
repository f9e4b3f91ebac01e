"""Tables on stdout: columns on a terminal, tab-separated in a pipe; or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import click

MAX_WIDTH = 60
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the API returns it.")


def print_table(columns: Mapping[str, Sequence[object]]) -> None:
    """columns: heading -> cells; all columns have the same length."""
    cells = {name: ["" if v is None else " ".join(str(v).split()) for v in column] for name, column in columns.items()}
    if not sys.stdout.isatty():
        for row in zip(*cells.values(), strict=True):
            click.echo("\t".join(row))
        return
    short = {name: [_cut(v) for v in column] for name, column in cells.items()}
    widths = [max(len(name), *(len(v) for v in column), 0) for name, column in short.items()]
    for row in (tuple(short), *zip(*short.values(), strict=True)):
        click.echo("  ".join(v.ljust(w) for v, w in zip(row, widths, strict=True)).rstrip())


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_WIDTH else text[: MAX_WIDTH - 1] + "…"
