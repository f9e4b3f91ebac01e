"""One SQLite file, used by many threads and processes at once: a connection per thread, one writer at a time.

WAL with synchronous=NORMAL: a committed write survives kill -9; after a power cut the last moments may be missing,
but the file is whole.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from dataforge.platform.embedded import refusals

_PRAGMAS = (
    "PRAGMA busy_timeout = 15000",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",
)


class _ThreadConnection:
    """One thread's connection; closed when the thread is gone, unless it is a parent's that a fork copied."""

    def __init__(self, path: Path) -> None:
        self.pid = os.getpid()
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
        for pragma in _PRAGMAS:
            self.db.execute(pragma)

    def __del__(self) -> None:
        if self.pid == os.getpid():
            self.db.close()
        else:
            _inherited.append(self.db)


class _Process:
    """State of one process, which forked children must never use."""

    def __init__(self) -> None:
        self.local = threading.local()
        self.writing = threading.Lock()
        self.connections: weakref.WeakSet[_ThreadConnection] = weakref.WeakSet()


class Database:
    def __init__(self, path: Path, migrate: Callable[[sqlite3.Connection], None]) -> None:
        """migrate: brings the file to the wanted schema; runs in a write transaction of its own, one process at a
        time, every time the file is opened."""
        self.path = path
        self._process = _Process()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _databases.add(self)
        with _file_lock(path.with_name(path.name + ".lock")):
            # Switching to WAL does not wait for other connections, hence the lock file around it.
            self.connection().execute("PRAGMA journal_mode = WAL")
            with self.write() as db:
                migrate(db)

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit: one SELECT is one consistent read."""
        process = self._process
        connection = getattr(process.local, "connection", None)
        if connection is None:
            connection = process.local.connection = _ThreadConnection(self.path)
            process.connections.add(connection)
        return cast(_ThreadConnection, connection).db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed at the end of the block, rolled back when it raises. Do not nest. Raises
        StoreRefuses when the file cannot be written to."""
        db = self.connection()
        with (
            refusals.translated(self.path),
            self._process.writing,
        ):  # SQLite's own waiting is a sleep that grows; threads need not meet it
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Several SELECTs that see one snapshot."""
        db = self.connection()
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.execute("COMMIT")

    def close(self) -> None:
        """Close every thread's connection; for the end of a process or test, when no thread is using one."""
        for connection in list(self._process.connections):
            connection.db.close()
        self._process = _Process()


def after_prefix(prefix: str) -> str | None:
    """The least string above all that begin with `prefix`, in UTF-8 order; None when there is none."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return None
    last = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if last == 0xD800 else last)  # surrogates are no characters


@contextmanager
def _file_lock(lock: Path) -> Iterator[None]:
    with open(lock, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


_databases: weakref.WeakSet[Database] = weakref.WeakSet()
_inherited: list[object] = []


def _forget_parent() -> None:
    """A forked child opens its own connections; the parent's stay referenced, since closing one here is unsafe."""
    for database in _databases:
        _inherited.append(database._process)
        database._process = _Process()


os.register_at_fork(after_in_child=_forget_parent)
