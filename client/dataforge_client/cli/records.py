"""`dataforge records`: what a job delivered, rejected or failed, as JSON lines."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import click

from dataforge_client.cli.connection import Place, connect, place_options

OUTCOMES = ("delivered", "rejected", "failed")


@click.command("records")
@click.argument("generation_id")
@click.option(
    "--outcome",
    type=click.Choice(OUTCOMES),
    default="delivered",
    show_default=True,
    help="What became of what was asked for.",
)
@click.option("--out", default="-", show_default=True, metavar="FILE", help="Where to write; - for stdout.")
@place_options
def command(generation_id: str, outcome: str, out: str, place: Place) -> None:
    """Write every slot of a finished job that ended in this way, one JSON object a line.

    Each has its document, chunk, teacher, cost and, unless delivered, its reasons.
    """
    with connect(place) as forge, tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "records.jsonl") if out == "-" else Path(out)
        lines = forge.download_outcome(generation_id, outcome, path)
        if out == "-":
            with path.open("rb") as found:
                shutil.copyfileobj(found, sys.stdout.buffer)
            sys.stdout.flush()
    click.echo(f"{lines:,} {outcome}", err=True)
