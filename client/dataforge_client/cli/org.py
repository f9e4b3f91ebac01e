"""`dataforge org`: create and list organisations, directly on the data."""

from __future__ import annotations

import click

from dataforge_client.cli.admin_access import AdminAccess, admin_options
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo

_DIRECT_ONLY = "Organisations can only be created directly on the data: use --home or --stage."


@click.group("org")
def command() -> None:
    """Create and list organisations, in a data folder (--home) or a deployment (--stage)."""


@command.command("create")
@click.argument("name")
@click.option("--owner", metavar="NAME", help="Name of the first member, who is the owner.")
@click.option("--email", help="Email address of the first member.")
@click.option("--user", metavar="ID", help="Use this id for the first member.")
@click.option("--no-key", is_flag=True, help="Do not create a first key.")
@admin_options
@json_option
def create(
    as_json: bool, access: AdminAccess, name: str, owner: str | None, email: str | None, user: str | None, no_key: bool
) -> None:
    """Create an organisation with its first owner and a key with all scopes."""
    access.require_direct(_DIRECT_ONLY)
    created = access.run("org", "create", name, owner=owner, email=email, user=user, no_key=no_key)
    if as_json or not isinstance(created, dict):
        print_json(created)
        return
    for heading, field in (("organization", "organization_id"), ("user", "user_id"), ("key", "key")):
        if field in created:
            echo(f"{heading}\t{created[field]}")
    if "key" in created:
        echo("Save the key now: it is shown only once.", err=True)


@command.command("list")
@admin_options
@json_option
def list_(as_json: bool, access: AdminAccess) -> None:
    """List every organisation."""
    access.require_direct(_DIRECT_ONLY)
    organizations = access.run_list("org", "list")
    if as_json:
        print_json(organizations)
        return
    print_table(
        {
            "ORGANIZATION": [o.get("organization_id") for o in organizations],
            "NAME": [o.get("name") for o in organizations],
            "CREATED": [o.get("created_at") for o in organizations],
        }
    )
