"""`dataforge cancel`: stop a job; what it has made stays."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import Place, connect, place_options


@click.command("cancel")
@click.argument("generation_id")
@place_options
def command(generation_id: str, place: Place) -> None:
    """Stop a running job. The pairs it has made are kept."""
    with connect(place) as forge:
        done = forge.cancel_generation(generation_id)
    click.echo(f"{done.generation_id} {done.status}", err=True)
