"""Administration without an API key: directly on a data folder, or on a deployment with the rights of an AWS account.

A child process, `python -m dataforge_infra.local.admin`, opens the tables; this package itself uses only the HTTP API.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps

import click

from dataforge_client.cli.connection import ConnectionOptions, connection_options, data_folder, remote_connection
from dataforge_client.errors import ClientError, api_error

STATUS_BY_CODE = {"NOT_FOUND": 404, "VALIDATION_ERROR": 422}


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """Where an administration command works: on a server (`remote`), or directly on a data folder or a stage."""

    connection: ConnectionOptions
    stage: str | None

    @property
    def remote(self) -> bool:
        """Whether a server is configured. Raises UsageError for --stage together with a server or a folder."""
        if self.stage is None:
            return remote_connection(self.connection) is not None
        if self.connection.server or self.connection.profile or self.connection.home:
            raise click.UsageError("--stage opens a deployment: use it without --server, --profile and --home.")
        return False

    def require_direct(self, message: str) -> None:
        """Raises UsageError: `message` when a server or a profile is given, or for --home together with --stage."""
        if self.connection.server or self.connection.profile:
            raise click.UsageError(message)
        if self.stage and self.connection.home:
            raise click.UsageError("Use either --home or --stage.")

    def run(self, *words: str, **options: str | Sequence[str] | bool | None) -> object:
        """Run an administration command, such as `run("key", "create", name="ci")`, and return its JSON output.

        words: group, command, then positional arguments. Raises ClientError with the command's error message.
        """
        target = ["--stage", self.stage] if self.stage else ["--home", str(data_folder(self.connection))]
        positional = ["--", *words[2:]] if words[2:] else []
        flags = [flag for name, value in options.items() for flag in _flags(name, value)]
        process = subprocess.run(
            [sys.executable, "-m", "dataforge_infra.local.admin", *target, *words[:2], *flags, *positional],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            check=False,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
        try:
            output = json.loads(process.stdout)
        except ValueError:
            raise ClientError(f"The administration command failed (exit code {process.returncode})") from None
        if isinstance(output, dict) and "error" in output:
            code = str(output["error"]["code"])
            raise api_error(STATUS_BY_CODE.get(code, 409), output["error"])
        return output

    def run_list(self, *words: str, **options: str | None) -> list[dict[str, object]]:
        """As `run`, for a command that returns a list of objects."""
        output = self.run(*words, **options)
        return output if isinstance(output, list) else []


def _flags(name: str, value: str | Sequence[str] | bool | None) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    return [f"{flag}={item}" for item in ([value] if isinstance(value, str) else value)]


def admin_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add the options of `connection_options` and --stage; the function gets them as one `access`."""

    @wraps(function)
    def with_access(*, connection: ConnectionOptions, stage: str | None, **others: object) -> object:
        return function(access=AdminAccess(connection, stage), **others)

    option = click.option(
        "--stage",
        metavar="NAME",
        help="Open the tables of a deployment with the AWS credentials of the environment; needs no API key.",
    )
    return connection_options(option(with_access))
