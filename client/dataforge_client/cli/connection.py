"""The connection options that every command shares, and the client that they configure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dataforge_client.client import DataForge
    from dataforge_client.profiles import Connection


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """The options as the user typed them; None for an option that was not given."""

    server: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization: str | None = None
    profile: str | None = None
    home: Path | None = None


def connection_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add --server, --api-key, --organization, --profile and --home; the function gets them as `connection`."""

    @wraps(function)
    def with_connection(
        *,
        server: str | None,
        api_key: str | None,
        organization: str | None,
        profile: str | None,
        home: Path | None,
        **others: object,
    ) -> object:
        return function(connection=ConnectionOptions(server, api_key, organization, profile, home), **others)

    for option in (
        click.option(
            "--home",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Data folder of the local server [default: $DATAFORGE_HOME or ~/.dataforge].",
        ),
        click.option("--profile", metavar="NAME", help="Take server and key from this profile in the profiles file."),
        click.option(
            "--organization", "--org", metavar="ID", help="Organisation to use [env: DATAFORGE_ORGANIZATION_ID]."
        ),
        click.option("--api-key", metavar="KEY", help="API key for the server [env: DATAFORGE_API_KEY]."),
        click.option("--server", metavar="URL", help="Use this server, not a local one [env: DATAFORGE_URL]."),
    ):
        with_connection = option(with_connection)
    return with_connection


@contextmanager
def connect(
    connection: ConnectionOptions,
    *,
    on_server_start: Callable[[str], None] | None = None,
    goes_on: Callable[[], bool] | None = None,
) -> Iterator[DataForge]:
    """A client for the duration of the block. on_server_start: called with a sentence for the person before a local
    server is started, and when another command is at it. goes_on: whether a local server must outlive the command."""
    from dataforge_client.cli import local_server
    from dataforge_client.client import DataForge

    remote = remote_connection(connection)
    if remote is not None:
        with DataForge(remote.base_url, remote.api_key, remote.organization_id) as forge, _keys_explained(remote):
            yield forge
        return
    home, say = data_folder(connection), on_server_start or (lambda _: None)
    with (
        local_server.running_server(
            home,
            on_start=lambda: say(f"Starting a local server on {home}"),
            on_wait=lambda: say(f"Waiting for another command that starts or stops the server on {home}"),
            on_unfinished=lambda runs: _say_what_goes_on(home, runs),
            goes_on=goes_on,
        ) as local,
        DataForge(local.base_url, local.api_key, local.organization_id) as forge,
    ):
        yield forge


def _say_what_goes_on(home: Path, runs: Sequence[str]) -> None:
    """Whatever the command was called for: what it starts may spend money."""
    from dataforge_client.cli.terminal import echo

    named = f"{', '.join(runs[:5])}{', ...' if len(runs) > 5 else ''}"
    echo(f"While the local server on {home} runs, it goes on with what was interrupted: {named}", err=True)


@contextmanager
def _keys_explained(remote: Connection) -> Iterator[None]:
    """Adds to the server's refusal of a key which key it was, and what to do."""
    from dataforge_client.errors import AuthenticationError
    from dataforge_client.redaction import redact

    try:
        yield
    except AuthenticationError as refusal:
        refusal.message = (
            f"{refusal.message.rstrip('.')}. {redact(remote.base_url)} refused the key of {remote.key_source}: it is "
            "unknown, or it was revoked or has expired. Save another one with: dataforge login"
        )
        raise


def data_folder(connection: ConnectionOptions) -> Path:
    """The absolute path of the local server's data folder."""
    folder = connection.home or Path(os.environ.get("DATAFORGE_HOME") or Path.home() / ".dataforge")
    return folder.expanduser().absolute()


def remote_connection(connection: ConnectionOptions) -> Connection | None:
    """The configured server; None when the command uses a local one. Raises UsageError for a contradiction."""
    from dataforge_client.profiles import ConnectionSettings, resolve

    if connection.home is None:
        return resolve(
            ConnectionSettings(
                base_url=connection.server,
                api_key=connection.api_key,
                organization_id=connection.organization,
                profile=connection.profile,
            )
        )
    if connection.server or connection.profile:
        raise click.UsageError("--home is for a local server: use it without --server and --profile.")
    return None
