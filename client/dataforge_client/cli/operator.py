"""What needs no key because it is done where the data lies: on a data folder, or with the rights of an AWS account.

The tables are reached by a child process, `python -m infra.local.admin`: this package speaks HTTP only.
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

from dataforge_client.cli.connection import Place, home_of, place_options, remote_of
from dataforge_client.errors import ClientError, api_error

STATUS = {"NOT_FOUND": 404, "VALIDATION_ERROR": 422}


@dataclass(frozen=True, slots=True)
class Reach:
    """A server to talk to, or (remote is None) a data folder or a stage to open."""

    place: Place
    stage: str | None

    @property
    def remote(self) -> bool:
        """Raises UsageError for --stage together with a server or a folder."""
        if self.stage is None:
            return remote_of(self.place) is not None
        if self.place.server or self.place.profile or self.place.home:
            raise click.UsageError("--stage opens a deployment: use it without --server, --profile and --home.")
        return False

    def ask(self, *words: str, **options: str | Sequence[str] | bool | None) -> object:
        """`ask("key", "create", name="ci")`: what the operator's tool prints. Raises ClientError with what it says."""
        where = ["--stage", self.stage] if self.stage else ["--home", str(home_of(self.place))]
        named = ["--", *words[2:]] if words[2:] else []
        told = [part for name, value in options.items() for part in _option(name, value)]
        done = subprocess.run(
            [sys.executable, "-m", "infra.local.admin", *where, *words[:2], *told, *named],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            check=False,
            env={**os.environ, "PYTHONSAFEPATH": "1"},
        )
        try:
            said = json.loads(done.stdout)
        except ValueError:
            raise ClientError(f"The operator's tool failed (exit code {done.returncode})") from None
        if isinstance(said, dict) and "error" in said:
            code = str(said["error"]["code"])
            raise api_error(STATUS.get(code, 409), said["error"])
        return said

    def rows(self, *words: str, **options: str | None) -> list[dict[str, object]]:
        found = self.ask(*words, **options)
        return found if isinstance(found, list) else []


def _option(name: str, value: str | Sequence[str] | bool | None) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if value is None or value is False:
        return []
    if value is True:
        return [flag]
    return [f"{flag}={one}" for one in ([value] if isinstance(value, str) else value)]


def reach_options(function: Callable[..., object]) -> Callable[..., object]:
    """The options of `place_options` and --stage; the function gets them as one `reach`."""

    @wraps(function)
    def packed(*, place: Place, stage: str | None, **others: object) -> object:
        return function(reach=Reach(place, stage), **others)

    option = click.option(
        "--stage", metavar="NAME", help="A deployment's tables, with the AWS credentials of the environment: no key."
    )
    return place_options(option(packed))
