"""Deleting: a document, a whole project."""

from __future__ import annotations

from dataforge.errors import Conflict
from dataforge.platform import current
from dataforge.store import pairs, projects, runs, uploads
from dataforge.store.projects import Project
from dataforge.workflows import parsing
from dataforge.workflows import runs as flow


def delete_document(project: Project, document_id: str) -> None:
    """Cut off in the middle, it can be called again. Raises NotFound; Conflict while a run works on the project."""
    document = projects.get_document(project.project_id, document_id)
    if flow.active(project) is not None:
        raise Conflict("A run is using this project; wait for it or cancel it first", code="JOB_ALREADY_RUNNING")
    flow.free_if_finished(project)
    projects.begin_deletion(project, document)
    document = projects.get_document(project.project_id, document_id)  # its counts can no longer change
    also = [uploads.grave(project.org_id, project.project_id, document.s3_key)] if document.source == "upload" else []
    projects.finish_deletion(project, document, [document.s3_key, parsing.text_key(project, document)], also)


def delete(project: Project) -> None:
    """Cancel what runs, then everything below the project, its own row last, so that it can be redone."""
    run = flow.active(project)
    if run is not None:
        flow.cancel(run)
        current().workflows.stop(run.kind, run.run_id, cause="project deleted")
        flow.finish(run, "cancelled")
    tables, project_id = current().tables, project.project_id
    current().files.delete_prefix(f"{project.s3_prefix}/")
    tables.batch_delete("pairs", ({"project_id": project_id, "pair_id": p.pair_id} for p in pairs.walk(project_id)))
    tables.batch_delete(
        "chunks", ({"project_id": project_id, "chunk_id": c.chunk_id} for c in projects.chunks_of(project_id))
    )
    for document in projects.documents_of(project_id):
        tables.delete("documents", {"project_id": project_id, "document_id": document.document_id})
    for export in pairs.exports_of(project_id):
        tables.delete("exports", {"project_id": project_id, "version": export.version})
    for run in runs.of_project(project_id):
        tables.delete("runs", {"org_id": run.org_id, "run_id": run.run_id})
    projects.delete_row(project)
