from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from dataforge.errors import NotFound
from dataforge.store import run_log, runs
from dataforge.store.runs import Run
from dataforge.teachers import available
from dataforge.workflows import kinds, lifecycle, run_files
from dataforge.workflows.documents import parsing
from dataforge.workflows.engine import rounds
from dataforge.workflows.generation import starting
from dataforge.workflows.reporting import run_pages
from dataforge_functions.api import report_pages
from dataforge_functions.api.callers import CallerDep, ProjectDep
from dataforge_functions.api.paging import PagingDep
from dataforge_functions.api.path_ids import GenerationId
from dataforge_functions.api.routing import NOT_SUFFICIENT, Route
from dataforge_functions.api.wire import generations as wire
from dataforge_functions.api.wire import outcomes, views

router = APIRouter(tags=["generations"], route_class=Route)


@router.post("/projects/{project_id}/parse", operation_id="parse")
def parse(project: ProjectDep, body: wire.ParseRequest | None = None) -> wire.ParseStarted:
    """Parses the pending and failed documents into chunks."""
    wanted = body or wire.ParseRequest()
    run = parsing.start(project, document_ids=wanted.document_ids, force=wanted.force)
    return wire.ParseStarted(generation_id=run.run_id, generationId=run.run_id)


@router.post(
    "/projects/{project_id}/generate", operation_id="generate", responses={402: {"description": NOT_SUFFICIENT}}
)
def generate(project: ProjectDep, body: wire.GenerateRequest) -> wire.GenerationStarted | wire.Quote:
    """Generates training pairs from the project's chunks; with `estimate: true` it only returns the estimate."""
    request = body.model_dump()
    if body.estimate:
        order = starting.quote(project, request)
        return wire.Quote(
            projectId=project.project_id,
            config=order.config,
            model=order.model.backend,
            estimate=wire.Estimate.model_validate(order.estimate),
        )
    run = starting.start(project, request)
    return wire.GenerationStarted(
        generationId=run.run_id,
        generation_id=run.run_id,
        projectId=run.project_id,
        config=run.config,
        status="pending",
        progress=0,
        createdAt=run.created_at,
    )


@router.get("/projects/{project_id}/generations", operation_id="list_generations")
def list_generations(project: ProjectDep, paging: PagingDep) -> list[wire.Generation]:
    """Parse and generate runs, newest first."""
    wanted = paging.cut(r.run_id for r in runs.briefs_of_project(project.project_id))
    return [views.generation(lifecycle.reconcile(r)) for r in runs.get_many(project.org_id, wanted)]


def run_over_documents(org_id: str, generation_id: str) -> Run:
    """A run over documents: 404 for those of other APIs, which have other bodies."""
    run = runs.get(org_id, generation_id)
    if kinds.of(run.kind).belongs_to != "project":
        raise NotFound(f"Generation {generation_id} not found")
    return run


@router.get("/generations/{generation_id}", operation_id="get_generation")
def get_generation(who: CallerDep, generation_id: GenerationId) -> wire.Generation:
    """A parse or a generation; while it runs, counts and cost are those so far."""
    return views.generation(lifecycle.reconcile(run_over_documents(who.org_id, generation_id)))


@router.post("/generations/{generation_id}/cancel", operation_id="cancel_generation")
def cancel_generation(who: CallerDep, generation_id: GenerationId) -> wire.Cancelled:
    """Stops within a batch; pairs generated so far remain. 409 once it has completed or failed."""
    lifecycle.cancel(run_over_documents(who.org_id, generation_id))
    return wire.Cancelled(generation_id=generation_id, generationId=generation_id)


@router.get("/generations/{generation_id}/logs", operation_id="get_generation_logs")
def get_generation_logs(
    who: CallerDep,
    generation_id: GenerationId,
    tail: Annotated[int, Query(ge=1, le=10_000, description="Lines to return")] = 1000,
) -> wire.Logs:
    """The last `tail` log lines, oldest first, also while the run is active."""
    run = run_over_documents(who.org_id, generation_id)
    lines = [wire.LogLine.model_validate(line) for line in run_log.tail(run.run_id, tail)]
    return wire.Logs(generation_id=generation_id, logs=lines)


@router.get("/generations/{generation_id}/outcomes", operation_id="get_generation_outcomes")
def get_generation_outcomes(who: CallerDep, generation_id: GenerationId) -> outcomes.Outcomes:
    """JSON Lines files of all requested records: delivered, rejected and failed, the latter two with reasons.

    409 until the run has ended.
    """
    run = run_over_documents(who.org_id, generation_id)
    return outcomes.Outcomes(generation_id=generation_id, files=outcomes.files_of(run))


@router.get(
    "/generations/{generation_id}/report",
    operation_id="get_generation_report",
    response_class=HTMLResponse,
    responses=report_pages.RESPONSES,
)
def get_generation_report(who: CallerDep, generation_id: GenerationId) -> HTMLResponse:
    """The quality report of a generation that has ended, as a page for people. A parse has none.

    409 until the run has ended.
    """
    run = run_over_documents(who.org_id, generation_id)
    rounds.require_ended(run)
    return report_pages.respond(run_files.key_of(run, run_pages.REPORT_PAGE), f"{generation_id}-report.html")


@router.get("/available-models", operation_id="available_models")
def available_models(who: CallerDep) -> list[wire.AvailableModel]:
    """Teacher models that are available in this deployment."""
    return [wire.AvailableModel(id=t.id, name=t.name, provider=t.provider) for t in available(who.org_id)]
