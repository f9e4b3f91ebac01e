"""`dataforge pairs`: list the pairs of a project."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.tables import print_table
from dataforge_client.cli.terminal import echo_json

if TYPE_CHECKING:
    from dataforge_client.literals import PairStatus

STATUSES = ("pending", "accepted", "rejected", "edited")


@click.command("pairs")
@click.argument("project")
@click.option("--status", type=click.Choice(STATUSES), help="Only pairs in this review state.")
@click.option("--search", metavar="TEXT", help="Only pairs with this text in the question or the answer.")
@click.option("--generation", metavar="ID", help="Only pairs of this job.")
@click.option("--flagged/--not-flagged", default=None, help="Only pairs that a check flags, or that none does.")
@click.option("--flag", metavar="CHECK", help="Only pairs that this check flags.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Number of pairs to list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, as the API returns it.")
@connection_options
def command(
    project: str,
    status: PairStatus | None,
    search: str | None,
    generation: str | None,
    flagged: bool | None,
    flag: str | None,
    limit: int,
    as_json: bool,
    connection: ConnectionOptions,
) -> None:
    """List the pairs of a project, by id or name."""
    with connect(connection) as forge:
        matches = forge.iter_pairs(
            find_project(forge, project),
            status=status,
            search=search,
            generation_id=generation,
            flagged=flagged,
            flag=flag,
        )
        pairs = list(islice(matches, limit))
    if as_json:
        for pair in pairs:
            echo_json(pair.raw)
        return
    print_table(
        {
            "PAIR": [p.pair_id for p in pairs],
            "STATUS": [p.status for p in pairs],
            "QUALITY": ["" if p.quality_score is None else f"{p.quality_score:.2f}" for p in pairs],
            "CHECKS": [", ".join(f.check for f in (*p.flags, *p.rejected_by)) for p in pairs],
            "QUESTION": [p.question for p in pairs],
            "ANSWER": [p.answer for p in pairs],
        }
    )
