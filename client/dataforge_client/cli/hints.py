"""Commands that are printed for the user to paste: with the program's path and the same server, and without secrets."""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import fields
from pathlib import Path

import click

from dataforge_client.cli.connection import ConnectionOptions, data_folder, remote_connection
from dataforge_client.redaction import redact


def program_name() -> str:
    """The command as the user can type it anywhere: `dataforge` where PATH finds this one, else its path."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m dataforge_client.cli"
    if started.name != "dataforge":  # called from another program
        return "dataforge"
    found = shutil.which("dataforge")
    is_found = found is not None and started.exists() and Path(found).samefile(started)
    return "dataforge" if is_found or not started.exists() else shlex.quote(str(started.absolute()))


def command_line(connection: ConnectionOptions, *words: str) -> str:
    """A shell command on the same server; an API key is printed as `"$DATAFORGE_API_KEY"`."""
    return f"{program_name()} {shlex.join([*words, *connection_arguments(connection)])}{secret_arguments(connection)}"


def same_server(*words: str) -> str:
    """As `command_line`, for the connection options of the command that runs now."""
    running = click.get_current_context(silent=True)
    given = running.params if running else {}
    return command_line(ConnectionOptions(**{f.name: given.get(f.name) for f in fields(ConnectionOptions)}), *words)


def connection_arguments(connection: ConnectionOptions) -> list[str]:
    """The options for the same server; options that come from the environment and secrets are left out."""
    if remote_connection(connection) is None:
        return ["--home", str(data_folder(connection))]
    options = {
        "--server": None if _has_secret(connection.server) else connection.server,
        "--profile": connection.profile,
        "--organization": connection.organization,
    }
    return [word for option, value in options.items() if value for word in (option, value)]


def secret_arguments(connection: ConnectionOptions) -> str:
    """Empty when key and server come from the environment or a profile."""
    if remote_connection(connection) is None:
        return ""
    server = ' --server "$DATAFORGE_URL"' if _has_secret(connection.server) else ""
    return server + (' --api-key "$DATAFORGE_API_KEY"' if connection.api_key else "")


def _has_secret(url: str | None) -> bool:
    return url is not None and redact(url) != url
