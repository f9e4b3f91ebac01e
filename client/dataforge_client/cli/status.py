"""`dataforge status`: the state, counts and cost of a job."""

from __future__ import annotations

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.formatting import counts_line, duration, flag_lines, money, reasons_lines, tokens_line
from dataforge_client.cli.jobs import is_job, show_job
from dataforge_client.cli.tables import json_option, print_json
from dataforge_client.cli.terminal import echo
from dataforge_client.cli.train import is_training, show_training


@click.command("status")
@click.argument("job_id")
@connection_options
@json_option
def command(job_id: str, as_json: bool, connection: ConnectionOptions) -> None:
    """Show the state, counts and cost of a job, also of a synthetic one or of a training."""
    if is_training(job_id):
        show_training(connection, job_id, as_json=as_json)
        return
    if is_job(job_id):
        show_job(connection, job_id, as_json=as_json)
        return
    with connect(connection) as forge:
        job = forge.get_generation(job_id)
    if as_json:
        print_json(job.raw)
        return
    echo(f"{job.generation_id}  {job.kind}  {job.status}  {job.progress:.0f}%")
    detail = job.progress_detail
    if detail and not job.closed:
        rate = f", {detail.rate_per_second:g} a second" if detail.rate_per_second else ""
        left = f", about {duration(detail.eta_seconds)} left" if detail.eta_seconds is not None else ""
        echo(f"{detail.stage}: {detail.done} of {detail.total}{rate}{left}")
    if job.kind == "generate":
        echo(counts_line(job.counts))
        for line in [*flag_lines(job.report), *reasons_lines(job.reasons)]:
            echo(line)
        echo(f"{tokens_line(job.tokens)}; cost {money(job.cost_usd)}")
    if job.error:
        echo(f"error: {job.error}")
