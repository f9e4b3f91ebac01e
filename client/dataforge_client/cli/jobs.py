"""`dataforge jobs`: the synthetic jobs of the organisation: list, status, download, resume, cancel."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.exit_codes import FAILED, OK
from dataforge_client.cli.formatting import money
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo

if TYPE_CHECKING:
    from dataforge_client.literals import SyntheticStatus
    from dataforge_client.synthetic_models import SyntheticJob

STATUSES = ("queued", "running", "succeeded", "failed")
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("synthetic"),
    show_default=True,
    metavar="DIR",
    help="Folder for results.jsonl, splits, quality report and manifest.",
)


@click.group("jobs")
def command() -> None:
    """List, download, resume and cancel jobs of `dataforge synth`."""


@command.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs in this state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Jobs to list.")
@json_option
@connection_options
def list_(connection: ConnectionOptions, status: SyntheticStatus | None, limit: int, as_json: bool) -> None:
    """List jobs, newest first."""
    with connect(connection) as forge:
        found = list(itertools.islice(forge.iter_synthetic_jobs(status=status), limit))
    if as_json:
        print_json([j.raw for j in found])
        return
    print_table(
        {
            "JOB": [j.job_id for j in found],
            "STATE": [state_text(j) for j in found],
            "ACCEPTED": [f"{j.count_accepted:,} of {j.count:,}" for j in found],
            "COST": [money(j.cost_usd) for j in found],
            "CREATED": [j.created_at for j in found],
            "DOMAIN": [j.domain for j in found],
        }
    )


@command.command("status")
@click.argument("job_id")
@json_option
@connection_options
def status(connection: ConnectionOptions, job_id: str, as_json: bool) -> None:
    """Show the state, counts and cost of a job."""
    show_job(connection, job_id, as_json=as_json)


@command.command("download")
@click.argument("job_id")
@out_option
@json_option
@connection_options
def download(connection: ConnectionOptions, job_id: str, out: Path, as_json: bool) -> int:
    """Save the files of an ended job, also of one that another program started."""
    from dataforge_client.cli.synth_files import save_files

    with connect(connection) as forge:
        saved = save_files(forge, job_id, out)
    if as_json:
        print_json({"job_id": job_id, "files": saved})
    else:
        for name, path in saved.items():
            echo(f"{name:<16}{path}", err=True)
    if "results" in saved:
        return OK
    echo("Error: no record was accepted; the files say why.", err=True)
    return FAILED


@command.command("resume")
@click.argument("job_id")
@out_option
@click.option("--json", "as_json", is_flag=True, help="Print events as JSON lines on stdout; the last is the result.")
@click.option("--quiet", "-q", is_flag=True, help="Print only errors.")
@connection_options
def resume(connection: ConnectionOptions, job_id: str, out: Path, as_json: bool, quiet: bool) -> int:
    """Wait for a job to end and save its files, as `dataforge synth` does."""
    from dataforge_client.cli.synth_session import SynthRequest, SynthSession

    return SynthSession(connection, SynthRequest(None, out, job_id=job_id), as_json=as_json, quiet=quiet).run()


@command.command("cancel")
@click.argument("job_id")
@json_option
@connection_options
def cancel(connection: ConnectionOptions, job_id: str, as_json: bool) -> None:
    """Stop a running job. Its accepted records are kept, and paid for."""
    cancel_job(connection, job_id, as_json=as_json)


def show_job(connection: ConnectionOptions, job_id: str, *, as_json: bool) -> None:
    with connect(connection) as forge:
        job = forge.synthetic_get_job(job_id)
    if as_json:
        print_json(job.raw)
        return
    echo(f"{job.job_id}  synthetic  {state_text(job)}")
    echo(f"{job.schema}, {job.count:,} records: {job.domain}")
    echo(f"accepted {job.count_accepted:,}, rejected {job.count_rejected:,}, failed {job.count_failed:,}")
    echo(f"cost {money(job.cost_usd)} (estimated at most {money(job.estimated_cost_usd)})")
    if job.error:
        echo(f"error: {job.error}")


def cancel_job(connection: ConnectionOptions, job_id: str, *, as_json: bool) -> None:
    with connect(connection) as forge:
        job = forge.synthetic_cancel_job(job_id)
    if as_json:
        print_json(job.raw)
        return
    echo(f"{job.job_id} {job.status}", err=True)


def is_job(identifier: str) -> bool:
    """Whether the id is that of a synthetic job."""
    return identifier.startswith("syn_job_")


def state_text(job: SyntheticJob) -> str:
    return job.status if job.closed else f"{job.status} {job.progress}%"
