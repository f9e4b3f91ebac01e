"""Many files at once, each streamed from disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from dataforge_client.cli.bars import Reporter, Step
from dataforge_client.cli.sources import Source, Unused, known_by
from dataforge_client.errors import ApiError, AuthenticationError, ClientError, ConnectionFailed, PermissionDenied

if TYPE_CHECKING:
    from dataforge_client.client import DataForge

AT_ONCE = 8
_FATAL = (AuthenticationError, PermissionDenied, ConnectionFailed)
"""What would meet every other file too."""


class _Stopped(Exception):
    pass


class _Meter:
    """Bytes sent, over all threads. A retry of a file starts its count again."""

    def __init__(self, total: int) -> None:
        self.total, self.stopped = total, threading.Event()
        self._began, self._sent = time.monotonic(), dict[str, int]()

    def count(self, name: str, sent: int) -> None:
        if self.stopped.is_set():
            raise _Stopped
        self._sent[name] = sent

    def step(self, *, finished: bool = False) -> Step:
        done = sum(list(self._sent.values()))
        elapsed = time.monotonic() - self._began
        rate = done / elapsed if elapsed > 0 and done else None
        return Step("upload", self.total if finished else done, self.total, "bytes", rate, finished=finished)


def upload_all(
    forge: DataForge, project_id: str, sources: Sequence[Source], unused: list[Unused], say: Reporter
) -> None:
    """Send what the project does not hold yet (by name and size, or by URL); what it refuses goes to `unused`."""
    there = {(known_by(d.name, d.url), 0 if d.url else d.file_size) for d in forge.list_documents(project_id)}
    missing = [s for s in sources if (known_by(s.name, s.url), s.size) not in there]
    if not missing:
        return
    meter = _Meter(sum(s.size for s in missing))
    pool = ThreadPoolExecutor(min(AT_ONCE, len(missing)), "upload")
    try:
        futures = {pool.submit(_send, forge, project_id, s, meter): s for s in missing}
        open_futures: set[Future[None]] = set(futures)
        while open_futures:
            done, open_futures = wait(open_futures, timeout=0.25, return_when=FIRST_COMPLETED)
            for future in done:
                _settle(future, futures[future], unused, say)
            say.step(meter.step())
    finally:
        meter.stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
    say.step(meter.step(finished=True))


def _send(forge: DataForge, project_id: str, source: Source, meter: _Meter) -> None:
    if source.url is not None:
        forge.register_document(project_id, url=source.url)
        return
    forge.upload_file(project_id, source.path, name=source.name, on_bytes=lambda n: meter.count(source.name, n))


def _settle(future: Future[None], source: Source, unused: list[Unused], say: Reporter) -> None:
    """Raises what stops the whole run; notes what stops only this file."""
    try:
        future.result()
    except _FATAL:
        raise
    except (ClientError, OSError) as problem:
        if isinstance(problem, ApiError) and problem.status >= 500:
            raise
        reason = problem.code.lower() if isinstance(problem, ApiError) else "unreadable"
        unused.append(Unused(source.url or source.path, "failed", reason, str(problem)))
        say.event("document", {"name": source.name, "status": "failed", "reason": reason, "message": str(problem)})
        say.note(f"  {source.url or source.path} cannot be used: {problem}")
