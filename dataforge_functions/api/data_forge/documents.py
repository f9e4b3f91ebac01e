from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from dataforge.errors import Invalid
from dataforge.store import documents as document_store
from dataforge.store import revisions
from dataforge.store.documents import Document, DocumentBrief
from dataforge.store.projects import Project
from dataforge.workflows.documents import chunk_edits, deletion, registration
from dataforge.workflows.documents.chunk_edits import ChunkEdit
from dataforge_functions.api.callers import ProjectDep
from dataforge_functions.api.paging import PagingDep
from dataforge_functions.api.path_ids import ChunkId, DocumentId
from dataforge_functions.api.preconditions import ETAG, IfMatchDep, both, etag
from dataforge_functions.api.routing import Route
from dataforge_functions.api.wire import data_forge as wire
from dataforge_functions.api.wire import views
from dataforge_functions.api.wire.limits import MAX_PAGE, Id

router = APIRouter(prefix="/projects/{project_id}", tags=["documents"], route_class=Route)


@router.post("/upload-url", operation_id="create_upload_url")
def create_upload_url(project: ProjectDep, body: wire.UploadRequest) -> wire.UploadUrl:
    """Returns a presigned URL for one PUT of the file, with the same Content-Type; it is valid for an hour."""
    url, key = registration.upload_url(project, body.filename, body.content_type, body.file_size)
    return wire.UploadUrl(upload_url=url, s3_key=key)


@router.post("/documents", status_code=201, operation_id="register_document")
def register_document(project: ProjectDep, body: wire.RegisterDocument) -> wire.Document:
    """Registers an uploaded file, a web page or a text as a document, which the next parse reads."""
    given = [name for name in _REGISTER if getattr(body, name) is not None]
    if len(given) != 1:
        problem = f"not {' and '.join(given)}" if given else "none was sent"
        raise Invalid(f"Send exactly one of s3_key, url and content: {problem}", field=given[1] if given else "s3_key")
    return views.document(_REGISTER[given[0]](project, body))


def _uploaded(project: Project, body: wire.RegisterDocument) -> Document:
    if body.filename is None or body.file_size is None:
        missing = "filename" if body.filename is None else "file_size"
        raise Invalid(f"{missing} is needed for an uploaded file", field=missing)
    return registration.register(
        project,
        filename=body.filename,
        s3_key=body.s3_key or "",
        content_type=body.content_type,
        file_size=body.file_size,
        metadata=body.metadata,
    )


def _web_page(project: Project, body: wire.RegisterDocument) -> Document:
    return registration.register_url(project, url=body.url or "", filename=body.filename, metadata=body.metadata)


def _sent_text(project: Project, body: wire.RegisterDocument) -> Document:
    content = body.content or ""
    if body.file_size is not None and body.file_size != len(content.encode()):
        raise Invalid(
            f"file_size says {body.file_size}, but content has {len(content.encode())} bytes", field="file_size"
        )
    return registration.register_text(
        project, content=content, filename=body.filename, content_type=body.content_type, metadata=body.metadata
    )


_REGISTER = {"s3_key": _uploaded, "url": _web_page, "content": _sent_text}


@router.get("/documents", operation_id="list_documents")
def list_documents(project: ProjectDep, paging: PagingDep) -> list[wire.Document]:
    """Newest first."""
    return [views.document(d) for d in paging.cut(document_store.of_project(project.project_id))]


@router.delete("/documents/{document_id}", operation_id="delete_document")
def delete_document(project: ProjectDep, document_id: DocumentId) -> wire.Told:
    """Deletes the document, its chunks and its stored file; pairs generated from it remain."""
    deletion.delete_document(project, document_id)
    return wire.Told(message=f"Document {document_id} deleted successfully")


@router.get("/chunks", operation_id="list_chunks")
def list_chunks(
    project: ProjectDep,
    page: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Which page, from 1")] = 1,
    page_size: Annotated[int, Query(ge=1, le=500, description="Chunks per page")] = 50,
    document_id: Annotated[Id | None, Query(description="Only chunks of this document")] = None,
) -> wire.ChunkPage:
    """Sorted by document, then position."""
    if document_id is None:
        briefs = document_store.briefs_of_project(project.project_id)
        documents: list[Document | DocumentBrief] = [d for d in briefs if d.parsing_status != "deleting"]
    else:
        documents = [document_store.get(project.project_id, document_id)]
    found, total = document_store.chunk_page(documents, (page - 1) * page_size, page * page_size)
    return wire.ChunkPage(chunks=[views.chunk(c) for c in found], total=total, page=page, page_size=page_size)


@router.put("/chunks/{chunk_id}", operation_id="update_chunk")
def update_chunk(
    project: ProjectDep, chunk_id: ChunkId, body: wire.UpdateChunk, if_match: IfMatchDep, response: Response
) -> wire.Chunk:
    """Corrects the text, adds metadata, or excludes the chunk from generation; existing pairs do not change.

    With `If-Match` or `revision`: 409 `REVISION_CONFLICT`, with the chunk as it is now, if it was changed since.
    """
    change = ChunkEdit(body.content, body.metadata, body.excluded)
    edited = chunk_edits.edit(project.project_id, chunk_id, change, expected=both(if_match, body.revision))
    response.headers[ETAG] = etag(revisions.of_chunk(edited))
    return views.chunk(edited)
