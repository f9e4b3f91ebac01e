"""`dataforge export`: write the accepted pairs to a file as a new dataset version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli import splits
from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.splits import split_option
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.literals import ExportFormat
    from dataforge_client.models import Export

FORMATS = ("chatml", "alpaca")


@click.command("export")
@click.argument("project")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="Where to write the dataset.",
)
@click.option(
    "--format", "kind", type=click.Choice(FORMATS), default="chatml", show_default=True, help="Format of a line."
)
@click.option("--min-quality", type=click.FloatRange(0, 1), metavar="Q", help="Leave out pairs that scored below this.")
@click.option("--no-system-prompt", is_flag=True, help="Leave the system prompt out of ChatML lines.")
@click.option("--without-flagged", is_flag=True, help="Leave out accepted pairs that a check flags.")
@click.option("--without-duplicates", is_flag=True, help="Leave out accepted duplicates of other pairs.")
@split_option
@connection_options
@json_option
def command(
    as_json: bool,
    project: str,
    out: Path,
    kind: ExportFormat,
    min_quality: float | None,
    no_system_prompt: bool,
    without_flagged: bool,
    without_duplicates: bool,
    split: dict[str, int] | None,
    connection: ConnectionOptions,
) -> None:
    """Export the accepted and edited pairs of a project, by id or name, as a new version."""
    with connect(connection) as forge:
        project = find_project(forge, project)
        exported = forge.export(
            project,
            format=kind,
            include_system_prompt=not no_system_prompt,
            min_quality_score=min_quality,
            include_flagged=False if without_flagged else None,
            include_duplicates=False if without_duplicates else None,
            split=split,
        )
        forge.download_export(project, exported.version, out)
        splits.download(forge, project, exported, out)
        waiting = forge.list_pairs(project, status="pending", flagged=True, page_size=1).total
    if as_json:
        print_json({**exported.raw, "out": str(out.absolute()), "flagged_waiting": waiting})
        return
    echo(
        f"Wrote {out}: version {exported.version}, {exported.pair_count} lines, {exported.file_size:,} bytes", err=True
    )
    for line in (*_what_is_in(exported), *splits.told(exported, out)):
        echo(line, err=True)
    if waiting:
        review = command_line(connection, "pairs", project, "--status", "pending", "--flagged")
        echo(f"{waiting:,} flagged pairs wait for review and are not in the file: {review}", err=True)


def _what_is_in(exported: Export) -> list[str]:
    """Doubtful pairs that people accepted, and accepted pairs that the options left out."""
    left = exported.left_out
    sentences = {
        "of them are flagged by a check": exported.flagged_count,
        "of them are duplicates of other pairs": exported.duplicate_count,
        "accepted pairs were left out by --without-flagged": left.flagged,
        "accepted pairs were left out by --without-duplicates": left.duplicates,
        "accepted pairs were left out by --min-quality": left.below_min_quality,
    }
    return [f"{n:,} {sentence}" for sentence, n in sentences.items() if n]
