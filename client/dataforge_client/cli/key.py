"""`dataforge key`: API keys, through a server or where the data lies."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import connect
from dataforge_client.cli.operator import Reach, reach_options
from dataforge_client.cli.tables import json_option, show, show_json


@click.group("key")
def command() -> None:
    """Make, list and revoke API keys."""


@command.command("create")
@click.option("--name", default="key", show_default=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="What it may do, such as data-forge:read or admin; may be repeated [default: everything but admin].",
)
@click.option("--user", metavar="ID", help="The member whom it speaks for [default: you, or the first owner].")
@reach_options
@json_option
def create(as_json: bool, reach: Reach, name: str, scopes: tuple[str, ...], user: str | None) -> None:
    """Make a key and print it: it is shown this once."""
    if reach.remote:
        with connect(reach.place) as forge:
            made: object = dict(forge.create_api_key(name, scopes=scopes or None, user_id=user).raw)
    else:
        made = reach.ask("key", "create", org=reach.place.organization, name=name, scope=scopes, user=user)
    if as_json or not isinstance(made, dict):
        show_json(made)
        return
    click.echo(made["key"])
    click.echo(
        f"{made['id']}, for {made['user_id']}: {', '.join(made['scopes'])}. Shown this once: keep it now.", err=True
    )


@command.command("list")
@reach_options
@json_option
def list_(as_json: bool, reach: Reach) -> None:
    """List the active keys of the organisation."""
    if reach.remote:
        with connect(reach.place) as forge:
            found = [dict(k.raw) for k in forge.list_api_keys()]
    else:
        found = reach.rows("key", "list", org=reach.place.organization)
    if as_json:
        show_json(found)
        return
    show(
        {
            "KEY": [k.get("id") for k in found],
            "NAME": [k.get("name") for k in found],
            "PREFIX": [k.get("prefix") for k in found],
            "USER": [k.get("user_id") for k in found],
            "SCOPES": [",".join(_words(k.get("scopes"))) for k in found],
            "CREATED": [k.get("created_at") for k in found],
            "LAST USED": [k.get("last_used_at") for k in found],
        }
    )


@command.command("revoke")
@click.argument("key_id", metavar="ID")
@reach_options
def revoke(reach: Reach, key_id: str) -> None:
    """Make a key stop working, with the next request that it is sent with."""
    if reach.remote:
        with connect(reach.place) as forge:
            forge.revoke_api_key(key_id)
    else:
        reach.ask("key", "revoke", key_id, org=reach.place.organization)
    click.echo(f"{key_id} is revoked.", err=True)


def _words(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else []
