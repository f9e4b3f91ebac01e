"""`dataforge org`: organisations, made where the data lies."""

from __future__ import annotations

import click

from dataforge_client.cli.operator import Reach, reach_options
from dataforge_client.cli.tables import json_option, show, show_json


@click.group("org")
def command() -> None:
    """Make and list organisations: in a data folder (--home) or a deployment (--stage)."""


@command.command("create")
@click.argument("name")
@click.option("--owner", metavar="NAME", help="Name of its first member, who owns it.")
@click.option("--email", help="Email address of the first member.")
@click.option("--user", metavar="ID", help="An id of your own for the first member.")
@click.option("--no-key", is_flag=True, help="Do not make a first key.")
@reach_options
@json_option
def create(
    as_json: bool, reach: Reach, name: str, owner: str | None, email: str | None, user: str | None, no_key: bool
) -> None:
    """Make an organisation with its first owner and a key that may do everything."""
    _local(reach)
    made = reach.ask("org", "create", name, owner=owner, email=email, user=user, no_key=no_key)
    if as_json or not isinstance(made, dict):
        show_json(made)
        return
    for heading, field in (("organization", "organization_id"), ("user", "user_id"), ("key", "key")):
        if field in made:
            click.echo(f"{heading}\t{made[field]}")
    if "key" in made:
        click.echo("The key is shown this once: keep it now.", err=True)


@command.command("list")
@reach_options
@json_option
def list_(as_json: bool, reach: Reach) -> None:
    """List every organisation."""
    _local(reach)
    found = reach.rows("org", "list")
    if as_json:
        show_json(found)
        return
    show(
        {
            "ORGANIZATION": [o.get("organization_id") for o in found],
            "NAME": [o.get("name") for o in found],
            "CREATED": [o.get("created_at") for o in found],
        }
    )


def _local(reach: Reach) -> None:
    if reach.place.server or reach.place.profile:
        raise click.UsageError("Organisations are made where the data lies: use --home or --stage.")
    if reach.stage and reach.place.home:
        raise click.UsageError("Use either --home or --stage.")
