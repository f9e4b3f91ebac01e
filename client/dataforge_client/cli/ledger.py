"""`dataforge ledger`: what an organisation may spend and has spent; plans and money are the operator's."""

from __future__ import annotations

import itertools

import click

from dataforge_client.cli.connection import Place, connect, place_options
from dataforge_client.cli.operator import Reach, reach_options
from dataforge_client.cli.tables import json_option, show, show_json


@click.group("ledger")
def command() -> None:
    """Balance, quota and charges of the synthetic API."""


@command.command("show")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Entries to list.")
@place_options
@json_option
def show_(as_json: bool, place: Place, limit: int) -> None:
    """Show the plan, the balance and the last entries."""
    with connect(place) as forge:
        account, entries = forge.ledger_balance(), list(itertools.islice(forge.iter_ledger_entries(), limit))
    if as_json:
        show_json({"account": dict(account), "entries": [dict(e.raw) for e in entries]})
        return
    for name, value in account.items():
        if value is not None:
            click.echo(f"{name}\t{value}")
    show(
        {
            "WHEN": [e.created_at for e in entries],
            "KIND": [e.kind for e in entries],
            "USD": [f"{e.amount_usd:.6f}" for e in entries],
            "RECORDS": [f"{e.records:g}" for e in entries],
            "JOB": [e.job_id or "" for e in entries],
            "NOTE": [e.note or "" for e in entries],
        }
    )


@command.command("top-up")
@click.argument("dollars")
@click.option("--note", metavar="TEXT", help="Why, for the entry.")
@click.option("--of", "org", metavar="ID", help="The organisation [default: the only one there is].")
@reach_options
def top_up(reach: Reach, dollars: str, note: str | None, org: str | None) -> None:
    """Add money to an organisation's balance: in a data folder (--home) or a deployment (--stage)."""
    _local(reach)
    show_json(reach.ask("ledger", "top-up", dollars, note=note, org=org))


@command.command("plan")
@click.argument("plan", type=click.Choice(["unlimited", "payg", "quota"]))
@click.option("--records", type=click.IntRange(0), metavar="N", help="Records a month, on the plan quota.")
@click.option("--of", "org", metavar="ID", help="The organisation [default: the only one there is].")
@reach_options
def plan(reach: Reach, plan: str, records: int | None, org: str | None) -> None:
    """Choose how an organisation pays: in a data folder (--home) or a deployment (--stage)."""
    _local(reach)
    show_json(reach.ask("ledger", "plan", plan, records=None if records is None else str(records), org=org))


def _local(reach: Reach) -> None:
    if reach.place.server or reach.place.profile:
        raise click.UsageError("Plans and money are set where the data lies: use --home or --stage.")
