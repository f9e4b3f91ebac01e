"""Parallel upload of the documents, each streamed from disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from dataforge_client.cli.exit_codes import describe
from dataforge_client.cli.progress import ProgressUpdate, Reporter
from dataforge_client.folders import SkippedFile, Source, refused, split_by_presence

if TYPE_CHECKING:
    from dataforge_client.client import DataForge

MAX_PARALLEL = 8


class _UploadStopped(Exception):
    pass


class _UploadProgress:
    """Bytes sent by all threads. A retry of a file counts from zero again."""

    def __init__(self, total: int) -> None:
        self.total, self.stopped = total, threading.Event()
        self._started_at, self._sent = time.monotonic(), dict[str, int]()

    def count(self, name: str, sent: int) -> None:
        if self.stopped.is_set():
            raise _UploadStopped
        self._sent[name] = sent

    def update(self, *, finished: bool = False) -> ProgressUpdate:
        done = sum(list(self._sent.values()))
        elapsed = time.monotonic() - self._started_at
        rate = done / elapsed if elapsed > 0 and done else None
        return ProgressUpdate("upload", self.total if finished else done, self.total, "bytes", rate, finished=finished)


def upload_all(
    forge: DataForge, project_id: str, sources: Sequence[Source], skipped: list[SkippedFile], reporter: Reporter
) -> None:
    """Upload what the project does not have yet (by name and size, or URL); refused documents go to `skipped`."""
    _, missing = split_by_presence(sources, forge.list_documents(project_id))
    if not missing:
        return
    progress = _UploadProgress(sum(s.size for s in missing))
    pool = ThreadPoolExecutor(min(MAX_PARALLEL, len(missing)), "upload")
    try:
        futures = {pool.submit(_upload, forge, project_id, s, progress): s for s in missing}
        running: set[Future[None]] = set(futures)
        while running:
            done, running = wait(running, timeout=0.25, return_when=FIRST_COMPLETED)
            for future in done:
                _handle_result(future, futures[future], skipped, reporter)
            reporter.update(progress.update())
    finally:
        progress.stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
    reporter.update(progress.update(finished=True))


def _upload(forge: DataForge, project_id: str, source: Source, progress: _UploadProgress) -> None:
    if source.url is not None:
        forge.register_document(project_id, url=source.url)
        return
    forge.upload_file(project_id, source.path, name=source.name, on_bytes=lambda n: progress.count(source.name, n))


def _handle_result(future: Future[None], source: Source, skipped: list[SkippedFile], reporter: Reporter) -> None:
    """Raises errors that stop the whole run; adds a document that only failed itself to `skipped`."""
    try:
        future.result()
    except Exception as problem:  # whatever is wrong with one file, the others go on
        file = refused(source, problem, describe(problem))
        skipped.append(file)
        event = {"name": source.name, "status": "failed", "reason": file.reason, "message": file.message}
        reporter.event("document", event)
        reporter.note(f"  {file.path} cannot be used: {file.message}")
