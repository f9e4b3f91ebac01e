from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

from dataforge.workflows.synthetic import jobs, starting
from dataforge_functions.api.callers import AnyCallerDep as Who
from dataforge_functions.api.path_ids import JobId
from dataforge_functions.api.routing import NOT_SUFFICIENT, Route
from dataforge_functions.api.wire import synthetic as wire
from dataforge_functions.api.wire import synthetic_jobs as answers
from dataforge_functions.api.wire import synthetic_views as views

router = APIRouter(tags=["synthetic"], route_class=Route)

Confirmed = Annotated[
    Literal["true", "false"] | None,
    Header(alias="X-Domain-Confirmed", description="`true`: the domain is spelled as intended, skip the spell check"),
]


@router.post(
    "/generate",
    operation_id="synthetic_generate",
    status_code=202,
    response_description="The job, which has not begun yet",
    responses={
        200: {"model": answers.SyntheticStarted, "description": "An estimate: nothing was started"},
        402: {"description": NOT_SUFFICIENT},
    },
)
def generate(
    who: Who, body: wire.SyntheticRequest, response: Response, confirmed: Confirmed = None
) -> answers.SyntheticStarted:
    """Starts a job and returns at once; with `estimate` or `dry_run` it starts nothing and returns the price (200)."""
    request = body.plain()
    if body.estimate or body.dry_run:
        response.status_code = 200
        return views.estimate(starting.quote(who.org_id, request, domain_confirmed=confirmed == "true"))
    return views.started(starting.start(who.org_id, who.user_id, request, domain_confirmed=confirmed == "true"))


@router.get("/jobs", operation_id="synthetic_list_jobs")
def list_jobs(
    who: Who,
    status: Annotated[
        Literal["queued", "running", "succeeded", "failed"] | None, Query(description="Only jobs with this status")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Jobs per page")] = 20,
    cursor: Annotated[str | None, Query(max_length=2000, description="`next_cursor` of the page before")] = None,
) -> answers.SyntheticJobPage:
    """Newest first; pass `next_cursor` back as `cursor` for the next page."""
    found, following = jobs.listed(who.org_id, status=status, limit=limit, cursor=cursor)
    return answers.SyntheticJobPage(jobs=[views.job(r) for r in found], next_cursor=following)


@router.get("/jobs/{job_id}", operation_id="synthetic_get_job")
def get_job(who: Who, job_id: JobId) -> answers.SyntheticJob:
    """With its counts, and its quality grade once it has ended."""
    return views.job(jobs.get(who.org_id, job_id))


@router.post("/jobs/{job_id}/cancel", operation_id="synthetic_cancel_job")
def cancel_job(who: Who, job_id: JobId) -> answers.SyntheticJob:
    """Stops within a batch; records accepted until then are billed and can be downloaded. 409 once it has ended."""
    return views.job(jobs.cancel(jobs.get(who.org_id, job_id)))
