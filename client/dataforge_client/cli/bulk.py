"""`dataforge bulk`: one decision on many pairs, and taking it back."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.pairs import STATUSES

ACTIONS = ("accept", "reject", "reset", "delete")


@click.command("bulk")
@click.argument("project")
@click.argument("action", type=click.Choice((*ACTIONS, "undo")))
@click.argument("pair_ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every pair of the project.")
@click.option("--status", type=click.Choice(STATUSES), help="Pairs in this review state.")
@click.option("--generation", metavar="ID", help="Pairs of this job.")
@click.option("--document", metavar="ID", help="Pairs made from this document.")
@click.option("--search", metavar="TEXT", help="Pairs with this text in a turn.")
@click.option("--min-quality", type=click.FloatRange(0, 1), metavar="Q", help="Pairs scored at least this.")
@click.option("--max-quality", type=click.FloatRange(0, 1), metavar="Q", help="Pairs scored at most this.")
@click.option("--duplicates/--no-duplicates", default=None, help="Only repeats of other pairs, or none of them.")
@place_options
def command(
    project: str,
    action: str,
    pair_ids: tuple[str, ...],
    everything: bool,
    status: str | None,
    generation: str | None,
    document: str | None,
    search: str | None,
    min_quality: float | None,
    max_quality: float | None,
    duplicates: bool | None,
    place: Place,
) -> None:
    """Accept, reject, reset or delete pairs: named ones, those that the options find together, or --all.

    What it did can be taken back for a day: dataforge bulk PROJECT undo TOKEN
    """
    wanted = {
        "status": status,
        "generation_id": generation,
        "document_id": document,
        "search": search,
        "min_quality_score": min_quality,
        "max_quality_score": max_quality,
        "is_duplicate": duplicates,
    }
    filters = {name: value for name, value in wanted.items() if value is not None}
    if action == "undo":
        return _undo(project, pair_ids, place)
    if bool(pair_ids) + bool(filters) + everything != 1:
        raise click.UsageError("Say which pairs: their ids, or options that find them, or --all (one of the three)")
    with connect(place) as forge:
        done = forge.bulk_action(
            project, action, pair_ids=list(pair_ids) or None, filters=None if pair_ids else filters
        )
    click.echo(f"{action}: {done.affected_count:,} pairs changed")
    if done.undo_token:
        back = f"dataforge bulk {project} undo {done.undo_token}"
        click.echo(f"Take it back until {done.undo_expires_at}: {back}", err=True)
    return None


def _undo(project: str, tokens: tuple[str, ...], place: Place) -> None:
    if len(tokens) != 1:
        raise click.UsageError("undo takes the one token that the action printed")
    with connect(place) as forge:
        undone = forge.undo_bulk_action(project, tokens[0])
    more = f"; {undone.skipped_count:,} were changed since and stay" if undone.skipped_count else ""
    click.echo(f"undo: {undone.restored_count:,} pairs are as they were{more}")
