"""Deleting a document; `erasing` does a whole project."""

from __future__ import annotations

from dataforge.errors import Conflict
from dataforge.store import projects, uploads
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
