"""Documents as a caller hands them over: an uploaded file, a URL, or the text itself."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from dataforge import clock, ids, settings
from dataforge.errors import ConditionFailed, Conflict, Invalid, Unreadable
from dataforge.parsing.detect import detect
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import documents, uploads
from dataforge.store.documents import Document
from dataforge.store.projects import Project
from dataforge.store.uploads import Upload
from dataforge.workflows.documents import parsing, verification
from dataforge.workflows.documents.loading import UNKNOWN_TYPE

MOST_NAME_BYTES = 600
"""Of a file's name in its key, which has 1,024 bytes in all; a name may have 500 characters of any script."""
_TRIES = 20
"""Numbered names that are tried before a random one, which is never taken."""


def upload_url(project: Project, filename: str, content_type: str, size: int | None) -> tuple[str, str]:
    """(presigned PUT URL, key under the project's `sources/`); a taken name gets `name-1.pdf`.

    The key is reserved, so no two calls get the same. Raises Invalid when the announced size is over the limit.
    """
    limit = settings.get().max_upload_bytes
    if size is not None and size > limit:
        raise Invalid(
            f"file_size {size:,} is over the limit of {limit:,} bytes; split the document",
            field="file_size",
            code="TOO_LARGE",
        )
    stem, suffix = _file_name(filename)
    for n in range(_TRIES + 1):
        mark = f"-{n}" if 0 < n < _TRIES else f"-{ids.tail(ids.new('up'))}" if n else ""
        key = f"{project.s3_prefix}/sources/{stem}{mark}{suffix}"
        if current().files.info(key) is None and uploads.reserve(
            Upload(
                project_id=project.project_id,
                s3_key=key,
                org_id=project.org_id,
                filename=filename,
                content_type=content_type,
                expires_at=uploads.expiry(),
                size=size,
            )
        ):
            return current().files.presign_put(key, content_type=content_type, content_length=size), key
    raise AssertionError("a random name is never taken")


def register(
    project: Project, *, filename: str, s3_key: str, content_type: str, file_size: int, metadata: Item
) -> Document:
    """Registering a key again gives the document that it made, so that a repeated request is harmless.

    Raises Invalid for a key outside the project's sources, one with nothing behind it, or a wrong size."""
    if not s3_key.startswith(f"{project.s3_prefix}/sources/"):
        raise Invalid(f"s3_key must lie under {project.s3_prefix}/sources/", field="s3_key")
    info = current().files.info(s3_key)
    upload = uploads.get(project.project_id, s3_key)
    if info is None or (upload is not None and upload.deleted):
        raise Invalid("Nothing was uploaded at s3_key yet: PUT the file to the upload_url first", field="s3_key")
    if info.size != file_size:
        raise Invalid(f"file_size says {file_size}, but {info.size} bytes were uploaded", field="file_size")
    known = _known(project, upload, s3_key)
    if known is not None:
        return known
    document = Document(
        project_id=project.project_id,
        document_id=ids.new("doc"),
        name=filename,
        mime_type=content_type,
        size=info.size,
        s3_key=s3_key,
        created_at=clock.now(),
        metadata=metadata,
    )
    row = upload or Upload(
        project_id=project.project_id,
        s3_key=s3_key,
        org_id=project.org_id,
        filename=filename,
        content_type=content_type,
        expires_at=uploads.expiry(),
    )
    try:
        documents.add(project, document, [uploads.claim(row, document.document_id, is_new=upload is None)])
    except ConditionFailed:
        known = _known(project, uploads.get(project.project_id, s3_key), s3_key)
        if known is None:
            raise Conflict(f"{s3_key} is being deleted; ask for a new upload URL") from None
        return known
    return _settled(project, document)


def _known(project: Project, upload: Upload | None, s3_key: str) -> Document | None:
    """The document that the key made already."""
    if upload is not None:
        if upload.document_id is None:
            return None
        return documents.get(project.project_id, upload.document_id)
    briefs = documents.briefs_of_project(project.project_id)
    return next((documents.get(d.project_id, d.document_id) for d in briefs if d.s3_key == s3_key), None)


def _settled(project: Project, document: Document) -> Document:
    """After its row is there: the event may have come before."""
    upload = uploads.get(project.project_id, document.s3_key)
    if upload is None or upload.finding is None:
        return document
    verification.settle(project, upload)
    return documents.get(project.project_id, document.document_id)


def register_url(project: Project, *, url: str, filename: str | None, metadata: Item) -> Document:
    """A page or file on the web, fetched at every parse. Raises Invalid for a URL that can never be fetched."""
    from dataforge.workflows.documents import fetching  # aiohttp: see sources.py

    try:
        checked = fetching.check(url, fetching.allowances(settings.get().fetch_allow))
    except Unreadable as problem:
        raise Invalid(problem.message, field="url") from None
    name = filename or _name_of_url(str(checked))
    return _add(project, replace(_blank(project, name, UNKNOWN_TYPE, metadata), source="url", url=str(checked)))


def register_text(
    project: Project, *, content: str, filename: str | None, content_type: str, metadata: Item
) -> Document:
    """Text that came with the request; it is kept as a file like any other source.

    Raises Invalid when it is empty, or its name says a format that text cannot be.
    """
    data = content.encode()
    limit = settings.get().max_upload_bytes
    if len(data) > limit:
        raise Invalid(f"content has {len(data):,} bytes; at most {limit:,} are taken", field="content")
    kind = "text/plain" if content_type == UNKNOWN_TYPE else content_type
    name = filename or _name_of_text(content)
    try:
        detected = detect(data, name, kind)
    except Unreadable as problem:
        raise Invalid(problem.message, field="content") from None
    document = replace(
        _blank(project, name, kind, metadata),
        source="text",
        size=len(data),
        verified=True,
        detected_type=detected,
        checksum=hashlib.sha256(data).hexdigest(),
    )
    current().files.write(document.s3_key, data, content_type=kind)
    return _add(project, document)


def _blank(project: Project, name: str, kind: str, metadata: Item) -> Document:
    """In a folder of its own, where no upload can meet it."""
    document_id = ids.new("doc")
    key = f"{project.s3_prefix}/sources/{document_id}/{''.join(_file_name(name))}"
    return Document(
        project_id=project.project_id,
        document_id=document_id,
        name=name,
        mime_type=kind,
        size=0,
        s3_key=key,
        created_at=clock.now(),
        metadata=metadata,
    )


def _add(project: Project, document: Document) -> Document:
    documents.add(project, document)
    parsing.start_waiting(project.org_id, project.project_id)
    return documents.get(project.project_id, document.document_id)


def _name_of_url(url: str) -> str:
    """`handbook.pdf` of https://example.com/files/handbook.pdf?x=1; host and path where the path ends in no file."""
    parts = urlsplit(url)
    path = unquote(parts.path).strip("/")
    last = path.rpartition("/")[2]
    return (last if "." in last else "-".join(filter(None, [parts.hostname, *path.split("/")])))[:500]


def _name_of_text(content: str) -> str:
    """The first words of the text."""
    words = re.findall(r"[^\W_]+", content[:1000])[:8]
    return f"{' '.join(words)[:60].strip() or 'text'}.txt"


def _file_name(name: str) -> tuple[str, str]:
    """(stem, suffix) that may stand in a key: no separators or control characters, not too long."""
    plain = re.sub(r"[\x00-\x1f\x7f/\\]+", "_", name).strip(". ") or "document"
    suffix = PurePosixPath(plain).suffix if len(PurePosixPath(plain).suffix) <= 20 else ""
    return plain.removesuffix(suffix).encode()[:MOST_NAME_BYTES].decode("utf-8", "ignore"), suffix
