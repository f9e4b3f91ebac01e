"""`dataforge projects`: list, create, show and delete projects."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.formatting import time_text
from dataforge_client.cli.groups import DefaultGroup
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import confirm, echo


@click.group("projects", cls=DefaultGroup, default="list")
def command() -> None:
    """List, create, show and delete projects; without a word after it, list."""


@command.command("list")
@connection_options
@json_option
def list_(as_json: bool, connection: ConnectionOptions) -> None:
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


@command.command("create")
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for.")
@connection_options
@json_option
def create(as_json: bool, name: str, description: str | None, connection: ConnectionOptions) -> None:
    """Create a project and print its id."""
    with connect(connection) as forge:
        project = forge.create_project(name, description=description)
    if as_json:
        print_json(project.raw)
        return
    echo(project.project_id)


@command.command("show")
@click.argument("project")
@connection_options
@json_option
def show(as_json: bool, project: str, connection: ConnectionOptions) -> None:
    """Show a project, by id or name, with its counts and exports."""
    with connect(connection) as forge:
        found = forge.get_project(find_project(forge, project))
    if as_json:
        print_json(found.raw)
        return
    stats = found.stats
    echo(f"{found.project_id}  {found.name}  {found.status}  {time_text(found.created_at)}")
    echo(f"documents {stats.total_documents:,}, chunks {stats.total_chunks:,}, pairs {stats.total_pairs:,}")
    echo(
        f"accepted {stats.accepted_pairs:,}, rejected {stats.rejected_pairs:,}, to review {stats.pending_pairs:,}"
        + ("" if stats.avg_quality_score is None else f", mean quality {stats.avg_quality_score:.2f}")
    )
    for version in found.versions:
        created = time_text(version.created_at)
        echo(f"version {version.version}  {version.format}  {version.pair_count:,} lines  {created}")


@command.command("delete")
@click.argument("project")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@connection_options
@json_option
def delete(as_json: bool, project: str, yes: bool, connection: ConnectionOptions) -> None:
    """Delete a project, by id or name, with its documents, pairs and exports."""
    with connect(connection) as forge:
        found = forge.get_project(find_project(forge, project))
        if not yes:
            question = f"Delete {found.project_id} ({found.name!r}, {found.stats.total_pairs:,} pairs)? It is final."
            confirm(question)
        message = forge.delete_project(found.project_id)
    if as_json:
        print_json({"project_id": found.project_id, "deleted": True})
        return
    echo(message, err=True)
