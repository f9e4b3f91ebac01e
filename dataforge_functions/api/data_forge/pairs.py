from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from dataforge import ids
from dataforge.access import Caller
from dataforge.errors import NotFound
from dataforge.store import exports, projects, revisions
from dataforge.store.projects import Project
from dataforge.workflows import tracing
from dataforge.workflows.exporting import export as exporting_export
from dataforge.workflows.reporting import exports as export_pages
from dataforge.workflows.review import analytics as review_analytics
from dataforge.workflows.review import bulk, edit, search
from dataforge.workflows.review.doubts import Included
from dataforge_functions.api import report_pages
from dataforge_functions.api.callers import CallerDep, ProjectDep
from dataforge_functions.api.path_ids import PairId, Version
from dataforge_functions.api.preconditions import ETAG, IfMatchDep, both, etag
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import data_forge as wire
from dataforge_functions.api.wire import review as reviewing
from dataforge_functions.api.wire import trace_views, views
from dataforge_functions.api.wire.trace import Trace

router = APIRouter(tags=["pairs"], route_class=Route)


@router.get("/projects/{project_id}/pairs", operation_id="list_pairs")
def list_pairs(project: ProjectDep, query: Annotated[reviewing.PairQuery, Query()]) -> reviewing.PairPage:
    """Filters are combined with AND; `search` finds text in every turn, ignoring case; `total` is exact."""
    found, total = search.page(project, _filter(query), page=query.page, page_size=query.page_size)
    return reviewing.PairPage(
        pairs=[views.pair(p) for p in found], total=total, page=query.page, page_size=query.page_size
    )


@router.put("/pairs/{pair_id}", operation_id="update_pair")
def update_pair(
    who: CallerDep, pair_id: PairId, body: reviewing.UpdatePair, if_match: IfMatchDep, response: Response
) -> reviewing.Pair:
    """New text without a status makes the pair `edited`; `metadata.reviewer_notes` sets the notes.

    With `If-Match` or `revision`: 409 `REVISION_CONFLICT`, with the pair as it is now, if it was changed since.
    """
    change = edit.Edit(body.input_text, body.output_text, body.status, body.metadata)
    edited = edit.edit(_project_of(who, pair_id), pair_id, change, expected=both(if_match, body.revision))
    response.headers[ETAG] = etag(revisions.of_pair(edited))
    return views.pair(edited)


@router.get("/pairs/{pair_id}/trace", operation_id="trace_pair")
def trace_pair(who: CallerDep, pair_id: PairId) -> Trace:
    """The lineage of a pair: reply, call, chunk, document; and which of them have expired, changed or been deleted."""
    return trace_views.trace(tracing.trace(_project_of(who, pair_id), pair_id))


def _project_of(who: Caller, pair_id: str) -> Project:
    """The pair's project, if it is the caller's. Raises NotFound in the pair's name."""
    try:
        return projects.get(who.org_id, ids.project_of_pair(pair_id))
    except NotFound:
        raise NotFound(f"Pair {pair_id} not found") from None


@router.post("/projects/{project_id}/pairs/bulk-action", operation_id="bulk_action")
def bulk_action(project: ProjectDep, body: reviewing.BulkRequest) -> reviewing.BulkResult:
    """Accepts, rejects, resets or deletes the pairs in `pair_ids`, or those that match `filters` (`{}`: all).

    To accept by filters leaves out pairs that a check flags or rejected, and duplicates, unless they are included. The
    action can be undone with the undo token for a day; deleted pairs are erased after that.
    """
    wanted = None if body.filters is None else _filter(body.filters)
    included = Included(body.include_flagged, body.include_rejected, body.include_duplicates)
    done = bulk.act(project, body.action, pair_ids=body.pair_ids, wanted=wanted, included=included)
    return reviewing.BulkResult(
        action=body.action,
        affected_count=done.affected,
        undo_token=done.undo_token,
        undo_expires_at=done.undo_expires_at,
        left_out=reviewing.BulkLeftOut(**asdict(done.left_out)),
    )


@router.post("/projects/{project_id}/pairs/bulk-action/undo", operation_id="undo_bulk_action")
def undo_bulk_action(project: ProjectDep, body: reviewing.UndoRequest) -> reviewing.Undone:
    """Restores the previous status of every pair of a bulk action, except pairs that were changed since."""
    undone = bulk.undo(project, body.undo_token)
    return reviewing.Undone(restored_count=undone.restored, skipped_count=undone.skipped)


def _filter(given: reviewing.PairFilters) -> search.PairFilter:
    fields = given.model_dump(include=set(reviewing.PairFilters.model_fields))
    run_id, difficulty = fields.pop("generation_id"), fields.pop("complexity_level")
    return search.PairFilter(run_id=run_id, difficulty=difficulty, **{**fields, "search": given.search or None})


@router.post("/projects/{project_id}/export", operation_id="export")
def export(project: ProjectDep, body: wire.ExportRequest | None = None) -> wire.Export:
    """Exports accepted and edited pairs to a new JSONL file with the next version number: all of them, unless the body
    leaves some out."""
    wanted = body or wire.ExportRequest()
    made = exporting_export.export(
        project,
        format=wanted.format,
        include_system_prompt=wanted.include_system_prompt,
        chosen=exporting_export.Selection(
            wanted.min_quality_score, flagged=wanted.include_flagged, duplicates=wanted.include_duplicates
        ),
        shares=wanted.split,
    )
    return views.export(made)


@router.get("/projects/{project_id}/export/{version}", operation_id="get_export")
def get_export(project: ProjectDep, version: Version) -> wire.Export:
    """Returns an earlier export with a new download URL."""
    return views.export(exports.get(project.project_id, version))


@router.get(
    "/projects/{project_id}/export/{version}/report",
    operation_id="get_export_report",
    response_class=HTMLResponse,
    responses=report_pages.RESPONSES,
)
def get_export_report(project: ProjectDep, version: Version) -> HTMLResponse:
    """The quality report of an export, as a page for people."""
    key = export_pages.key_of(exports.get(project.project_id, version))
    return report_pages.respond(key, f"{project.project_id}-v{version}-report.html")


@router.get("/projects/{project_id}/analytics", operation_id="analytics")
def analytics(project: ProjectDep) -> reviewing.Analytics:
    """Counts of documents, chunks, pairs and runs, and the distribution of quality scores."""
    return views.analytics(project, review_analytics.of_project(project))
