"""`dataforge records`: the delivered, rejected or failed slots of a job, as JSON lines."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.jobs import is_job
from dataforge_client.cli.terminal import copy_to_stdout, echo, echo_json

if TYPE_CHECKING:
    from dataforge_client.literals import Outcome

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
@click.option("--json", "as_json", is_flag=True, help="With --out FILE, print what was written as JSON.")
@connection_options
def command(generation_id: str, outcome: Outcome, out: str, as_json: bool, connection: ConnectionOptions) -> None:
    """Write the slots of a finished job with this outcome, one JSON object per line.

    Each has its teacher and cost, of a run over documents also its document and chunk; rejected and failed slots have
    their reasons, failed ones also the start of what the model wrote. GENERATION_ID: of a run or of a synthetic job.
    """
    with connect(connection) as forge, tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "records.jsonl") if out == "-" else Path(out)
        download = forge.download_synthetic_outcome if is_job(generation_id) else forge.download_outcome
        lines = download(generation_id, outcome, path)
        if out == "-":
            copy_to_stdout(path)
    if as_json and out != "-":
        echo_json({"generation_id": generation_id, "outcome": outcome, "lines": lines, "out": str(path.absolute())})
        return
    echo(f"{lines:,} {outcome}", err=True)
