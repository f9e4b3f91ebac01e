"""`dataforge projects`: what is there."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.tables import json_option, show, show_json


@click.command("projects")
@place_options
@json_option
def command(as_json: bool, place: Place) -> None:
    """List projects with their counts."""
    with connect(place) as forge:
        found = forge.list_projects()
    if as_json:
        show_json([p.raw for p in found])
        return
    show(
        {
            "PROJECT": [p.project_id for p in found],
            "NAME": [p.name for p in found],
            "DOCUMENTS": [p.stats.total_documents for p in found],
            "CHUNKS": [p.stats.total_chunks for p in found],
            "PAIRS": [p.stats.total_pairs for p in found],
            "ACCEPTED": [p.stats.accepted_pairs for p in found],
            "VERSIONS": [p.current_version for p in found],
            "CREATED": [p.created_at for p in found],
        }
    )
