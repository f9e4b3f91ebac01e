"""Documents and the chunks that they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from dataforge_client import files
from dataforge_client.calls import PAGE, Calls, as_page, every, given, params, part, project_path
from dataforge_client.models import Chunk, Document, Page, UploadTarget
from dataforge_client.reading import read, read_list


class Documents(Calls):
    def create_upload_url(
        self,
        project_id: str,
        filename: str,
        *,
        content_type: str | None = None,
        file_size: int | None = None,
        idempotency_key: str | None = None,
    ) -> UploadTarget:
        body = given(filename=filename, content_type=content_type, file_size=file_size)
        # Asking twice only signs twice, so it may be retried.
        return read(UploadTarget, self._post(f"{project_path(project_id)}/upload-url", body, key=idempotency_key))

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
        """One of: an uploaded file (filename, s3_key and file_size), a public page (url), a text (content)."""
        body = given(
            filename=filename,
            s3_key=s3_key,
            file_size=file_size,
            content_type=content_type,
            metadata=metadata,
            url=url,
            content=content,
        )
        return read(Document, self._post(f"{project_path(project_id)}/documents", body, key=idempotency_key))

    def register_url(
        self, project_id: str, url: str, *, filename: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> Document:
        """A public page or file; the server fetches it at every parse."""
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
        """Text as a document of its own: plain, unless filename or content_type say Markdown, HTML or CSV."""
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
        """Sign, stream from disk, register. `name`: what the document is called there (default: the file's name)."""
        path = Path(path)
        name, size = name or path.name, path.stat().st_size
        kind = content_type or files.content_type(name)
        target = self.create_upload_url(project_id, name, content_type=kind, file_size=size)
        files.upload(self._transport, target.upload_url, path, size=size, content_type=kind, on_bytes=on_bytes)
        return self.register_document(project_id, name, target.s3_key, size, content_type=kind, metadata=metadata)

    def list_documents(
        self, project_id: str, *, page: int | None = None, page_size: int | None = None
    ) -> list[Document]:
        """Newest first; all of them unless a page is asked for."""
        wanted = params(page=page, page_size=page_size)
        return read_list(Document, self._get(f"{project_path(project_id)}/documents", wanted))

    def iter_documents(self, project_id: str) -> Iterator[Document]:
        return every(lambda n: self._array_page(Document, f"{project_path(project_id)}/documents", n))

    def delete_document(self, project_id: str, document_id: str) -> str:
        """What the server says; its chunks and its file go too, its pairs stay."""
        told = self._delete(f"{project_path(project_id)}/documents/{part(document_id)}")
        return str(told.get("message", ""))

    def list_chunks(
        self, project_id: str, *, page: int = 1, page_size: int = 50, document_id: str | None = None
    ) -> Page[Chunk]:
        wanted = params(page=page, page_size=page_size, document_id=document_id)
        return as_page(Chunk, "chunks", self._get(f"{project_path(project_id)}/chunks", wanted))

    def iter_chunks(self, project_id: str, *, document_id: str | None = None) -> Iterator[Chunk]:
        return every(lambda n: self.list_chunks(project_id, page=n, page_size=PAGE, document_id=document_id))

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
        """excluded: keep the chunk out of generation. revision: that of the chunk you read; raises Conflict
        (`REVISION_CONFLICT`) if it was changed since."""
        body = given(content=content, metadata=metadata, excluded=excluded, revision=revision)
        return read(Chunk, self._put(f"{project_path(project_id)}/chunks/{part(chunk_id)}", body))
