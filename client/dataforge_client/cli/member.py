"""`dataforge member`: who belongs to the organisation."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import connect
from dataforge_client.cli.operator import Reach, reach_options
from dataforge_client.cli.tables import json_option, show, show_json


@click.group("member")
def command() -> None:
    """Add, list, verify and remove members of an organisation."""


@command.command("add")
@click.option("--name", help="Name of the person.")
@click.option("--email", help="Email address.")
@click.option("--role", type=click.Choice(["owner", "member"]), default="member", show_default=True)
@click.option("--user", metavar="ID", help="An id of your own (--home or --stage only).")
@click.option("--unverified", is_flag=True, help="The email address is not proved yet (--home or --stage only).")
@reach_options
@json_option
def add(
    as_json: bool, reach: Reach, name: str | None, email: str | None, role: str, user: str | None, unverified: bool
) -> None:
    """Add a person; give them a key with `dataforge key create --user ID`."""
    if reach.remote:
        if user or unverified:
            raise click.UsageError("--user and --unverified are for --home and --stage.")
        with connect(reach.place) as forge:
            made: object = dict(forge.add_member(name=name, email=email, role=role).raw)
    else:
        made = reach.ask(
            "member",
            "add",
            org=reach.place.organization,
            name=name,
            email=email,
            role=role,
            user=user,
            unverified=unverified,
        )
    if as_json or not isinstance(made, dict):
        show_json(made)
        return
    click.echo(made["user_id"])


@command.command("list")
@reach_options
@json_option
def list_(as_json: bool, reach: Reach) -> None:
    """List the members, oldest first."""
    if reach.remote:
        with connect(reach.place) as forge:
            found = [dict(m.raw) for m in forge.list_members()]
    else:
        found = reach.rows("member", "list", org=reach.place.organization)
    if as_json:
        show_json(found)
        return
    show(
        {
            "USER": [m.get("user_id") for m in found],
            "NAME": [m.get("name") for m in found],
            "EMAIL": [m.get("email") for m in found],
            "VERIFIED": ["yes" if m.get("email_verified") else "no" for m in found],
            "ROLE": [m.get("role") for m in found],
            "SINCE": [m.get("created_at") for m in found],
        }
    )


@command.command("verify")
@click.argument("user_id", metavar="ID")
@reach_options
def verify(reach: Reach, user_id: str) -> None:
    """Note that a member's email address is proved (--home or --stage only: the operator says so)."""
    if reach.remote:
        raise click.UsageError("Emails are verified by the operator: use --home or --stage.")
    reach.ask("member", "verify", user_id, org=reach.place.organization)
    click.echo(f"The email address of {user_id} is verified.", err=True)


@command.command("remove")
@click.argument("user_id", metavar="ID")
@reach_options
def remove(reach: Reach, user_id: str) -> None:
    """Remove a member; their keys stop working at once, what they made stays."""
    if reach.remote:
        with connect(reach.place) as forge:
            revoked: object = forge.remove_member(user_id)
    else:
        told = reach.ask("member", "remove", user_id, org=reach.place.organization)
        revoked = told.get("revoked_keys") if isinstance(told, dict) else 0
    click.echo(f"{user_id} is removed; {revoked} of their keys are revoked.", err=True)
