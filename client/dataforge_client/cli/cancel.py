"""`dataforge cancel`: stop a job; its pairs are kept."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.terminal import echo


@click.command("cancel")
@click.argument("generation_id")
@connection_options
def command(generation_id: str, connection: ConnectionOptions) -> None:
    """Stop a running job. Its pairs are kept."""
    with connect(connection) as forge:
        cancelled = forge.cancel_generation(generation_id)
    echo(f"{cancelled.generation_id} {cancelled.status}", err=True)
