"""`dataforge status`: how far a job is."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.tables import json_option, show_json
from dataforge_client.cli.texts import counts_line, duration, money, reasons_lines, tokens_line


@click.command("status")
@click.argument("generation_id")
@place_options
@json_option
def command(generation_id: str, as_json: bool, place: Place) -> None:
    """Show the state, counts and cost of a job."""
    with connect(place) as forge:
        found = forge.get_generation(generation_id)
    if as_json:
        show_json(found.raw)
        return
    click.echo(f"{found.generation_id}  {found.kind}  {found.status}  {found.progress:.0f}%")
    detail = found.progress_detail
    if detail and not found.closed:
        rate = f", {detail.rate_per_second:g} a second" if detail.rate_per_second else ""
        left = f", about {duration(detail.eta_seconds)} left" if detail.eta_seconds is not None else ""
        click.echo(f"{detail.stage}: {detail.done} of {detail.total}{rate}{left}")
    if found.kind == "generate":
        click.echo(counts_line(found.counts))
        for line in reasons_lines(found.reasons):
            click.echo(line)
        click.echo(f"{tokens_line(found.tokens)}; cost {money(found.cost_usd)}")
    if found.error:
        click.echo(f"error: {found.error}")
