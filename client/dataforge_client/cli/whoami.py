"""`dataforge whoami`: which server, organisation, member and key a command would use."""

from __future__ import annotations

from dataclasses import asdict

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo
from dataforge_client.redaction import redact


@click.command("whoami")
@connection_options
@json_option
def command(as_json: bool, connection: ConnectionOptions) -> None:
    """Show server, organisation, member and key that a command with these options would use."""
    with connect(connection) as forge:
        who, server = forge.whoami(), redact(forge.base_url)
    if as_json:
        print_json({"server": server, **asdict(who)})
        return
    lines = {
        "server": server,
        "organisation": f"{who.organization_id}  {who.organization_name}",
        "member": f"{who.user_id}  {who.role}{'' if who.email_verified else '  email not verified'}",
        "key": f"{who.key_id}  {who.key_name}",
        "scopes": ", ".join(who.scopes),
    }
    for name, value in lines.items():
        echo(f"{name:<14}{value}".rstrip())
