"""Who uses the local server of a data folder: commands share one server, and the last of them stops it.

    <home>/server.start    locked while somebody finds, starts or stops the server
    <home>/server.users    locked (shared) by each command for as long as it uses the server
    <home>/server.stop     asks the server to end; the server deletes it

The kernel releases the locks of a process that is killed, so a lock always tells the truth. The server looks at the
last two files: see `dataforge_infra/local/watching.py`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

TOLD_AFTER = 1.0
"""Seconds of waiting for another command until the person is told."""
_LOOK_EVERY = 0.05


@contextmanager
def start_lock(home: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Nobody else finds, starts or stops a server of this folder during the block. on_wait: called once when that
    takes a while."""
    import fcntl

    with _opened(home / "server.start") as file:
        begun = time.monotonic()
        while not _locked(file, fcntl.LOCK_EX):
            if on_wait and time.monotonic() - begun > TOLD_AFTER:
                on_wait()
                on_wait = None
            time.sleep(_LOOK_EVERY)
        yield


def register(home: Path) -> IO[str]:
    """Count this command as a user until `is_last` or the end of the process. Call it with the start lock held."""
    import fcntl

    file = _opened(home / "server.users")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file


def is_last(users: IO[str]) -> bool:
    """Whether no other command uses the server; the caller is no user afterwards. With the start lock held, except
    where the process ends at once."""
    import fcntl

    return _locked(users, fcntl.LOCK_EX)


def is_used(home: Path) -> bool:
    """Whether a command uses the server. Call it with the start lock held."""
    with _opened(home / "server.users") as file:
        return not is_last(file)


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return open(path, "a", encoding="utf-8", opener=_private)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _locked(file: IO[str], kind: int) -> bool:
    import fcntl

    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
