"""Where a document's bytes come from: an uploaded file, text that came with a request, or a web page, fetched anew."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

from dataforge import settings
from dataforge.errors import Unreadable
from dataforge.parsing.detect import detect
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import documents
from dataforge.store.documents import Document

UNKNOWN_TYPE = "application/octet-stream"
"""The content type of what nobody named one for."""


def load(document: Document, path: Path) -> Document:
    """Put the document's bytes at `path`; gives the document with what was learnt on the way, written down too.

    A URL is fetched again each time. Raises Unreadable.
    """
    most = settings.get().max_upload_bytes
    learnt = _fetch(document, path, most) if document.source == "url" else _download(document, path, most)
    if learnt.get("detected_type") is None:
        learnt["detected_type"] = _detected(path, document.name, str(learnt.get("mime_type", document.mime_type)))
    return documents.mark(document, learnt)


def _fetch(document: Document, path: Path, most: int) -> Item:
    from dataforge.workflows.documents import (
        fetching,  # aiohttp costs a cold start 0.25 s, and few documents are web pages
    )

    limits = settings.get()
    with path.open("wb") as file:
        found = fetching.fetch(
            document.url or "", file, allow=limits.fetch_allow, most_bytes=most, seconds=limits.fetch_seconds
        )
    kind = found.content_type or UNKNOWN_TYPE
    with path.open("rb") as file:
        current().files.write_stream(document.s3_key, iter(lambda: file.read(1 << 20), b""), content_type=kind)
    fetched = {k: v for k, v in asdict(found).items() if k in ("final_url", "content_type", "fetched_at")}
    return {"mime_type": kind, "size": found.size, "checksum": found.checksum, "verified": True, "fetched": fetched}


def _download(document: Document, path: Path, most: int) -> Item:
    if document.size == 0:
        raise Unreadable("The file is empty. Upload it again.", reason="empty")
    if document.size > most:
        raise Unreadable(
            f"The file has {document.size:,} bytes; the limit is {most:,}. Split it and upload the parts.",
            reason="too_large",
        )
    size, digest = 0, hashlib.sha256()
    try:
        with path.open("wb") as file:
            for part in current().files.stream(document.s3_key):
                size += len(part)
                digest.update(part)
                file.write(part)
    except FileNotFoundError:
        raise Unreadable("The uploaded file is gone. Upload it again.", reason="empty") from None
    if size != document.size:
        raise Unreadable(
            f"The stored file has {size:,} bytes, but {document.size:,} were registered: it was replaced since. Upload "
            "it again under a new upload URL.",
            reason="size_mismatch",
        )
    return {"checksum": digest.hexdigest(), "verified": True}


def _detected(path: Path, name: str, content_type: str) -> str | None:
    """None for what the reader is about to refuse."""
    try:
        return detect(path.read_bytes(), name, content_type)
    except Unreadable:
        return None
