"""`dataforge pair`: edit or delete single pairs. Many at once: `dataforge bulk`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.formatting import time_text
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.pairs import STATUSES
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.literals import PairStatus


@click.group("pair")
def command() -> None:
    """Edit or delete single pairs; `dataforge trace` shows one."""


@command.command("edit")
@click.argument("pair_id")
@click.option("--question", metavar="TEXT", help="The new question.")
@click.option("--answer", metavar="TEXT", help="The new answer.")
@click.option("--status", type=click.Choice(STATUSES), help="The new review status [default: edited].")
@click.option("--revision", metavar="TEXT", help="Edit only if the pair still has this revision.")
@connection_options
@json_option
def edit(
    as_json: bool,
    pair_id: str,
    question: str | None,
    answer: str | None,
    status: PairStatus | None,
    revision: str | None,
    connection: ConnectionOptions,
) -> None:
    """Change question, answer or status of a pair."""
    if question is None and answer is None and status is None:
        raise click.UsageError("Give --question, --answer or --status.")
    with connect(connection) as forge:
        pair = forge.update_pair(pair_id, input_text=question, output_text=answer, status=status, revision=revision)
    if as_json:
        print_json(pair.raw)
        return
    echo(f"{pair.pair_id}  {pair.status}", err=True)


@command.command("delete")
@click.argument("pair_ids", metavar="PAIR_ID...", nargs=-1, required=True)
@connection_options
@json_option
def delete(as_json: bool, pair_ids: tuple[str, ...], connection: ConnectionOptions) -> None:
    """Delete pairs. It can be undone for a day, with the command that is printed."""
    with connect(connection) as forge:
        by_project: dict[str, list[str]] = {}
        for pair_id in dict.fromkeys(pair_ids):
            by_project.setdefault(forge.trace_pair(pair_id).project_id, []).append(pair_id)
        results = {
            project: forge.bulk_action(project, "delete", pair_ids=chosen) for project, chosen in by_project.items()
        }
    if as_json:
        print_json([{"project_id": project, **result.raw} for project, result in results.items()])
        return
    for project, result in results.items():
        echo(f"{result.affected_count:,} deleted", err=True)
        if result.undo_token:
            undo = command_line(connection, "bulk", project, "undo", result.undo_token)
            echo(f"To undo this until {time_text(result.undo_expires_at)}: {undo}", err=True)
