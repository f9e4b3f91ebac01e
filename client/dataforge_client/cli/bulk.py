"""`dataforge bulk`: accept, reject, reset or delete many pairs at once, and undo it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.formatting import time_text
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.pairs import STATUSES
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.literals import BulkAction
    from dataforge_client.reviews import BulkLeftOut

ACTIONS = ("accept", "reject", "reset", "delete")


@click.command("bulk")
@click.argument("project")
@click.argument("action", type=click.Choice((*ACTIONS, "undo")))
@click.argument("pair_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All pairs of the project.")
@click.option("--status", type=click.Choice(STATUSES), help="Pairs with this review status.")
@click.option("--generation", "generation_id", metavar="ID", help="Pairs of this job.")
@click.option("--document", "document_id", metavar="ID", help="Pairs generated from this document.")
@click.option("--search", metavar="TEXT", help="Pairs with this text in any message.")
@click.option(
    "--min-quality",
    "min_quality_score",
    type=click.FloatRange(0, 1),
    metavar="Q",
    help="Pairs with this score or more.",
)
@click.option(
    "--max-quality",
    "max_quality_score",
    type=click.FloatRange(0, 1),
    metavar="Q",
    help="Pairs with this score or less.",
)
@click.option(
    "--duplicates/--no-duplicates",
    "is_duplicate",
    default=None,
    help="Only duplicates of other pairs, or no duplicates.",
)
@click.option("--flagged/--not-flagged", default=None, help="Pairs that a check flags, or that none does.")
@click.option("--flag", metavar="CHECK", help="Pairs that this check flags.")
@click.option("--include-flagged", is_flag=True, help="accept: also pairs that a check flags.")
@click.option("--include-rejected", is_flag=True, help="accept: also pairs that a check rejected.")
@click.option("--include-duplicates", is_flag=True, help="accept: also duplicates of other pairs.")
@connection_options
@json_option
def command(
    as_json: bool,
    project: str,
    action: str,
    pair_ids: tuple[str, ...],
    everything: bool,
    include_flagged: bool,
    include_rejected: bool,
    include_duplicates: bool,
    connection: ConnectionOptions,
    **options: str | float | bool | None,
) -> None:
    """Accept, reject, reset or delete pairs: the given ids, or all pairs that match the options, or --all.

    To accept without ids leaves doubtful pairs to a person: flagged ones, those that a check rejected, and duplicates.
    Options include them. An action can be undone for a day: dataforge bulk PROJECT undo TOKEN
    """
    filters = {name: value for name, value in options.items() if value is not None}
    if action == "undo":
        return _undo(project, pair_ids, connection, as_json=as_json)
    if bool(pair_ids) + bool(filters) + everything != 1:
        raise click.UsageError("Select the pairs with exactly one of: ids, filter options, --all")
    if action != "accept" and (include_flagged or include_rejected or include_duplicates):
        raise click.UsageError("--include-... options are for accept only")
    with connect(connection) as forge:
        project = find_project(forge, project)
        result = forge.bulk_action(
            project,
            cast("BulkAction", action),
            pair_ids=list(pair_ids) or None,
            filters=None if pair_ids else filters,
            include_flagged=include_flagged or None,
            include_rejected=include_rejected or None,
            include_duplicates=include_duplicates or None,
        )
    if as_json:
        print_json(result.raw)
        return None
    echo(f"{action}: {result.affected_count:,} pairs changed")
    for line in left_out_lines(result.left_out):
        echo(line, err=True)
    if result.undo_token:
        undo = command_line(connection, "bulk", project, "undo", result.undo_token)
        echo(f"To undo this until {time_text(result.undo_expires_at)}: {undo}", err=True)
    return None


def left_out_lines(left: BulkLeftOut) -> list[str]:
    """How many pairs were left to a person, and how to accept them all the same."""
    groups = {
        "flagged by a check": (left.flagged, "--include-flagged"),
        "rejected by a check": (left.rejected, "--include-rejected"),
        "duplicates of other pairs": (left.duplicates, "--include-duplicates"),
    }
    return [f"left out: {n:,} {what}; {option} accepts them" for what, (n, option) in groups.items() if n]


def _undo(project: str, tokens: tuple[str, ...], connection: ConnectionOptions, *, as_json: bool) -> None:
    if len(tokens) != 1:
        raise click.UsageError("undo takes exactly one argument: the token that the action printed")
    with connect(connection) as forge:
        undone = forge.undo_bulk_action(find_project(forge, project), tokens[0])
    if as_json:
        print_json(undone.raw)
        return
    skipped = f"; {undone.skipped_count:,} were changed later and are kept as they are" if undone.skipped_count else ""
    echo(f"undo: {undone.restored_count:,} pairs restored{skipped}")
