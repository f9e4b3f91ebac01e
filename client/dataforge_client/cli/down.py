"""`dataforge down`: stop the server of a data folder, whoever started it."""

from __future__ import annotations

from pathlib import Path

import click

from dataforge_client.cli.exit_codes import FAILED, OK
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo


@click.command("down")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Data folder [default: $DATAFORGE_HOME or ~/.dataforge].",
)
@click.option("--force", is_flag=True, help="Also while another command uses it.")
@json_option
def command(home: Path | None, force: bool, as_json: bool) -> int:
    """Stop the server on this machine. Unfinished jobs are resumed at the next start."""
    from dataforge_client.cli import local_server, server_users
    from dataforge_client.cli.connection import ConnectionOptions, data_folder

    folder = data_folder(ConnectionOptions(home=home))
    if not folder.is_dir():
        return _no_server(folder, as_json=as_json)
    with server_users.start_lock(folder):
        if local_server.find_running_server(folder) is None:
            return _no_server(folder, as_json=as_json)
        if server_users.is_used(folder) and not force:
            echo("Error: another command is using the server. Wait for it, or add --force.", err=True)
            return FAILED
        if not local_server.ask_to_stop(folder):
            echo(f"Error: the server on {folder} does not end; its log is in the folder.", err=True)
            return FAILED
    if as_json:
        print_json({"home": str(folder), "stopped": True})
    else:
        echo("Stopped. Unfinished jobs are resumed at the next start.", err=True)
    return OK


def _no_server(folder: Path, *, as_json: bool) -> int:
    if as_json:
        print_json({"home": str(folder), "stopped": False})
    else:
        echo(f"No server is running on {folder}.", err=True)
    return OK
