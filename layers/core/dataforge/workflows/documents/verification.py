"""What follows an upload: the stored object is checked against what was announced, and its document learns of it.

The event that an object was created may come late, twice, out of order, or for something that is not an upload. Each
time the object is looked at as it is now, so the outcome is the same. Registration and event each write their own half
first and then read the other's, so whichever comes second settles the document.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import PurePath

from dataforge import settings
from dataforge.errors import ConditionFailed, NotFound, Unreadable
from dataforge.parsing.detect import detect
from dataforge.platform import current
from dataforge.platform.ports import FileInfo, Item
from dataforge.store import documents, projects, uploads
from dataforge.store.documents import Document
from dataforge.store.projects import Project
from dataforge.store.uploads import Finding, Upload
from dataforge.workflows.documents import parsing

_KEY = re.compile(r"data-forge/.+/(proj_[^/]+)/sources/[^/]+", re.DOTALL)
"""The user's part may hold slashes, in prefixes of before user ids were escaped; a file's name never does, so the last
`/sources/` is the one. Whether the key really is that project's, its row says."""


def arrived(key: str) -> str:
    """The use case of an "object created" event. What came of it, for the log: `verified`, `failed` (the document or
    the upload, with a reason), `waiting` (not registered yet), `unknown`, `gone`, or `removed`."""
    return _conclude(key, _look)


def give_up(key: str, tries: int) -> str:
    """The use case of an event that is not delivered any more, because each of `tries` deliveries failed or ended the
    process: the document fails with what to do. Nothing of the file is read. What came of it, like `arrived`.

    A parse, which reads files in processes of its own, still verifies the document when somebody asks for it.
    """
    problem = (
        f"The file could not be checked: {tries} tries failed or stopped the server. Delete the document and upload "
        "the file again, saved anew by the program that made it; or parse it, which reads it in a process of its own."
    )
    return _conclude(key, lambda info, *_: Finding(info.size, reason="not_checked", problem=problem))


def _conclude(key: str, look: Callable[[FileInfo, Upload, str], Finding]) -> str:
    upload = _upload_of(key)
    if upload is None:
        return "unknown"
    try:
        project = projects.get(upload.org_id, upload.project_id)
    except NotFound:
        project = None
    if project is None or upload.deleted:  # a URL outlived what it was made for
        current().files.delete(key)
        return "removed"
    info = current().files.info(key)
    if info is None:
        return "gone"
    document = _document_of(upload)
    noted = uploads.note(upload, look(info, upload, document.name if document else upload.filename))
    if noted is None:
        current().files.delete(key)
        return "removed"
    return settle(project, noted)


def settle(project: Project, upload: Upload) -> str:
    """Tell the document what was found, if both are there; a verified one may be parsed by itself (`auto_parse`)."""
    document, finding = _document_of(upload), upload.found
    if document is None or finding is None:
        return "waiting"
    if PurePath(document.name).suffix.lower() != PurePath(upload.filename).suffix.lower() and finding.problem is None:
        finding = Finding(finding.size, finding.checksum)  # the type was found by another name; the parse finds it
    outcome = _update_document(document, finding)
    if outcome == "verified":
        parsing.start_waiting(project.org_id, project.project_id)
    return outcome


def _update_document(document: Document, finding: Finding) -> str:
    """A document that is being parsed, or was, keeps its status: the parse looks for itself."""
    seen: Item = {"checksum": finding.checksum, "detected_type": finding.detected, "verified": finding.problem is None}
    if document.parsed_at and document.checksum not in (None, finding.checksum):
        seen["warnings"] = [*document.warnings, "The file was replaced after it was parsed; parse it again with force"]
    try:
        if finding.problem is not None:
            failed: Item = {"parsing_status": "failed", "error": finding.problem, "error_reason": finding.reason}
            documents.mark(document, {**seen, **failed}, statuses=("pending", "failed"))
            return "failed"
        if document.parsing_status == "failed" and not document.verified:  # a second, better PUT
            renewed: Item = {"parsing_status": "pending", "error": None, "error_reason": None}
            documents.mark(document, {**seen, **renewed}, statuses=("failed",))
        else:
            documents.mark(document, seen)
        return "verified"
    except ConditionFailed:
        return "gone"


def _upload_of(key: str) -> Upload | None:
    """None for what is no upload: a key of another shape, or one whose row has expired or never was."""
    found = _KEY.fullmatch(key)
    return uploads.get(found.group(1), key) if found else None


def _document_of(upload: Upload) -> Document | None:
    if upload.document_id is None:
        return None
    try:
        return documents.get(upload.project_id, upload.document_id)
    except NotFound:
        return None


def _look(info: FileInfo, upload: Upload, name: str) -> Finding:
    most = settings.get().max_upload_bytes
    if info.size > most:
        problem = f"The file has {info.size:,} bytes; the limit is {most:,}. Split it and upload the parts."
        return Finding(info.size, reason="too_large", problem=problem)
    digest = hashlib.sha256()
    with current().files.open(info.key) as file:
        data = file.read()
    digest.update(data)
    checksum = digest.hexdigest()
    if upload.size is not None and len(data) != upload.size:
        problem = f"{upload.size:,} bytes were announced, but {len(data):,} were stored. Upload the file again."
        return Finding(len(data), checksum, None, "size_mismatch", problem)
    try:
        return Finding(len(data), checksum, detect(data, name, upload.content_type))
    except Unreadable as unreadable:
        return Finding(len(data), checksum, None, unreadable.reason, unreadable.message)
