"""`dataforge cancel`: stop a job; its pairs are kept."""

from __future__ import annotations

from dataclasses import asdict

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.jobs import cancel_job, is_job
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo
from dataforge_client.cli.train import is_training, stop_training


@click.command("cancel")
@click.argument("job_id")
@json_option
@connection_options
def command(job_id: str, as_json: bool, connection: ConnectionOptions) -> None:
    """Stop a running job. Its pairs or records are kept. A training is stopped too, without a model."""
    if is_training(job_id):
        stop_training(connection, job_id, as_json=as_json)
        return
    if is_job(job_id):
        cancel_job(connection, job_id, as_json=as_json)
        return
    with connect(connection) as forge:
        cancelled = forge.cancel_generation(job_id)
    if as_json:
        print_json(asdict(cancelled))
        return
    echo(f"{cancelled.generation_id} {cancelled.status}", err=True)
