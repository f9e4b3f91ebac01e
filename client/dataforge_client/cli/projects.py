"""`dataforge projects`: list the projects."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.tables import json_option, print_json, print_table


@click.command("projects")
@connection_options
@json_option
def command(as_json: bool, connection: ConnectionOptions) -> None:
    """List projects with their counts."""
    with connect(connection) as forge:
        projects = forge.list_projects()
    if as_json:
        print_json([p.raw for p in projects])
        return
    print_table(
        {
            "PROJECT": [p.project_id for p in projects],
            "NAME": [p.name for p in projects],
            "DOCUMENTS": [p.stats.total_documents for p in projects],
            "CHUNKS": [p.stats.total_chunks for p in projects],
            "PAIRS": [p.stats.total_pairs for p in projects],
            "ACCEPTED": [p.stats.accepted_pairs for p in projects],
            "VERSIONS": [p.current_version for p in projects],
            "CREATED": [p.created_at for p in projects],
        }
    )
