from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query

from dataforge import ids
from dataforge.errors import NotFound
from dataforge.store import pairs, projects
from dataforge.workflows import exporting, review
from functions.api.callers import CallerDep, ProjectDep
from functions.api.routing import Route
from functions.api.wire import data_forge as wire
from functions.api.wire import views
from functions.api.wire.limits import MAX_PAGE, Id

router = APIRouter(tags=["pairs"], route_class=Route)


@router.get("/projects/{project_id}/pairs", operation_id="list_pairs")
def list_pairs(
    project: ProjectDep,
    page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
    page_size: Annotated[int, Query(ge=1, le=500)] = 50,
    status: Literal["pending", "accepted", "rejected", "edited"] | None = None,
    generation_id: Id | None = None,
    search: Annotated[str | None, Query(max_length=500)] = None,
) -> wire.PairPage:
    """Filters combine; `search` looks in question and answer, ignoring case; `total` is exact."""
    found, total = review.find(
        project, review.PairFilter(status, generation_id, search), page=page, page_size=page_size
    )
    return wire.PairPage(pairs=[views.pair(p) for p in found], total=total, page=page, page_size=page_size)


@router.put("/pairs/{pair_id}", operation_id="update_pair")
def update_pair(who: CallerDep, pair_id: Id, body: wire.UpdatePair) -> wire.Pair:
    """New text without a status makes the pair `edited`; `metadata.reviewer_notes` sets the notes."""
    try:
        project = projects.get(who.org_id, ids.project_of_pair(pair_id))
    except NotFound:
        raise NotFound(f"Pair {pair_id} not found") from None
    change = review.Edit(body.input_text, body.output_text, body.status, body.metadata)
    return views.pair(review.edit(project, pairs.get(project.project_id, pair_id), change))


@router.post("/projects/{project_id}/export", operation_id="export")
def export(project: ProjectDep, body: wire.ExportRequest | None = None) -> wire.Export:
    """Accepted and edited pairs as a new numbered JSONL file."""
    wanted = body or wire.ExportRequest()
    made = exporting.export(
        project, format=wanted.format, include_system_prompt=wanted.include_system_prompt,
        min_quality_score=wanted.min_quality_score,
    )
    return views.export(made)


@router.get("/projects/{project_id}/export/{version}", operation_id="get_export")
def get_export(project: ProjectDep, version: Annotated[int, Path(ge=1, le=10**9)]) -> wire.Export:
    """An earlier export with a fresh download URL."""
    return views.export(pairs.get_export(project.project_id, version))
