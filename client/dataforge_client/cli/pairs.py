"""`dataforge pairs`: read what was made."""

from __future__ import annotations

import json
from itertools import islice

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.tables import show

STATUSES = ("pending", "accepted", "rejected", "edited")


@click.command("pairs")
@click.argument("project")
@click.option("--status", type=click.Choice(STATUSES), help="Only pairs in this review state.")
@click.option("--search", metavar="TEXT", help="Only pairs with this text in question or answer.")
@click.option("--generation", metavar="ID", help="Only pairs of this job.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most this many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, as the API answers it.")
@place_options
def command(
    project: str,
    status: str | None,
    search: str | None,
    generation: str | None,
    limit: int,
    as_json: bool,
    place: Place,
) -> None:
    """List the pairs of a project."""
    with connect(place) as forge:
        every = forge.iter_pairs(project, status=status, search=search, generation_id=generation)
        found = list(islice(every, limit))
    if as_json:
        for pair in found:
            click.echo(json.dumps(pair.raw, ensure_ascii=False))
        return
    show(
        {
            "PAIR": [p.pair_id for p in found],
            "STATUS": [p.status for p in found],
            "QUALITY": ["" if p.quality_score is None else f"{p.quality_score:.2f}" for p in found],
            "QUESTION": [p.question for p in found],
            "ANSWER": [p.answer for p in found],
        }
    )
