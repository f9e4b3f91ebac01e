"""The data folder before anything in it is opened: who may read it, which server holds it, whether it is whole.

Nothing here writes into a database. Every RuntimeError says what is wrong and what to do.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

SECRET, CREDENTIALS, LOCK = "secret", "credentials.json", "server.lock"
DATABASES = {"data.db": "orgs", "workflows.db": "workflow_executions", "files/files.sqlite": "objects"}
"""File -> a table that it has from its first moment on."""
PRIVATE = (SECRET, CREDENTIALS, "secrets.json", "server.json", "server.log", "server.log.1", LOCK)
LOCK_SECONDS = 5.0
"""How long a start waits for the lock: a server that stops still closes its databases, and a command that looks whether
a server holds the lock has it for an instant."""
CHECKED_WHOLE_BYTES = 32 * 2**20
"""Up to this size every page of a database is checked at a start (some 10 ms)."""


def is_used(home: Path) -> bool:
    """Whether a server or a command has kept anything there."""
    return any((home / name).exists() for name in (*DATABASES, SECRET, CREDENTIALS))


def make_private(home: Path) -> None:
    """Create the folder, or take it and what is in it from other users (0700, 0600).

    Raises RuntimeError for a folder that others can read and that cannot be taken from them: it belongs to another
    user, or it holds files that are not ours.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = home.stat()
    if os.geteuid() not in (0, found.st_uid):
        raise RuntimeError(f"{home} belongs to another user: choose a folder of your own with --home")
    if found.st_mode & 0o077:
        if not _is_ours(home):
            raise RuntimeError(
                f"Other users can open {home}, which holds other files too: choose an empty folder with --home, or run "
                f"`chmod 700 {home}`"
            )
        home.chmod(0o700)
        logger.warning(
            "other users could open %s; it is now closed to them. If they may have read it, make new keys "
            "(`dataforge key create`) and revoke the old ones",
            home,
        )
    for path in (home / "files", *(home / name for name in PRIVATE), *(home / name for name in DATABASES)):
        _close_to_others(path)


def _is_ours(home: Path) -> bool:
    """Whether it is a data folder already, or has nothing in it that a start did not put there."""
    names = {path.name for path in home.iterdir()}
    return bool(names & {"data.db", SECRET, CREDENTIALS}) or all(name.startswith("server.") for name in names)


def _close_to_others(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISLNK(mode) and mode & 0o077:
        path.chmod(stat.S_IMODE(mode) & 0o700)


@contextmanager
def held(home: Path) -> Iterator[None]:
    """The lock of the one server of this folder. Raises RuntimeError when another process holds it.

    The kernel releases it when the process dies, however it dies. It is taken before any database is opened, so that
    a second server, perhaps of another version, changes nothing.
    """
    with open(home / LOCK, "a+", encoding="utf-8") as lock:
        end = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise RuntimeError(f"Another server is running on {home}{_holder(home)}; stop it first") from None
                time.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _holder(home: Path) -> str:
    pid = (home / LOCK).read_text("utf-8").strip()
    return f" (process {pid})" if pid else ""


def check(home: Path) -> None:
    """Raises RuntimeError, with the remedy, for a folder that was used before and has lost or damaged a part.

    Without this a missing file would be made anew, and all that it held would seem never to have been.
    """
    used = (home / CREDENTIALS).exists()
    for name, table in DATABASES.items():
        _check_database(home, name, table, must_be_there=used)
    if any(_size(home / name) for name in DATABASES) and not (home / SECRET).exists():
        raise RuntimeError(
            f"{home / SECRET} is missing, which signs the addresses of files: restore it from a backup, or make a new "
            f"one with `(umask 077; openssl rand -hex 32 > {home / SECRET})`; addresses given out before stop working"
        )
    if (home / SECRET).exists():
        _check_secret(home / SECRET)
    if used:
        organisation_of(home)


def organisation_of(home: Path) -> str:
    """The organisation of the folder's first key. Raises RuntimeError for credentials that cannot be read."""
    path = home / CREDENTIALS
    try:
        stored = json.loads(path.read_text("utf-8"))
        if not isinstance(stored["api_key"], str):
            raise TypeError("the key is no text")
        return str(stored["organization_id"])
    except (OSError, ValueError, KeyError, TypeError):
        raise RuntimeError(
            f"{path} is damaged: restore it from a backup, or move it away and start again, which makes a new key for "
            "the same organisation"
        ) from None


def _check_secret(path: Path) -> None:
    try:
        if len(bytes.fromhex(path.read_text("utf-8"))) >= 16:
            return
    except (OSError, ValueError):
        pass
    raise RuntimeError(
        f"{path} is damaged: restore it from a backup, or replace it with `(umask 077; openssl rand -hex 32 > {path})`;"
        " addresses of files given out before stop working"
    )


def _check_database(home: Path, name: str, table: str, *, must_be_there: bool) -> None:
    path = home / name
    size = _size(path)
    if not size and not _size(path.with_name(path.name + "-wal")):
        if must_be_there:
            lost = "is empty" if path.exists() else "is missing"
            raise RuntimeError(
                f"{path} {lost}, but {home} was in use: restore the whole folder from a backup, or move it away to "
                "start with an empty one"
            )
        return
    remedy = (
        f"restore the whole folder from a backup, or try `sqlite3 {path} .recover | sqlite3 recovered.db`; "
        f"to start with an empty folder, move {home} away"
    )
    try:
        with closing(sqlite3.connect(path, timeout=15)) as database:
            tables = {str(row[0]) for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            whole = size > CHECKED_WHOLE_BYTES or database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.OperationalError as problem:  # of the disk or its permissions, not of the content
        if "locked" in str(problem):  # by a server that writes: it is in use, and so it can be read
            return
        raise RuntimeError(f"{path} cannot be opened: {problem}") from None
    except sqlite3.DatabaseError as problem:
        raise RuntimeError(f"{path} cannot be read as a database ({problem}): {remedy}") from None
    if not whole:
        raise RuntimeError(f"{path} is damaged: {remedy}")
    if table not in tables and (tables or must_be_there):
        raise RuntimeError(f"{path} is a database, but not one of Data Forge (it has no table {table}): {remedy}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
