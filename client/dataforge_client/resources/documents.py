"""Documents and their chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dataforge_client import files
from dataforge_client.api_resource import (
    PAGE_SIZE,
    ApiResource,
    decode_page,
    iterate_pages,
    path_segment,
    project_path,
    query_params,
    without_none,
)
from dataforge_client.decoding import decode, decode_list
from dataforge_client.models import Chunk, Document, Page, UploadTarget


class Documents(ApiResource):
    def create_upload_url(
        self,
        project_id: str,
        filename: str,
        *,
        content_type: str | None = None,
        file_size: int | None = None,
        idempotency_key: str | None = None,
    ) -> UploadTarget:
        body = without_none(filename=filename, content_type=content_type, file_size=file_size)
        # A repeated request only signs another URL, so it is safe to retry.
        return decode(UploadTarget, self._post(f"{project_path(project_id)}/upload-url", body, key=idempotency_key))

    def register_document(
        self,
        project_id: str,
        filename: str | None = None,
        s3_key: str | None = None,
        file_size: int | None = None,
        *,
        content_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
        url: str | None = None,
        content: str | None = None,
        idempotency_key: str | None = None,
    ) -> Document:
        """Register one of: an uploaded file (filename, s3_key, file_size), a public page (url), a text (content)."""
        body = without_none(
            filename=filename,
            s3_key=s3_key,
            file_size=file_size,
            content_type=content_type,
            metadata=metadata,
            url=url,
            content=content,
        )
        return decode(Document, self._post(f"{project_path(project_id)}/documents", body, key=idempotency_key))

    def register_url(
        self, project_id: str, url: str, *, filename: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> Document:
        """Register a public page or file; the server downloads it in every parse job."""
        return self.register_document(project_id, filename, url=url, metadata=metadata)

    def register_text(
        self,
        project_id: str,
        content: str,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Document:
        """Register a text as a document: plain text, unless filename or content_type say Markdown, HTML or CSV."""
        return self.register_document(
            project_id, filename, content=content, content_type=content_type, metadata=metadata
        )

    def upload_file(
        self,
        project_id: str,
        path: str | Path,
        *,
        name: str | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
        on_bytes: files.OnBytes | None = None,
    ) -> Document:
        """Get an upload URL, stream the file, register the document. name: of the document [default: the file's]."""
        path = Path(path)
        name, size = name or path.name, path.stat().st_size
        media_type = content_type or files.content_type(name)
        target = self.create_upload_url(project_id, name, content_type=media_type, file_size=size)
        files.upload(self._transport, target.upload_url, path, size=size, content_type=media_type, on_bytes=on_bytes)
        return self.register_document(project_id, name, target.s3_key, size, content_type=media_type, metadata=metadata)

    def list_documents(
        self, project_id: str, *, page: int | None = None, page_size: int | None = None
    ) -> list[Document]:
        """Newest first; all of them unless `page` is given."""
        query = query_params(page=page, page_size=page_size)
        return decode_list(Document, self._get(f"{project_path(project_id)}/documents", query))

    def iter_documents(self, project_id: str) -> Iterator[Document]:
        return iterate_pages(lambda n: self._array_page(Document, f"{project_path(project_id)}/documents", n))

    def delete_document(self, project_id: str, document_id: str) -> str:
        """Delete a document with its chunks and its file; its pairs stay. Returns the server's message."""
        response = self._delete(f"{project_path(project_id)}/documents/{path_segment(document_id)}")
        return str(response.get("message", ""))

    def list_chunks(
        self, project_id: str, *, page: int = 1, page_size: int = 50, document_id: str | None = None
    ) -> Page[Chunk]:
        query = query_params(page=page, page_size=page_size, document_id=document_id)
        return decode_page(Chunk, "chunks", self._get(f"{project_path(project_id)}/chunks", query))

    def iter_chunks(self, project_id: str, *, document_id: str | None = None) -> Iterator[Chunk]:
        return iterate_pages(
            lambda n: self.list_chunks(project_id, page=n, page_size=PAGE_SIZE, document_id=document_id)
        )

    def update_chunk(
        self,
        project_id: str,
        chunk_id: str,
        *,
        content: str | None = None,
        metadata: Mapping[str, object] | None = None,
        excluded: bool | None = None,
        revision: str | None = None,
    ) -> Chunk:
        """excluded: True keeps the chunk out of generation.

        revision: that of the chunk you read; raises Conflict (`REVISION_CONFLICT`) if it was changed since.
        """
        body = without_none(content=content, metadata=metadata, excluded=excluded, revision=revision)
        return decode(Chunk, self._put(f"{project_path(project_id)}/chunks/{path_segment(chunk_id)}", body))
