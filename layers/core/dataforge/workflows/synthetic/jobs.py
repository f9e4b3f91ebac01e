"""What callers see of their synthetic runs: one, a list of them, their files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Literal

import orjson

from dataforge import clock, settings
from dataforge.errors import Conflict, Gone, NotFound
from dataforge.platform import current
from dataforge.recipes.synthetic import lines
from dataforge.store import runs
from dataforge.store.runs import Run, RunBrief
from dataforge.workflows import lifecycle, run_files
from dataforge.workflows.kinds import SYNTHETIC
from dataforge.workflows.synthetic import closing
from dataforge.workflows.synthetic import config as synthetic_config
from dataforge.workflows.synthetic.starting import project_of

Status = Literal["queued", "running", "succeeded", "failed"]
_STATUS: dict[str, Status] = {
    "pending": "queued",
    "generating": "running",
    "validating": "running",
    "completed": "succeeded",
    "failed": "failed",
    "cancelled": "failed",
}
CANCELLED = "cancelled by user"
DAY = 86_400

MOST_READ = 500
"""Jobs that one page of a listing looks at."""
_PAGE = 100

logger = logging.getLogger(__name__)


def get(org_id: str, job_id: str) -> Run:
    """As it really is now. Raises NotFound, also for another organisation's job and for runs of other kinds."""
    try:
        run = runs.get(org_id, job_id)
    except NotFound:
        run = None
    if run is None or run.kind != SYNTHETIC.name:
        raise NotFound(f"Job {job_id} not found")
    return lifecycle.reconcile(run)


def status_of(run: Run) -> Status:
    return _STATUS[run.status]


def error_of(run: Run) -> str | None:
    return CANCELLED if run.status == "cancelled" else run.error


def listed(org_id: str, *, status: Status | None, limit: int, cursor: str | None) -> tuple[list[Run], str | None]:
    """Newest first; the cursor goes on where reading stopped.

    At most MOST_READ jobs are looked at: with a status that few have, a page may hold fewer than `limit` although more
    follow.
    """
    found: list[Run] = []
    looked_at = 0
    while len(found) < limit and looked_at < MOST_READ:
        page, following = runs.page_of_project(project_of(org_id), limit=_PAGE if status else limit, cursor=cursor)
        for number, run in enumerate(map(_reconciled, page), 1):
            if status is None or status_of(run) == status:
                found.append(run)
            if len(found) == limit and number < len(page):  # the cursor of a page that ends here
                return found, runs.cursor_after(project_of(org_id), number, cursor=cursor)
        looked_at, cursor = looked_at + len(page), following
        if cursor is None:
            break
    return found, cursor


def _reconciled(run: Run) -> Run:
    """One job that cannot be reconciled must not take the others off the list: it is shown as it was stored."""
    try:
        return lifecycle.reconcile(run)
    except Exception:
        logger.exception("job %s could not be reconciled", run.run_id)
        return run


def cancel(run: Run) -> Run:
    """Again for a cancelled job is fine. Raises Conflict when it has ended otherwise."""
    try:
        return lifecycle.cancel(run)
    except Conflict:
        now = runs.get(run.org_id, run.run_id)
        raise Conflict(f"Job {run.run_id} has already {status_of(now)}", code="JOB_FINISHED") from None


def results_key(run: Run, view: str | None = None) -> str:
    """The file to hand out. Raises Conflict before the end, NotFound when nothing was accepted."""
    ended(run)
    files: Any = run.results.get("files") or {}
    if "results" not in files:
        raise NotFound(f"Job {run.run_id} has no accepted records", code="NO_RESULTS")
    key = str(files["results"]["key"])
    if view is None:
        return key
    seen = run_files.key_of(run, f"results-{view}.jsonl")
    if current().files.info(seen) is None:
        current().files.write_stream(seen, _viewed(key, view), content_type=closing.NDJSON)
    return seen


def _viewed(key: str, view: str) -> Iterator[bytes]:
    with current().files.open(key) as file:
        for row in map(orjson.loads, file):
            yield orjson.dumps(lines.view(row, view)) + b"\n"


def file_key(run: Run, name: str) -> str:
    """quality_report.json, report.html or manifest.json. Raises Conflict before the end, NotFound where none is."""
    ended(run)
    key = run_files.key_of(run, name)
    if current().files.info(key) is None:
        raise NotFound(f"Job {run.run_id} has no {name}", code="NO_RESULTS")
    return key


def splits(run: Run) -> dict[str, tuple[str, int]]:
    """Name to key and number of records. Raises NotFound when none were asked for, Conflict before the end."""
    wanted = (synthetic_config.of(run).request.get("advanced") or {}).get("output_split")
    if not wanted:
        raise NotFound(f"Job {run.run_id} was started without output_split", code="SPLITS_NOT_CONFIGURED")
    results_key(run)
    files: Any = run.results["files"]
    return {name: (str(f["key"]), int(f["records"])) for name in wanted if (f := files[f"splits/{name}"])}


def expires_at(run: Run) -> str | None:
    """When its files go; None while it runs."""
    if run.completed_at is None or run.status not in runs.FINISHED:
        return None
    return clock.at(clock.epoch() - int(clock.seconds_since(run.completed_at)) + settings.get().results_days * DAY)


def sweep(org_id: str) -> int:
    """Delete the files of jobs whose results have expired; how many went. On AWS the bucket's lifecycle does it."""
    gone = 0
    for run in runs.briefs_of_project(project_of(org_id)):
        if run.status in runs.FINISHED and _expired(run):
            gone += current().files.delete_prefix(f"{run.files_prefix}/")
    return gone


def _expired(run: Run | RunBrief) -> bool:
    return run.completed_at is not None and clock.seconds_since(run.completed_at) > settings.get().results_days * DAY


def ended(run: Run) -> Run:
    """The run, whose files are there. Raises Conflict before the end, Gone once they have expired."""
    if run.status not in runs.FINISHED:
        raise Conflict(
            f"Job {run.run_id} is {status_of(run)}; its files are there once it has ended", code="JOB_NOT_COMPLETE"
        )
    if _expired(run):
        raise Gone(
            f"The results of job {run.run_id} were kept for {settings.get().results_days} days, until "
            f"{expires_at(run)}, and are deleted",
            code="RESULTS_EXPIRED",
        )
    return run
