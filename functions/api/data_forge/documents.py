from __future__ import annotations

import itertools
from typing import Annotated

from fastapi import APIRouter, Query

from dataforge.store import projects
from dataforge.workflows import projects as workflow
from functions.api.callers import ProjectDep
from functions.api.routing import Route
from functions.api.wire import data_forge as wire
from functions.api.wire import views
from functions.api.wire.limits import MAX_PAGE, Id

router = APIRouter(prefix="/projects/{project_id}", tags=["documents"], route_class=Route)


@router.post("/upload-url", operation_id="create_upload_url")
def create_upload_url(project: ProjectDep, body: wire.UploadRequest) -> wire.UploadUrl:
    """A presigned URL for one PUT of the file, with the same Content-Type, within the hour."""
    url, key = workflow.upload_url(project, body.filename, body.content_type, body.file_size)
    return wire.UploadUrl(upload_url=url, s3_key=key)


@router.post("/documents", status_code=201, operation_id="register_document")
def register_document(project: ProjectDep, body: wire.RegisterDocument) -> wire.Document:
    """After the upload: makes the file a document that the next parse reads."""
    made = workflow.register(
        project, filename=body.filename, s3_key=body.s3_key, content_type=body.content_type,
        file_size=body.file_size, metadata=body.metadata,
    )
    return views.document(made)


@router.get("/documents", operation_id="list_documents")
def list_documents(project: ProjectDep) -> list[wire.Document]:
    """Newest first."""
    return [views.document(d) for d in projects.documents_of(project.project_id)]


@router.delete("/documents/{document_id}", operation_id="delete_document")
def delete_document(project: ProjectDep, document_id: Id) -> wire.Told:
    """The document, its chunks and its stored file; pairs made from it stay."""
    workflow.delete_document(project, document_id)
    return wire.Told(message=f"Document {document_id} deleted successfully")


@router.get("/chunks", operation_id="list_chunks")
def list_chunks(
    project: ProjectDep,
    page: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 1,
    page_size: Annotated[int, Query(ge=1, le=500)] = 50,
    document_id: Id | None = None,
) -> wire.ChunkPage:
    """By document, then position."""
    if document_id is None:
        total = project.chunks
    else:
        total = projects.get_document(project.project_id, document_id).chunk_count
    wanted = itertools.islice(
        projects.chunks_of(project.project_id, document_id), (page - 1) * page_size, page * page_size
    )
    return wire.ChunkPage(chunks=[views.chunk(c) for c in wanted], total=total, page=page, page_size=page_size)
