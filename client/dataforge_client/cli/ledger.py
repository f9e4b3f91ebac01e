"""`dataforge ledger`: balance, charges and limits of an organisation; only the operator changes plans and limits."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import click

from dataforge_client.cli.admin_access import AdminAccess, admin_options
from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo

_always_json = click.option("--json", is_flag=True, expose_value=False, help="Print JSON, as without it.")
_DIRECT_ONLY = "Plans, balances and limits can only be changed directly on the data: use --home or --stage."


@click.group("ledger")
def command() -> None:
    """Balance, quota and charges of the synthetic API; models and monthly budget of all runs."""


@command.command("show")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Entries to list.")
@connection_options
@json_option
def show_(as_json: bool, connection: ConnectionOptions, limit: int) -> None:
    """Show the plan, the balance and the last entries."""
    with connect(connection) as forge:
        account, entries = forge.ledger_balance(), list(itertools.islice(forge.iter_ledger_entries(), limit))
    if as_json:
        print_json({"account": dict(account), "entries": [dict(e.raw) for e in entries]})
        return
    for name, value in account.items():
        if value is not None:
            echo(f"{name}\t{value}")
    print_table(
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
@click.option("--note", metavar="TEXT", help="Text for the ledger entry.")
@click.option("--of", "org", metavar="ID", help="The organisation [default: the only one].")
@admin_options
@_always_json
def top_up(access: AdminAccess, dollars: str, note: str | None, org: str | None) -> None:
    """Add money to the balance of an organisation, in a data folder (--home) or a deployment (--stage)."""
    access.require_direct(_DIRECT_ONLY)
    print_json(access.run("ledger", "top-up", dollars, note=note, org=org))


@command.command("plan")
@click.argument("plan", type=click.Choice(["unlimited", "payg", "quota"]))
@click.option("--records", type=click.IntRange(0), metavar="N", help="Records per month, for the plan quota.")
@click.option("--of", "org", metavar="ID", help="The organisation [default: the only one].")
@admin_options
@_always_json
def plan(access: AdminAccess, plan: str, records: int | None, org: str | None) -> None:
    """Set the plan of an organisation, in a data folder (--home) or a deployment (--stage)."""
    access.require_direct(_DIRECT_ONLY)
    number = None if records is None else str(records)
    print_json(access.run("ledger", "plan", plan, records=number, org=org))


@command.command("limits")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Allow this model; repeatable. *: any text.")
@click.option("--any-model", is_flag=True, help="Allow every model.")
@click.option("--no-model", is_flag=True, help="Allow only the offline teachers.")
@click.option("--monthly-budget", metavar="DOLLARS", help="What the models of all runs may cost in a month.")
@click.option("--no-monthly-budget", is_flag=True, help="No limit for a month.")
@click.option("--of", "org", metavar="ID", help="The organisation [default: the only one].")
@admin_options
@json_option
def limits(
    as_json: bool,
    access: AdminAccess,
    models: tuple[str, ...],
    any_model: bool,
    no_model: bool,
    monthly_budget: str | None,
    no_monthly_budget: bool,
    org: str | None,
) -> None:
    """Show the models that runs may use and their monthly budget; the operator sets them (--home or --stage)."""
    is_change = bool(models or any_model or no_model or monthly_budget or no_monthly_budget)
    if access.remote and not is_change:
        with connect(access.connection) as forge:
            found: Mapping[str, object] = forge.get_limits()
    else:
        access.require_direct(_DIRECT_ONLY)
        output = access.run(
            "ledger",
            "limits",
            model=models,
            any_model=any_model,
            no_model=no_model,
            monthly_budget=monthly_budget,
            no_monthly_budget=no_monthly_budget,
            org=org,
        )
        found = output if isinstance(output, Mapping) else {}
    if as_json:
        print_json(dict(found))
        return
    for name, value in found.items():
        words = ", ".join(map(str, value)) or "none" if isinstance(value, list) else value
        unlimited = "all" if name == "models" else "no limit"
        echo(f"{name}\t{unlimited if value is None else words}")
