"""`dataforge logs`: what a job says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.bars import Lines
from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.tables import json_option, show_json

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.events import RunEvent
    from dataforge_client.models import LogLine


@click.command("logs")
@click.argument("generation_id")
@click.option("--tail", type=click.IntRange(1, 10_000), metavar="N", help="Only the last N lines.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the job ends; progress goes to stderr.")
@place_options
@json_option
def command(generation_id: str, tail: int | None, follow: bool, as_json: bool, place: Place) -> None:
    """Print the log of a parse or generate job, also while it runs.

    With --follow --json every event is one JSON object a line, progress too.
    """
    if follow and tail is not None:
        raise click.UsageError("--follow prints every line from the first; choose it or --tail.")
    with connect(place) as forge:
        if follow:
            _follow(forge, generation_id, as_json=as_json)
            return
        lines = forge.get_generation_logs(generation_id, tail=tail)
    if as_json:
        show_json([{"timestamp": x.timestamp, "level": x.level, "stage": x.stage, "message": x.message} for x in lines])
        return
    for line in lines:
        click.echo(_text(line))


def _follow(forge: DataForge, generation_id: str, *, as_json: bool) -> None:
    from dataforge_client.cli.watch import step_of

    progress = Lines()
    for event in forge.follow(generation_id):
        if as_json:
            click.echo(json.dumps(event.raw, ensure_ascii=False))
        elif event.type == "log":
            click.echo(_text(event))
        else:
            progress.step(step_of(event))


def _text(line: LogLine | RunEvent) -> str:
    return f"{line.timestamp}  {line.level or '':<7} {line.stage:<11} {line.message or ''}"
