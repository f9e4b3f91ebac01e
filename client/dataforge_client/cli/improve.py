"""`dataforge improve`: more records where a model is weak, then the same training; `improve_session` goes round."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import ConnectionOptions, connection_options


@click.command("improve")
@click.argument("model")
@click.option("--teacher", required=True, metavar="ID", help="Teacher that writes the records.")
@click.option(
    "--pairs",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Records of a round [default: 5 for every weak chunk].",
)
@click.option(
    "--min-quality",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="SCORE",
    help="Records that no check flags, with this score or more, are accepted and trained on.",
)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Rounds at most.")
@click.option(
    "--max-cost",
    "--max-cost-usd",
    "max_cost",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="End before records and trainings of all rounds cost more.",
)
@click.option("--dry-run", is_flag=True, help="Show the weak topics and what a round costs; nothing is started.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask before a round.")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@connection_options
def command(
    connection: ConnectionOptions,
    model: str,
    teacher: str,
    pairs: int | None,
    min_quality: float,
    rounds: int,
    max_cost: float | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Make a model, by number or name, better on the topics on which it is weak.

    A round: more records of the chunks behind the weak topics, a new version of the project, the same training on it,
    and both models measured on the same held-out lines. It ends when no topic is weak, when the gain is within noise,
    at the budget, or after the last round. Run again, the command goes on where it was interrupted.
    """
    from dataforge_client.cli.improve_session import ImproveRequest, ImproveSession

    request = ImproveRequest(
        model=model,
        teacher=teacher,
        pairs=pairs,
        min_quality=min_quality,
        rounds=rounds,
        max_cost=max_cost,
        dry_run=dry_run,
        yes=yes or as_json,
    )
    return ImproveSession(connection, request, as_json=as_json, quiet=quiet).run()
