"""When a store of one machine refuses a write: the disk is full, a quota is used up, the folder became read-only.

A file of SQLite that refuses a write is as it was before; the same write may succeed as soon as there is room.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from dataforge.errors import StoreRefuses

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
_SQLITE = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk cannot be written to (it is full, or a limit of the system is reached)",
    sqlite3.SQLITE_READONLY: "the folder is read-only",
    sqlite3.SQLITE_CANTOPEN: "its files cannot be opened (the disk is full, or no more files may be open)",
    sqlite3.SQLITE_BUSY: "another process holds it",
}


def reason(problem: BaseException) -> str | None:
    """Why a store refused a write, in words; None: the exception has another cause."""
    if isinstance(problem, StoreRefuses):
        return problem.message
    if isinstance(problem, sqlite3.OperationalError):
        return _SQLITE.get(getattr(problem, "sqlite_errorcode", 0) & 0xFF)
    if isinstance(problem, OSError) and problem.errno in _DISK:
        return os.strerror(problem.errno)
    return None


@contextmanager
def translated(what: object) -> Iterator[None]:
    """Raises StoreRefuses where the block fails because `what` (a path) cannot be written to."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as problem:
        why = None if isinstance(problem, StoreRefuses) else reason(problem)
        if why is None:
            raise
        raise StoreRefuses(f"{what} cannot be written to: {why}") from problem
