"""`dataforge records`: the delivered, rejected or failed slots of a job, as JSON lines."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.terminal import copy_to_stdout, echo

OUTCOMES = ("delivered", "rejected", "failed")


@click.command("records")
@click.argument("generation_id")
@click.option(
    "--outcome",
    type=click.Choice(OUTCOMES),
    default="delivered",
    show_default=True,
    help="Outcome of the slots to write.",
)
@click.option("--out", default="-", show_default=True, metavar="FILE", help="Where to write; - for stdout.")
@connection_options
def command(generation_id: str, outcome: str, out: str, connection: ConnectionOptions) -> None:
    """Write the slots of a finished job with this outcome, one JSON object per line.

    Each has its document, chunk, teacher and cost; rejected and failed slots also have their reasons.
    """
    with connect(connection) as forge, tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "records.jsonl") if out == "-" else Path(out)
        lines = forge.download_outcome(generation_id, outcome, path)
        if out == "-":
            copy_to_stdout(path)
    echo(f"{lines:,} {outcome}", err=True)
