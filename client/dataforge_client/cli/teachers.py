"""`dataforge teachers`: the teachers that the server can use."""

from __future__ import annotations

from dataclasses import asdict

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.tables import json_option, print_json, print_table


@click.command("teachers")
@connection_options
@json_option
def command(as_json: bool, connection: ConnectionOptions) -> None:
    """List the teachers that the server can use."""
    with connect(connection) as forge:
        teachers = forge.available_models()
    if as_json:
        print_json([asdict(m) for m in teachers])
        return
    print_table(
        {
            "TEACHER": [m.id for m in teachers],
            "NAME": [m.name for m in teachers],
            "PROVIDER": [m.provider for m in teachers],
        }
    )
