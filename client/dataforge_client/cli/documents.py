"""`dataforge documents` and `dataforge chunks`: what a project was given, and what it was cut into."""

from __future__ import annotations

from itertools import islice

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.formatting import size
from dataforge_client.cli.tables import json_option, print_json, print_table


@click.command("documents")
@click.argument("project")
@connection_options
@json_option
def command(as_json: bool, project: str, connection: ConnectionOptions) -> None:
    """List the documents of a project, by id or name, with the reason of each that failed."""
    with connect(connection) as forge:
        found = forge.list_documents(find_project(forge, project))
    if as_json:
        print_json([d.raw for d in found])
        return
    print_table(
        {
            "DOCUMENT": [d.document_id for d in found],
            "NAME": [d.url or d.name for d in found],
            "STATE": [d.parsing_status for d in found],
            "CHUNKS": [d.chunk_count for d in found],
            "SIZE": [size(d.file_size) for d in found],
            "ERROR": [f"{d.error.reason}: {d.error.message}" if d.error else "" for d in found],
        }
    )


@click.command("chunks")
@click.argument("project")
@click.option("--document", "document_id", metavar="ID", help="Only chunks of this document.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Number of chunks to list.")
@connection_options
@json_option
def chunks(as_json: bool, project: str, document_id: str | None, limit: int, connection: ConnectionOptions) -> None:
    """List the chunks of a project, by id or name, in the order of its documents."""
    with connect(connection) as forge:
        found = list(islice(forge.iter_chunks(find_project(forge, project), document_id=document_id), limit))
    if as_json:
        print_json([c.raw for c in found])
        return
    print_table(
        {
            "CHUNK": [c.chunk_id for c in found],
            "PAGE": [c.page_number for c in found],
            "TOKENS": [c.token_count for c in found],
            "PAIRS": [c.pairs_generated for c in found],
            "USED": ["no" if c.excluded else "yes" for c in found],
            "HEADING": [c.heading or "" for c in found],
            "TEXT": [c.content for c in found],
        }
    )
