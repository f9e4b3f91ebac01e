"""`dataforge logs`: what a job says."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.tables import json_option, show_json


@click.command("logs")
@click.argument("generation_id")
@click.option("--tail", type=click.IntRange(1, 10_000), metavar="N", help="Only the last N lines.")
@place_options
@json_option
def command(generation_id: str, tail: int | None, as_json: bool, place: Place) -> None:
    """Print the log of a parse or generate job, also while it runs."""
    with connect(place) as forge:
        lines = forge.get_generation_logs(generation_id, tail=tail)
    if as_json:
        show_json([
            {"timestamp": x.timestamp, "level": x.level, "stage": x.stage, "message": x.message} for x in lines
        ])
        return
    for line in lines:
        click.echo(f"{line.timestamp}  {line.level:<7} {line.stage:<11} {line.message}")
