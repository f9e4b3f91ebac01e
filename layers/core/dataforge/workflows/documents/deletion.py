"""Deleting a document; `erasing` does a whole project."""

from __future__ import annotations

from dataforge.errors import Conflict
from dataforge.store import documents, uploads
from dataforge.store.projects import Project
from dataforge.workflows import lifecycle
from dataforge.workflows.documents import parsing


def delete_document(project: Project, document_id: str) -> None:
    """Cut off in the middle, it can be called again. Raises NotFound; Conflict while a run works on the project."""
    document = documents.get(project.project_id, document_id)
    if lifecycle.active_run(project) is not None:
        raise Conflict("A run is using this project; wait for it or cancel it first", code="JOB_ALREADY_RUNNING")
    lifecycle.release_if_finished(project)
    documents.begin_deletion(project, document)
    document = documents.get(project.project_id, document_id)  # its counts can no longer change
    also = (
        [uploads.tombstone(project.org_id, project.project_id, document.s3_key)] if document.source == "upload" else []
    )
    files = [document.s3_key, *parsing.text_keys(project, document)]
    documents.finish_deletion(project, document, files, also)
