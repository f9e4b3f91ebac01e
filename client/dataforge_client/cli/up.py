"""`dataforge up`: run the local server in the foreground."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.exit_codes import FAILED, OK
from dataforge_client.cli.hints import program_name
from dataforge_client.cli.terminal import echo, echo_json

if TYPE_CHECKING:
    from dataforge_client.cli.local_server import ServerInfo


@click.command("up")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Data folder [default: $DATAFORGE_HOME or ~/.dataforge].",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="Port to listen on.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout when it is ready.")
def command(home: Path | None, host: str, port: int, as_json: bool) -> int:
    """Run the server on this machine until Ctrl-C. Unfinished jobs are resumed at the next start."""
    from dataforge_client.cli import local_server, server_users
    from dataforge_client.cli.connection import ConnectionOptions, data_folder
    from dataforge_client.errors import ClientError

    folder = data_folder(ConnectionOptions(home=home))
    starting = ExitStack()
    starting.enter_context(server_users.start_lock(folder))
    child = local_server.start(folder, host, port)
    signals: list[int] = []

    def forward_signal(number: int, _: FrameType | None) -> None:
        signals.append(number)
        if len(signals) > 1:
            child.kill()
        else:
            echo("Stopping; press Ctrl-C again to kill. Running jobs are resumed at the next start.", err=True)
            child.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward_signal)
    try:
        with starting:
            info = local_server.wait_until_ready(child)
        if as_json:
            ready = {"url": info.url, "docs": f"{info.url}/docs", "home": info.home}
            echo_json({**ready, "organization_id": info.organization_id, "credentials": str(info.credentials)})
            sys.stdout.flush()
        else:
            echo(_welcome(info), err=True)
        child.wait()
    except ClientError:
        if not signals:
            raise
    finally:
        local_server.stop(child)
    return OK if signals or child.returncode == 0 else FAILED


def _welcome(info: ServerInfo) -> str:
    return "\n".join(
        (
            f"Data Forge is running at {info.url}",
            f"  API, to try   {info.url}/docs",
            f"  data folder   {info.home}",
            f"  API key       in {info.credentials}",
            f"  organisation  {info.organization_id}",
            f"Next: {program_name()} run ./docs --pairs 200 --out dataset.jsonl --home {shlex.quote(info.home)}",
        )
    )
