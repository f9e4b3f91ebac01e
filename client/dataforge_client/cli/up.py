"""`dataforge up`: the one-machine server in the foreground."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.exits import FAILED, OK
from dataforge_client.cli.texts import program

if TYPE_CHECKING:
    from dataforge_client.cli.local import Ready


@click.command("up")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Data folder [default: $DATAFORGE_HOME or ~/.dataforge].",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="Port to listen on.")
def command(home: Path | None, host: str, port: int) -> int:
    """Run the server on this machine until Ctrl-C. Unfinished jobs go on where they stopped."""
    from dataforge_client.cli import local
    from dataforge_client.cli.connection import Place, home_of
    from dataforge_client.errors import ClientError

    folder = home_of(Place(home=home))
    child = local.start(folder, host, port)
    asked: list[int] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            child.kill()
        else:
            click.echo("Stopping; Ctrl-C again to kill. Running jobs go on at the next start.", err=True)
            child.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    try:
        ready = local.wait_ready(child)
        click.echo(_welcome(ready), err=True)
        child.wait()
    except ClientError:
        if not asked:
            raise
    finally:
        local.stop(child)
    return OK if asked or child.returncode == 0 else FAILED


def _welcome(ready: Ready) -> str:
    return "\n".join(
        (
            f"Data Forge is running at {ready.url}",
            f"  data folder   {ready.home}",
            f"  API key       in {ready.credentials}",
            f"  organisation  {ready.organization_id}",
            f"Next: {program()} run ./docs --pairs 200 --out dataset.jsonl --home {ready.home}",
        )
    )
