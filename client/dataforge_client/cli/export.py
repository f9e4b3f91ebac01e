"""`dataforge export`: write the accepted pairs to a file as a new dataset version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.literals import ExportFormat

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
@connection_options
@json_option
def command(
    as_json: bool,
    project: str,
    out: Path,
    kind: ExportFormat,
    min_quality: float | None,
    no_system_prompt: bool,
    connection: ConnectionOptions,
) -> None:
    """Export the accepted and edited pairs of a project, by id or name, as a new version."""
    with connect(connection) as forge:
        project = find_project(forge, project)
        exported = forge.export(
            project, format=kind, include_system_prompt=not no_system_prompt, min_quality_score=min_quality
        )
        forge.download_export(project, exported.version, out)
    if as_json:
        print_json({**exported.raw, "out": str(out.absolute())})
        return
    echo(
        f"Wrote {out}: version {exported.version}, {exported.pair_count} lines, {exported.file_size:,} bytes", err=True
    )
