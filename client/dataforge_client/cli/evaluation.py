"""`dataforge eval`: how well a trained model does, beside the model that it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.figures import figures, verifier_of, verifier_text, win_rate_text
from dataforge_client.cli.finding import find_model
from dataforge_client.cli.formatting import money
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo
from dataforge_client.errors import ClientError

if TYPE_CHECKING:
    from dataforge_client.training_models import TrainedModel


@click.command("eval")
@click.argument("model")
@click.option(
    "--verifier", metavar="ID", help="Have this teacher compare both models' answers to each held-out line first."
)
@click.option(
    "--max-cost",
    "max_cost_usd",
    type=click.FloatRange(min=0, min_open=True),
    metavar="USD",
    help="The verifier stops before it costs more.",
)
@click.option(
    "--one-order", is_flag=True, help="Ask the verifier once for each line, at half the cost, not in both orders."
)
@json_option
@connection_options
def command(
    connection: ConnectionOptions,
    model: str,
    verifier: str | None,
    max_cost_usd: float | None,
    one_order: bool,
    as_json: bool,
) -> None:
    """Show how well a model, by number or name, does on held-out lines, beside the one that it was made from.

    With --verifier a teacher compares their answers, not knowing whose they are; its win rate stays with the model.
    """
    if verifier is None and (max_cost_usd is not None or one_order):
        raise click.UsageError("--max-cost and --one-order belong to --verifier.")
    with connect(connection, on_server_start=lambda said: echo(said, err=True)) as forge:
        number = find_model(forge, model)
        if verifier is not None:
            started = forge.evaluate_model(
                number, verifier, max_cost_usd=max_cost_usd, both_orders=False if one_order else None
            )
            cost = "" if started.max_cost_usd is None else f", {money(started.max_cost_usd)} at most"
            echo(f"{started.job_id}: {started.verdicts:,} verdicts of {verifier}{cost} ...", err=True)
            _raise_unless_completed(forge.wait_evaluation(number))
        found = forge.get_model(number)
    if as_json:
        print_json({"model_id": found.id, "metrics": found.metrics, "evaluation": found.evaluation})
        return
    rows = figures(found)
    if not rows and verifier_of(found) is None:
        echo(f"Model {found.id} was not evaluated: no lines were held out.", err=True)
        return
    print_table(
        {
            "FIGURE": [name for name, _, _ in rows],
            "BASE": [base for _, base, _ in rows],
            "TUNED": [tuned for _, _, tuned in rows],
        }
    )
    for line in verifier_text(found):
        echo(line)
    if topics := (verifier_of(found) or {}).get("topics"):
        print_table(
            {
                "TOPIC": [f"{t['by']} {t['topic']}" for t in topics],
                "LINES": [t["lines"] for t in topics],
                "WON": [t["wins"] for t in topics],
                "TIED": [t["ties"] for t in topics],
                "LOST": [t["losses"] for t in topics],
                "WIN RATE": [win_rate_text(t.get("win_rate")) for t in topics],
            }
        )


def _raise_unless_completed(model: TrainedModel) -> None:
    """Raises ClientError where the verifier gave no verdict."""
    found = verifier_of(model) or {}
    if found.get("status") != "completed":
        raise ClientError(f"The verifier ended as {found.get('status')}: {found.get('error') or 'no reason'}")
