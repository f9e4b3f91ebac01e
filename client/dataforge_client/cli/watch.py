"""`dataforge watch`: follow a training."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import ConnectionOptions, connection_options


@click.command("watch")
@click.argument("job_id", required=False, metavar="[JOB]")
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@connection_options
def command(connection: ConnectionOptions, job_id: str | None, as_json: bool, quiet: bool) -> int:
    """Follow a training until it ends, the one that goes on unless JOB names another. Ctrl-C only ends the watching."""
    from dataforge_client.cli.training_session import TrainingSession

    return TrainingSession(connection, None, job_id=job_id, as_json=as_json, quiet=quiet).run()
