"""`dataforge models`: the teachers that the server can run."""

from __future__ import annotations

from dataclasses import asdict

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.tables import json_option, show, show_json


@click.command("models")
@place_options
@json_option
def command(as_json: bool, place: Place) -> None:
    """List the teachers that can be used."""
    with connect(place) as forge:
        found = forge.available_models()
    if as_json:
        show_json([asdict(m) for m in found])
        return
    show({"TEACHER": [m.id for m in found], "NAME": [m.name for m in found], "PROVIDER": [m.provider for m in found]})
