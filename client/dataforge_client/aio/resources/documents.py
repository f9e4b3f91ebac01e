"""Documents and their chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from dataforge_client import file_types
from dataforge_client.aio import files
from dataforge_client.aio.api_resource import ApiResource, iterate_pages
from dataforge_client.aio.runtime import concurrently, in_thread
from dataforge_client.api_request import PAGE_SIZE, decode_page, path_segment, project_path, query_params, without_none
from dataforge_client.decoding import decode, decode_list
from dataforge_client.errors import ClientError
from dataforge_client.file_types import OnBytes
from dataforge_client.folders import FolderUpload, SkippedFile, Source, files_of_folder, refused, split_by_presence
from dataforge_client.models import Chunk, Document, Page, UploadTarget
from dataforge_client.upload_source import Content, open_source


class Documents(ApiResource):
    async def create_upload_url(
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
        return decode(
            UploadTarget, await self._post(f"{project_path(project_id)}/upload-url", body, key=idempotency_key)
        )

    async def register_document(
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
        return decode(Document, await self._post(f"{project_path(project_id)}/documents", body, key=idempotency_key))

    async def register_url(
        self, project_id: str, url: str, *, filename: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> Document:
        """Register a public page or file; the server downloads it in every parse job."""
        return await self.register_document(project_id, filename, url=url, metadata=metadata)

    async def register_text(
        self,
        project_id: str,
        content: str,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> Document:
        """Register a text as a document: plain text, unless filename or content_type say Markdown, HTML or CSV."""
        return await self.register_document(
            project_id, filename, content=content, content_type=content_type, metadata=metadata
        )

    async def upload_file(
        self,
        project_id: str,
        file: Content,
        *,
        name: str | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, object] | None = None,
        on_bytes: OnBytes | None = None,
    ) -> Document:
        """Get an upload URL, stream the content, register the document.

        file: a path, bytes, or a file opened in binary mode, which is read from where it stands and not closed. name:
        of the document, needed for bytes [default: the file's]; its suffix says the type. Raises ValueError without a
        name, TypeError for a file in text mode, OSError for one that cannot be read.
        """
        with closing(await in_thread(partial(open_source, file, name))) as source:
            media_type = content_type or file_types.content_type(source.name)
            target = await self.create_upload_url(
                project_id, source.name, content_type=media_type, file_size=source.size
            )
            await files.upload(self._transport, target.upload_url, source, content_type=media_type, on_bytes=on_bytes)
        return await self.register_document(
            project_id, source.name, target.s3_key, source.size, content_type=media_type, metadata=metadata
        )

    async def upload_folder(
        self,
        project_id: str,
        folder: str | Path,
        *,
        exclude: Sequence[str] = (),
        metadata: Mapping[str, object] | None = None,
        parallel: int = 4,
        on_result: Callable[[Document | SkippedFile], None] | None = None,
    ) -> FolderUpload:
        """Upload every file of a folder and the folders in it, a few at a time, and say which were skipped and why.

        Resumable: what the project already has, by name and size, is not uploaded again. Hidden files and `exclude`
        patterns (of name or path, such as "*.csv") are left alone. A name that two files have is made unique with its
        folders. on_result: called with each document that was uploaded and each file that the server refused.

        Raises NotADirectoryError; and the error that every other file would get too, such as AuthenticationError or
        ConnectionFailed: call it again to go on.
        """
        sources, skipped = await in_thread(partial(files_of_folder, Path(folder), exclude))
        present, missing = split_by_presence(sources, await self.list_documents(project_id))

        async def upload(source: Source) -> Document | SkippedFile:
            result: Document | SkippedFile
            try:
                result = await self.upload_file(project_id, source.path, name=source.name, metadata=metadata)
            except (ClientError, OSError) as problem:
                result = refused(source, problem)
            if on_result:
                on_result(result)
            return result

        results = await concurrently(upload, missing, parallel)
        return FolderUpload(
            documents=tuple(r for r in results if isinstance(r, Document)),
            present=tuple(present),
            skipped=(*skipped, *(r for r in results if isinstance(r, SkippedFile))),
        )

    async def list_documents(
        self, project_id: str, *, page: int | None = None, page_size: int | None = None
    ) -> list[Document]:
        """Newest first; all of them unless `page` is given."""
        query = query_params(page=page, page_size=page_size)
        return decode_list(Document, await self._get(f"{project_path(project_id)}/documents", query))

    def iter_documents(self, project_id: str) -> AsyncIterator[Document]:
        return iterate_pages(lambda n: self._array_page(Document, f"{project_path(project_id)}/documents", n))

    async def delete_document(self, project_id: str, document_id: str) -> str:
        """Delete a document with its chunks and its file; its pairs stay. Returns the server's message."""
        response = await self._delete(f"{project_path(project_id)}/documents/{path_segment(document_id)}")
        return str(response.get("message", ""))

    async def list_chunks(
        self, project_id: str, *, page: int = 1, page_size: int = 50, document_id: str | None = None
    ) -> Page[Chunk]:
        query = query_params(page=page, page_size=page_size, document_id=document_id)
        return decode_page(Chunk, "chunks", await self._get(f"{project_path(project_id)}/chunks", query))

    def iter_chunks(self, project_id: str, *, document_id: str | None = None) -> AsyncIterator[Chunk]:
        return iterate_pages(
            lambda n: self.list_chunks(project_id, page=n, page_size=PAGE_SIZE, document_id=document_id)
        )

    async def update_chunk(
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
        return decode(Chunk, await self._put(f"{project_path(project_id)}/chunks/{path_segment(chunk_id)}", body))
