from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.responses import Response

from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.workflows.reporting import run_pages
from dataforge.workflows.synthetic import closing, jobs
from dataforge_functions.api import downloads, report_pages
from dataforge_functions.api.callers import AnyCallerDep as Who
from dataforge_functions.api.path_ids import JobId
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import outcomes
from dataforge_functions.api.wire import synthetic_jobs as answers

_NOT_THERE: dict[int | str, dict[str, Any]] = {
    409: {"description": "The job has not ended"},
    410: {"description": "The files of the job were kept for their time, and are deleted"},
}
router = APIRouter(tags=["synthetic"], route_class=Route, responses=_NOT_THERE)

MOST_INLINE_BYTES = 5_000_000
"""A function's answer holds 6 MB; longer results are answered with 302 to a presigned URL on AWS."""
View = Annotated[
    Literal["canonical", "legacy"] | None,
    Query(description="`canonical`: the fields of the full documentation only; `legacy`: those of the quick page only"),
]
Format = Annotated[Literal["jsonl", "url"], Query(description="`url`: a presigned URL instead of the records")]
_LINES: dict[str, Any] = {
    closing.NDJSON: {"schema": {"type": "string"}, "example": '{"instruction": "...", "output": "..."}'}
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One JSON object per line; with `format=url` their URL",
        "content": {**_LINES, "application/json": {"schema": {"$ref": "#/components/schemas/SyntheticUrl"}}},
    },
    206: {"description": "The part that `Range` asked for", "content": _LINES},
    302: {"description": "Results above 5 MB, on AWS: the presigned URL of the same bytes"},
    304: {"description": "`If-None-Match` holds the `ETag` of the file: it has not changed"},
    416: {"description": "`Range` begins behind the end of the file"},
}


@router.get("/jobs/{job_id}/results", operation_id="synthetic_results", responses=_STREAM, response_model=None)
def results(
    request: Request, who: Who, job_id: JobId, format: Format = "jsonl", view: View = None
) -> Response | answers.SyntheticUrl:
    """The records, one JSON object per line; `format=url`: a presigned URL, valid for an hour.

    With `ETag` and `If-None-Match`, `Range` and `If-Range`: a download that broke off can be continued.
    """
    key = jobs.results_key(jobs.get(who.org_id, job_id), view)
    url = current().files.presign_get(key, filename=f"{job_id}.jsonl")
    if format == "url":
        return answers.SyntheticUrl(url=url)
    info = current().files.info(key)
    if current().name == "aws" and info is not None and info.size > MOST_INLINE_BYTES:
        return RedirectResponse(url, status_code=302)
    if info is None:
        raise NotFound(f"Job {job_id} has no file of results", code="NO_RESULTS")
    files = current().files
    return downloads.respond(request, files, info, lambda: files.stream(key), media_type=closing.NDJSON)


@router.get("/jobs/{job_id}/results/url", operation_id="synthetic_results_url")
def results_url(who: Who, job_id: JobId, view: View = None) -> answers.SyntheticUrl:
    """The same as `results` with `format=url`."""
    key = jobs.results_key(jobs.get(who.org_id, job_id), view)
    return answers.SyntheticUrl(url=current().files.presign_get(key, filename=f"{job_id}.jsonl"))


@router.get("/jobs/{job_id}/quality-report", operation_id="synthetic_quality_report")
def quality_report(who: Who, job_id: JobId) -> answers.SyntheticUrl:
    """A presigned URL of the report, as JSON."""
    return _presigned(who, job_id, closing.REPORT)


@router.get(
    "/jobs/{job_id}/report",
    operation_id="synthetic_report",
    response_class=HTMLResponse,
    responses=report_pages.RESPONSES,
)
def report(who: Who, job_id: JobId) -> HTMLResponse:
    """The report as a page for people."""
    key = jobs.file_key(jobs.get(who.org_id, job_id), run_pages.REPORT_PAGE)
    return report_pages.respond(key, f"{job_id}-report.html")


@router.get("/jobs/{job_id}/manifest", operation_id="synthetic_manifest")
def manifest(who: Who, job_id: JobId) -> answers.SyntheticUrl:
    """A presigned URL of manifest.json: parameters, models, files with their SHA-256, the quality report."""
    return _presigned(who, job_id, closing.MANIFEST)


@router.get("/jobs/{job_id}/outcomes", operation_id="synthetic_outcomes")
def job_outcomes(who: Who, job_id: JobId) -> outcomes.SyntheticOutcomes:
    """JSON Lines files of all requested records: delivered, rejected and failed, the latter two with reasons.

    Also of a job without results. A failed one has the start of the last reply, where the model wrote something.
    """
    run = jobs.ended(jobs.get(who.org_id, job_id))
    return outcomes.SyntheticOutcomes(job_id=job_id, files=outcomes.files_of(run))


@router.get("/jobs/{job_id}/splits", operation_id="synthetic_splits")
def splits(who: Who, job_id: JobId) -> answers.SyntheticSplits:
    """A presigned URL for each split of `output_split`."""
    found = jobs.splits(jobs.get(who.org_id, job_id))
    return answers.SyntheticSplits(
        splits={name: current().files.presign_get(key, filename=f"{name}.jsonl") for name, (key, _) in found.items()},
        counts={name: records for name, (_, records) in found.items()},
    )


def _presigned(who: Who, job_id: str, name: str) -> answers.SyntheticUrl:
    key = jobs.file_key(jobs.get(who.org_id, job_id), name)
    return answers.SyntheticUrl(url=current().files.presign_get(key, filename=f"{job_id}-{name}"))
