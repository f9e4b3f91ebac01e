"""`dataforge member`: the members of an organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataforge_client.cli.admin_access import AdminAccess, admin_options
from dataforge_client.cli.connection import connect
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.literals import MemberRole


@click.group("member")
def command() -> None:
    """Add, list, verify and remove members of an organisation."""


@command.command("add")
@click.option("--name", help="Name of the person.")
@click.option("--email", help="Email address.")
@click.option("--role", type=click.Choice(["owner", "member"]), default="member", show_default=True)
@click.option("--user", metavar="ID", help="Use this id (--home or --stage only).")
@click.option("--unverified", is_flag=True, help="The email address is not verified yet (--home or --stage only).")
@admin_options
@json_option
def add(
    as_json: bool,
    access: AdminAccess,
    name: str | None,
    email: str | None,
    role: MemberRole,
    user: str | None,
    unverified: bool,
) -> None:
    """Add a member; create a key for them with `dataforge key create --user ID`."""
    if access.remote:
        if user or unverified:
            raise click.UsageError("--user and --unverified can only be used with --home or --stage.")
        with connect(access.connection) as forge:
            created: object = dict(forge.add_member(name=name, email=email, role=role).raw)
    else:
        created = access.run(
            "member",
            "add",
            org=access.connection.organization,
            name=name,
            email=email,
            role=role,
            user=user,
            unverified=unverified,
        )
    if as_json or not isinstance(created, dict):
        print_json(created)
        return
    echo(created["user_id"])


@command.command("list")
@admin_options
@json_option
def list_(as_json: bool, access: AdminAccess) -> None:
    """List the members, oldest first."""
    if access.remote:
        with connect(access.connection) as forge:
            members = [dict(m.raw) for m in forge.list_members()]
    else:
        members = access.run_list("member", "list", org=access.connection.organization)
    if as_json:
        print_json(members)
        return
    print_table(
        {
            "USER": [m.get("user_id") for m in members],
            "NAME": [m.get("name") for m in members],
            "EMAIL": [m.get("email") for m in members],
            "VERIFIED": ["yes" if m.get("email_verified") else "no" for m in members],
            "ROLE": [m.get("role") for m in members],
            "SINCE": [m.get("created_at") for m in members],
        }
    )


@command.command("verify")
@click.argument("user_id", metavar="ID")
@admin_options
@json_option
def verify(as_json: bool, access: AdminAccess, user_id: str) -> None:
    """Mark a member's email address as verified (only the operator, with --home or --stage)."""
    if access.remote:
        raise click.UsageError("Only the operator can verify an email address: use --home or --stage.")
    access.run("member", "verify", user_id, org=access.connection.organization)
    if as_json:
        print_json({"user_id": user_id, "email_verified": True})
        return
    echo(f"The email address of {user_id} is verified.", err=True)


@command.command("remove")
@click.argument("user_id", metavar="ID")
@admin_options
@json_option
def remove(as_json: bool, access: AdminAccess, user_id: str) -> None:
    """Remove a member and revoke their keys at once; their data is kept."""
    if access.remote:
        with connect(access.connection) as forge:
            revoked: object = forge.remove_member(user_id)
    else:
        output = access.run("member", "remove", user_id, org=access.connection.organization)
        revoked = output.get("revoked_keys") if isinstance(output, dict) else 0
    if as_json:
        print_json({"user_id": user_id, "removed": True, "revoked_keys": revoked})
        return
    echo(f"{user_id} is removed; {revoked} of their keys are revoked.", err=True)
