"""Work of minutes that one request begins and later ones ask about, on one machine. It ends with the process: a request
that comes after a restart begins it anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """One job for each key at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Future[T]] = {}

    def result(self, key: str, job: Callable[[], T], *, wait: float) -> T | None:
        """What the job returned, or raised; it is begun if it is not at work. None: not after so many seconds."""
        with self._lock:
            future = self._jobs.get(key)
            if future is None:
                future = self._jobs[key] = Future()
                threading.Thread(target=_run, args=(future, job), name=f"background {key}", daemon=True).start()
        try:
            return future.result(wait)
        except NotYet:
            if not future.done():
                return None
            raise
        finally:
            if future.done():
                with self._lock:
                    self._jobs.pop(key, None)


def _run(future: Future[T], job: Callable[[], T]) -> None:
    try:
        future.set_result(job())
    except BaseException as problem:
        future.set_exception(problem)
