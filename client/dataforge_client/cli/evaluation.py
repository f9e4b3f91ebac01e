"""`dataforge eval`: how well a trained model does, beside the model that it was made from."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.figures import figures
from dataforge_client.cli.finding import find_model
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo


@click.command("eval")
@click.argument("model")
@json_option
@connection_options
def command(connection: ConnectionOptions, model: str, as_json: bool) -> None:
    """Show how well a model, by number or name, does on held-out lines, beside the one that it was made from."""
    with connect(connection) as forge:
        found = forge.get_model(find_model(forge, model))
    if as_json:
        print_json({"model_id": found.id, "metrics": found.metrics, "evaluation": found.evaluation})
        return
    rows = figures(found)
    if not rows:
        echo(f"Model {found.id} was not evaluated: no lines were held out.", err=True)
        return
    print_table(
        {
            "FIGURE": [name for name, _, _ in rows],
            "BASE": [base for _, base, _ in rows],
            "TUNED": [tuned for _, _, tuned in rows],
        }
    )
