"""`dataforge key`: API keys, through a server or directly on the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dataforge_client.cli.admin_access import AdminAccess, admin_options
from dataforge_client.cli.connection import connect
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.literals import Scope


@click.group("key")
def command() -> None:
    """Create, list and revoke API keys."""


@command.command("create")
@click.option("--name", default="key", show_default=True, help="Name of the key, such as its purpose.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="Scope of the key, such as data-forge:read or admin; may be repeated [default: all scopes except admin].",
)
@click.option("--user", metavar="ID", help="The member who uses the key [default: you, or the first owner].")
@admin_options
@json_option
def create(as_json: bool, access: AdminAccess, name: str, scopes: tuple[Scope, ...], user: str | None) -> None:
    """Create a key and print it. It is shown only once."""
    if access.remote:
        with connect(access.connection) as forge:
            created: object = dict(forge.create_api_key(name, scopes=scopes or None, user_id=user).raw)
    else:
        created = access.run("key", "create", org=access.connection.organization, name=name, scope=scopes, user=user)
    if as_json or not isinstance(created, dict):
        print_json(created)
        return
    echo(created["key"])
    echo(
        f"{created['id']}, for {created['user_id']}: {', '.join(created['scopes'])}. "
        "Save the key now: it is shown only once.",
        err=True,
    )


@command.command("list")
@admin_options
@json_option
def list_(as_json: bool, access: AdminAccess) -> None:
    """List the active keys of the organisation."""
    if access.remote:
        with connect(access.connection) as forge:
            keys = [dict(k.raw) for k in forge.list_api_keys()]
    else:
        keys = access.run_list("key", "list", org=access.connection.organization)
    if as_json:
        print_json(keys)
        return
    print_table(
        {
            "KEY": [k.get("id") for k in keys],
            "NAME": [k.get("name") for k in keys],
            "PREFIX": [k.get("prefix") for k in keys],
            "USER": [k.get("user_id") for k in keys],
            "SCOPES": [",".join(_text_list(k.get("scopes"))) for k in keys],
            "CREATED": [k.get("created_at") for k in keys],
            "LAST USED": [k.get("last_used_at") for k in keys],
        }
    )


@command.command("revoke")
@click.argument("key_id", metavar="ID")
@admin_options
@json_option
def revoke(as_json: bool, access: AdminAccess, key_id: str) -> None:
    """Revoke a key; its next request is refused."""
    if access.remote:
        with connect(access.connection) as forge:
            forge.revoke_api_key(key_id)
    else:
        access.run("key", "revoke", key_id, org=access.connection.organization)
    if as_json:
        print_json({"id": key_id, "revoked": True})
        return
    echo(f"{key_id} is revoked.", err=True)


def _text_list(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else []
