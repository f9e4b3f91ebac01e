"""Projects and documents as a caller handles them: upload, register, delete."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from dataforge import clock, ids, settings
from dataforge.errors import Conflict, Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import projects
from dataforge.store.projects import Document, Project
from dataforge.workflows import runs as flow

MOST_NAME_BYTES = 600
"""Of a file's name in its key, which has 1,024 bytes in all; a name may have 500 characters of any script."""


def upload_url(project: Project, filename: str, content_type: str, size: int | None) -> tuple[str, str]:
    """(presigned PUT URL, key under the project's `sources/`); a taken name gets `name-1.pdf`.

    Raises Invalid when the announced size is over the limit.
    """
    limit = settings.get().max_upload_bytes
    if size is not None and size > limit:
        raise Invalid(
            f"file_size {size:,} is over the limit of {limit:,} bytes; split the document", field="file_size",
            code="TOO_LARGE",
        )
    name = re.sub(r"[\x00-\x1f\x7f/\\]+", "_", filename).strip(". ") or "document"
    taken = {d.s3_key for d in projects.documents_of(project.project_id)}
    suffix = PurePosixPath(name).suffix if len(PurePosixPath(name).suffix) <= 20 else ""
    stem = name.removesuffix(suffix).encode()[:MOST_NAME_BYTES].decode("utf-8", "ignore")
    key, n = f"{project.s3_prefix}/sources/{stem}{suffix}", 0
    while key in taken or current().files.info(key) is not None:
        n += 1
        key = f"{project.s3_prefix}/sources/{stem}-{n}{suffix}"
    return current().files.presign_put(key, content_type=content_type, content_length=size), key


def register(
    project: Project, *, filename: str, s3_key: str, content_type: str, file_size: int, metadata: Item
) -> Document:
    """Registering a key again gives the document that it made, so that a repeated request is harmless.

    Raises Invalid for a key outside the project's sources, one with nothing behind it, or a wrong size."""
    if not s3_key.startswith(f"{project.s3_prefix}/sources/"):
        raise Invalid(f"s3_key must lie under {project.s3_prefix}/sources/", field="s3_key")
    info = current().files.info(s3_key)
    if info is None:
        raise Invalid("Nothing was uploaded at s3_key yet: PUT the file to the upload_url first", field="s3_key")
    if info.size != file_size:
        raise Invalid(f"file_size says {file_size}, but {info.size} bytes were uploaded", field="file_size")
    for known in projects.documents_of(project.project_id):
        if known.s3_key == s3_key:
            return known
    document = Document(
        project.project_id, ids.new("doc"), filename, content_type, info.size, s3_key, clock.now(), metadata=metadata
    )
    projects.add_document(project, document)
    return document


def delete_document(project: Project, document_id: str) -> None:
    """Raises NotFound; Conflict while a run works on the project."""
    document = projects.get_document(project.project_id, document_id)
    _refuse_while_running(project)
    projects.delete_document(project, document)


def _refuse_while_running(project: Project) -> None:
    if flow.active(project) is not None:
        raise Conflict("A run is using this project; wait for it or cancel it first", code="JOB_ALREADY_RUNNING")
