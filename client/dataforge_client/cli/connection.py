"""The options that every command shares, and the client that they lead to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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
class Place:
    """Where the server is, as the user said it."""

    server: str | None = None
    api_key: str | None = field(default=None, repr=False)
    organization: str | None = None
    profile: str | None = None
    home: Path | None = None


def place_options(function: Callable[..., object]) -> Callable[..., object]:
    """Adds --server, --api-key, --organization, --profile and --home; the function gets them as one `place`."""

    @wraps(function)
    def packed(
        *,
        server: str | None,
        api_key: str | None,
        organization: str | None,
        profile: str | None,
        home: Path | None,
        **others: object,
    ) -> object:
        return function(place=Place(server, api_key, organization, profile, home), **others)

    for option in (
        click.option(
            "--home",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Data folder of the local server [default: $DATAFORGE_HOME or ~/.dataforge].",
        ),
        click.option("--profile", metavar="NAME", help="Server and key from the profiles file."),
        click.option(
            "--organization", "--org", metavar="ID", help="Organisation to act in [env: DATAFORGE_ORGANIZATION_ID]."
        ),
        click.option("--api-key", metavar="KEY", help="Key for the server [env: DATAFORGE_API_KEY]."),
        click.option("--server", metavar="URL", help="A running server instead of a local one [env: DATAFORGE_URL]."),
    ):
        packed = option(packed)
    return packed


@contextmanager
def connect(place: Place, *, starting: Callable[[Path], None] | None = None) -> Iterator[DataForge]:
    """A client for the length of the block; `starting` is told when a local server has to be started first."""
    from dataforge_client.cli import local
    from dataforge_client.client import DataForge

    remote = remote_of(place)
    if remote is not None:
        with DataForge(remote.base_url, remote.api_key, remote.organization_id) as forge:
            yield forge
        return
    home = home_of(place)
    if starting:
        starting(home)
    with local.serving(home) as own, DataForge(own.base_url, own.api_key, own.organization_id) as forge:
        yield forge


def home_of(place: Place) -> Path:
    told = place.home or Path(os.environ.get("DATAFORGE_HOME") or Path.home() / ".dataforge")
    return told.expanduser().absolute()


def remote_of(place: Place) -> Connection | None:
    """The server that was named; None when it is for us to start one."""
    from dataforge_client.profiles import Wanted, resolve

    if place.home is None:
        return resolve(Wanted(place.server, place.api_key, place.organization, place.profile))
    if place.server or place.profile:
        raise click.UsageError("--home is for a local server: use it without --server and --profile.")
    return None
