"""`dataforge login` and `dataforge profile`: servers and keys in the profiles file."""

from __future__ import annotations

import os
import sys

import click

from dataforge_client.cli.hints import program_name
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo
from dataforge_client.errors import ConfigError
from dataforge_client.redaction import redact


@click.command("login")
@click.option("--server", metavar="URL", help="URL of the server; asked for if it is not given.")
@click.option("--api-key", metavar="KEY", help="The key; safer: type it when asked, or pipe it in.")
@click.option("--profile", "name", default="default", show_default=True, metavar="NAME", help="Profile to save it in.")
@json_option
def login(as_json: bool, server: str | None, api_key: str | None, name: str) -> None:
    """Check a server and a key, and save them in a profile, readable by you only."""
    from dataforge_client import profiles
    from dataforge_client.client import DataForge

    saved = profiles.read_profile(name, os.environ).get("url")
    url = server or click.prompt("Server", default=saved and redact(saved), err=True)
    url = saved if saved and url == redact(saved) else url
    key = api_key or (
        click.prompt("API key", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    )
    with DataForge(url, key.strip()) as forge:
        who = forge.whoami()
    entry = {"url": url.rstrip("/"), "api_key": key.strip(), "organization_id": who.organization_id}
    path = profiles.write_profile(name, entry, os.environ)
    if as_json:
        print_json({"profile": name, "file": str(path), "organization_id": who.organization_id})
        return
    echo(f"Logged in to {url} as {who.user_id} of {who.organization_id}; saved as {name!r} in {path}", err=True)
    if name not in ("default", profiles.selected(os.environ)):
        echo(f"Use it with --profile {name}, or always: {program_name()} profile use {name}", err=True)


@click.group("profile")
def command() -> None:
    """List, choose and show the servers that are saved."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the profiles; `*` marks the one that is used without --profile."""
    from dataforge_client import profiles

    found = [_shown(name) for name in profiles.names(os.environ)]
    if as_json:
        print_json(found)
        return
    columns = {"PROFILE": "name", "USED": "used", "SERVER": "url", "ORGANIZATION": "organization_id", "KEY": "key"}
    print_table({heading: [_text(entry[field]) for entry in found] for heading, field in columns.items()})


@command.command("use")
@click.argument("name")
@json_option
def use(as_json: bool, name: str) -> None:
    """Use this profile when no server is given, until another one is chosen."""
    from dataforge_client import profiles

    profiles.select(name, os.environ)
    if as_json:
        print_json({"profile": name})
        return
    echo(f"{name} is used from now on", err=True)


@command.command("show")
@click.argument("name", required=False)
@json_option
def show(as_json: bool, name: str | None) -> None:
    """Show a profile, by default the one that is used; passwords and keys are not shown."""
    from dataforge_client import profiles

    chosen = name or profiles.selected(os.environ)
    if chosen not in profiles.names(os.environ):
        raise ConfigError(f"There is no profile {chosen!r} in {profiles.profiles_file(os.environ)}")
    entry = _shown(chosen)
    if as_json:
        print_json(entry)
        return
    for field, value in entry.items():
        echo(f"{field:<17}{_text(value)}".rstrip())


def _shown(name: str) -> dict[str, object]:
    """A profile without its secrets."""
    from dataforge_client import profiles

    entry = profiles.read_profile(name, os.environ)
    key = entry.get("api_key", "")
    return {
        "name": name,
        "used": name == profiles.selected(os.environ),
        "url": redact(entry.get("url", "")),
        "organization_id": entry.get("organization_id"),
        "key": f"{key[:7]}..." if len(key) > 20 else "..." if key else None,
        "file": str(profiles.profiles_file(os.environ)),
    }


def _text(value: object) -> str:
    return {True: "*", False: ""}[value] if isinstance(value, bool) else "" if value is None else str(value)
