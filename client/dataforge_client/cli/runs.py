"""`dataforge runs`: every run with its state, and how to resume it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from dataforge_client.cli.connection import ConnectionOptions, connect, connection_options
from dataforge_client.cli.finding import find_project
from dataforge_client.cli.formatting import money, time_text
from dataforge_client.cli.hints import command_line
from dataforge_client.cli.jobs import is_job, state_text
from dataforge_client.cli.tables import json_option, print_json, print_table
from dataforge_client.cli.terminal import echo
from dataforge_client.errors import PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataforge_client.client import DataForge
    from dataforge_client.models import Generation, Project
    from dataforge_client.synthetic_models import SyntheticJob


Row = dict[str, Any]
"""run_id: what --resume takes. done: pairs or records that were delivered, `of` as many. state, cost_usd, name."""


@click.command("runs")
@click.argument("project", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Runs to list.")
@connection_options
@json_option
def command(project: str | None, limit: int, as_json: bool, connection: ConnectionOptions) -> None:
    """List runs and synthetic jobs with their state, newest first; of one PROJECT all of its runs.

    A run that has not come to generating yet is listed by the id of its project.
    """
    with connect(connection) as forge:
        rows = _runs_of(forge, find_project(forge, project)) if project else _all_runs(forge, limit)
    rows = sorted(rows, key=lambda r: r["created_at"], reverse=True)[:limit]
    if as_json:
        print_json(rows)
        return
    print_table(
        {
            "RUN": [r["run_id"] for r in rows],
            "STATE": [r["state"] for r in rows],
            "DONE": [f"{r['done']:,}" if r["of"] is None else f"{r['done']:,} of {r['of']:,}" for r in rows],
            "COST": [money(r["cost_usd"]) for r in rows],
            "CREATED": [r["created_at"] for r in rows],
            "NAME": [r["name"] for r in rows],
        }
    )
    if unfinished := [r["run_id"] for r in rows if _can_go_on(r)]:
        words = ("jobs", "resume") if is_job(unfinished[0]) else ("run", "--resume")
        echo(f"Resume one with: {command_line(connection, *words, unfinished[0])}", err=True)


def _can_go_on(row: Row) -> bool:
    """A run can be started again after a failure; a synthetic job that has ended cannot."""
    return row["state"] not in (("succeeded", "failed") if is_job(row["run_id"]) else ("completed",))


def _all_runs(forge: DataForge, limit: int) -> list[Row]:
    """The newest run of each of the newest projects, and the newest synthetic jobs."""
    from dataforge_client.cli.resuming import latest_job

    rows = []
    for project in islice(forge.iter_projects(), limit):
        jobs = forge.list_generations(project.project_id)
        latest = latest_job(jobs)
        rows.append(_row(latest, project) if latest else _unstarted(project, jobs))
    try:
        rows += [_synthetic_row(j) for j in islice(forge.iter_synthetic_jobs(), limit)]
    except PermissionDenied:
        echo("Synthetic jobs are not listed: the key lacks the scope synthetic:read.", err=True)
    return rows


def _runs_of(forge: DataForge, project_id: str) -> list[Row]:
    project, jobs = forge.get_project(project_id), forge.list_generations(project_id)
    rows = [_row(job, project) for job in jobs if job.kind == "generate"]
    return rows or [_unstarted(project, jobs)]


def _row(job: Generation, project: Project) -> Row:
    return Row(
        run_id=job.generation_id,
        state=job.status if job.closed else f"{job.status} {job.progress:.0f}%",
        done=job.counts.delivered,
        of=job.counts.requested or None,
        cost_usd=job.cost_usd,
        created_at=time_text(job.created_at),
        name=project.name,
    )


def _unstarted(project: Project, jobs: Sequence[Generation]) -> Row:
    """A project without a generate job: documents are uploaded, being parsed, or parsed."""
    state = "parsing" if any(not j.closed for j in jobs) else "parsed" if jobs else "uploaded"
    return Row(
        run_id=project.project_id,
        state=state,
        done=0,
        of=None,
        cost_usd=0.0,
        created_at=time_text(project.created_at),
        name=project.name,
    )


def _synthetic_row(job: SyntheticJob) -> Row:
    return Row(
        run_id=job.job_id,
        state=state_text(job),
        done=job.count_accepted,
        of=job.count,
        cost_usd=job.cost_usd,
        created_at=time_text(job.created_at),
        name=job.domain,
    )
