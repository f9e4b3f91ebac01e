"""`dataforge logs`: the log of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import refuse_job
from dataforge_client.cli.formatting import time_text
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo, echo_json

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.events import RunEvent
    from dataforge_client.models import LogLine


@click.command("logs")
@click.argument("generation_id")
@click.option("--tail", type=click.IntRange(1, 10_000), metavar="N", help="Only the last N lines.")
@click.option("--follow", "-f", is_flag=True, help="Continue until the job ends; progress goes to stderr.")
@connection_options
@json_option
def command(generation_id: str, tail: int | None, follow: bool, as_json: bool, connection: ConnectionOptions) -> None:
    """Print the log of a parse or generate job, also while it is running.

    With --follow --json every event, including progress, is one JSON object per line.
    """
    if follow and tail is not None:
        raise click.UsageError("--follow prints every line from the first: use either --follow or --tail.")
    refuse_job(generation_id)
    with connect(connection) as forge:
        if follow:
            _follow(forge, generation_id, as_json=as_json)
            return
        lines = forge.get_generation_logs(generation_id, tail=tail)
    if as_json:
        print_json([line.raw for line in lines])
        return
    for line in lines:
        echo(_line_text(line))


def _follow(forge: DataForge, generation_id: str, *, as_json: bool) -> None:
    from dataforge_client.cli.job_progress import update_of_event
    from dataforge_client.cli.progress import LineReporter

    progress = LineReporter()
    for event in forge.follow(generation_id):
        if as_json:
            echo_json(event.raw)
        elif event.type == "log":
            echo(_line_text(event))
        else:
            progress.update(update_of_event(event))


def _line_text(line: LogLine | RunEvent) -> str:
    return f"{time_text(line.timestamp)}  {line.level or '':<7} {line.stage:<11} {line.message or ''}"
