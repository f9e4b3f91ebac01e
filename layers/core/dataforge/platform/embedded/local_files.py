"""Files on one machine: blobs in a folder, and an index in SQLite that maps keys to blobs.

    <root>/files.sqlite                      objects: key -> blob, size, content type, etag, modified
                                             undelivered: uploads whose event is still to be delivered, and the tries
    <root>/blobs/3f/8c1e...3f                one file per object, never changed once it is complete

An object is visible exactly when its row is committed, so content and metadata change together and no partial file
is ever visible. Keys never become paths. A blob is recorded as an orphan (table `strays`) from before its first byte is
written until the transaction that commits it; orphans that a crash left are removed a day later.

The event of an upload is recorded in the transaction that commits the object, and removed when the callbacks have
returned. Each delivery is counted before it begins: one that ends the process is repeated `MOST_TRIES` times, not for
ever.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import BinaryIO

from dataforge.errors import Malformed, TooLarge
from dataforge.platform.embedded import refusals, signed_urls
from dataforge.platform.embedded.database import Database, after_prefix
from dataforge.platform.file_keys import check_key, check_prefix
from dataforge.platform.ports import FileInfo

logger = logging.getLogger(__name__)

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS objects (
        key TEXT PRIMARY KEY, blob TEXT NOT NULL, size INTEGER NOT NULL, content_type TEXT NOT NULL,
        etag TEXT NOT NULL, modified REAL NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS strays (blob TEXT PRIMARY KEY, since REAL NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS undelivered (
        key TEXT PRIMARY KEY, tries INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID""",
)
_EARLIER = "untold"
"""The table of undelivered events in data folders of before tries were counted."""
MOST_TRIES = 3
"""Deliveries of one event that may end the process or raise, before it is given up."""
_STRAY_SECONDS = 86_400
_LIST_ROWS = 1000
_BINARY = "application/octet-stream"


class Upload:
    """An object that is being written; readers see it only once it is complete."""

    def __init__(self, blob: str, file: BinaryIO, max_bytes: int | None) -> None:
        self.blob, self.size = blob, 0
        self.info: FileInfo | None = None
        """Set when the upload is complete."""
        self._file, self._max_bytes = file, max_bytes
        self._hash = hashlib.md5(usedforsecurity=False)

    def write(self, data: bytes) -> None:
        """Raises TooLarge as soon as there is more than allowed."""
        self.size += len(data)
        if self._max_bytes is not None and self.size > self._max_bytes:
            raise TooLarge(f"The upload is larger than {self._max_bytes:,} bytes")
        self._hash.update(data)
        self._file.write(data)

    def finish(self) -> str:
        """The etag, once every byte and the name of the blob are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        folder = os.open(Path(self._file.name).parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return self._hash.hexdigest()


class LocalFiles:
    """`ports.Files`, and what the local server needs to receive and serve files by signed URL: `verify`, `receive`.

    Safe to share between threads and processes. base_url is called for each URL, since the server's port is known
    only once it listens; the secret must stay the same for URLs to outlive a restart.
    """

    def __init__(
        self,
        root: Path,
        *,
        base_url: Callable[[], str],
        secret: bytes,
        max_upload_bytes: int,
        now: Callable[[], float] = time.time,
        soon: Callable[[Callable[[], None]], object] = lambda job: job(),
    ) -> None:
        """soon: runs the callbacks of `on_created`; a server passes a thread's queue: no upload waits for them."""
        if not secret:
            raise ValueError("signed URLs need a secret")
        self._blobs, self._base_url, self._secret, self._max = root / "blobs", base_url, secret, max_upload_bytes
        self._now, self._soon = now, soon
        self._callbacks: list[Callable[[FileInfo], None]] = []
        self._database = Database(root / "files.sqlite", _migrate)
        self._sweep()

    def read(self, key: str, *, start: int = 0, length: int | None = None) -> bytes:
        with self.open(key) as file:
            file.seek(start)
            return file.read(-1 if length is None else length)

    def stream(self, key: str, *, chunk_size: int = 1 << 20) -> Iterator[bytes]:
        return _Chunks(self.open(key), chunk_size)

    def write(self, key: str, data: bytes, *, content_type: str = _BINARY) -> FileInfo:
        return self.write_stream(key, (data,), content_type=content_type)

    def write_stream(self, key: str, parts: Iterable[bytes], *, content_type: str = _BINARY) -> FileInfo:
        with self._upload(key, None) as upload:
            for part in parts:
                upload.write(part)
            return self._commit(key, upload, content_type, notify=False)

    def open(self, key: str) -> BinaryIO:
        return self._open(key)[1]

    def link(self, key: str, path: Path) -> None:
        """Make the object a file at the path, without a copy where the file system allows; it stays what it is now."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.open(key) as blob:
            try:
                os.link(blob.name, path)
            except FileExistsError:
                return
            except OSError:
                shutil.copyfile(blob.name, path)

    def info_and_stream(self, key: str, *, chunk_size: int = 1 << 20) -> tuple[FileInfo, Iterator[bytes]]:
        """Both of one version, even if the object is replaced meanwhile: headers and body of an HTTP response."""
        info, file = self._open(key)
        return info, _Chunks(file, chunk_size)

    def info(self, key: str) -> FileInfo | None:
        found = self._find(key)
        return found[0] if found else None

    def list(self, prefix: str) -> Iterator[FileInfo]:
        for key, size, etag, modified in self._rows(prefix, "key, size, etag, modified"):
            yield FileInfo(str(key), size, "", etag, modified)  # type: ignore[arg-type]  # by the schema

    def delete(self, key: str) -> None:
        self._delete([check_key(key)])

    def delete_prefix(self, prefix: str) -> int:
        check_prefix(prefix)
        count = 0
        while keys := [str(row[0]) for row, _ in zip(self._rows(prefix, "key"), range(_LIST_ROWS), strict=False)]:
            count += self._delete(keys)
        return count

    def presign_get(self, key: str, *, expires_in: int = 3600, filename: str | None = None) -> str:
        return self._sign("GET", key, expires_in, {"filename": filename})

    def presign_put(
        self, key: str, *, content_type: str | None, content_length: int | None = None, expires_in: int = 3600
    ) -> str:
        length = None if content_length is None else str(content_length)
        return self._sign("PUT", key, expires_in, {"type": content_type, "length": length})

    def on_created(self, callback: Callable[[FileInfo], None]) -> None:
        self._callbacks.append(callback)

    def redeliver(self, give_up: Callable[[str, int], object]) -> None:
        """Deliver the events that an earlier process could not; for a server that is ready, since what ended that
        process may end this one. Those with the fewest tries come first.

        give_up: (key, tries) -> anything; called instead for an event that has had MOST_TRIES. If it raises, that is
        logged, and it is called again at the next start.
        """
        rows = self._database.connection().execute("SELECT key, tries FROM undelivered ORDER BY tries, key").fetchall()
        for key, tries in rows:
            self._soon(
                partial(self._give_up, key, tries, give_up) if tries >= MOST_TRIES else partial(self._notify, key)
            )

    def verify(
        self,
        method: str,
        key: str,
        query: Mapping[str, str],
        *,
        content_type: str | None = None,
        content_length: int | None = None,
        now: float | None = None,
    ) -> None:
        """Raises Forbidden or Malformed unless the query permits this request (`signed_urls.verify`), TooLarge when
        its Content-Length is above the limit and no length was signed."""
        signed_urls.verify(
            self._secret,
            method,
            key,
            query,
            content_type=content_type,
            content_length=content_length,
            now=self._now() if now is None else now,
        )
        if "length" not in query and content_length is not None and content_length > self._max:
            raise TooLarge(f"The upload is larger than {self._max:,} bytes")

    def receive(
        self, key: str, chunks: Iterable[bytes], content_type: str | None, content_length: int | None
    ) -> FileInfo:
        """Store the body of a verified PUT and call the `on_created` callbacks; see `receiving`."""
        with self.receiving(key, content_type, content_length) as upload:
            for chunk in chunks:
                upload.write(chunk)
        assert upload.info is not None  # noqa: S101  # set by every block that ends
        return upload.info

    @contextmanager
    def receiving(self, key: str, content_type: str | None, content_length: int | None) -> Iterator[Upload]:
        """`receive` for an asynchronous server: write the chunks inside the block, the object is committed at its
        end. content_length is the request's header: exactly so many bytes must come (Malformed otherwise); without
        it at most max_upload_bytes may (TooLarge). Nothing is stored when the block raises.
        """
        with self._upload(key, self._max if content_length is None else content_length) as upload:
            yield upload
            if content_length is not None and upload.size != content_length:
                raise Malformed(f"The upload ended after {upload.size:,} of {content_length:,} bytes")
            upload.info = self._commit(key, upload, content_type or _BINARY, notify=bool(self._callbacks))
        self._soon(partial(self._notify, key))

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _upload(self, key: str, max_bytes: int | None) -> Iterator[Upload]:
        """A blob to write; deleted at the end, unless the block has committed it. Raises StoreRefuses."""
        check_key(key)
        with refusals.translated(self._blobs), self._blob_of(max_bytes) as upload:
            yield upload

    @contextmanager
    def _blob_of(self, max_bytes: int | None) -> Iterator[Upload]:
        blob = secrets.token_hex(16)
        path = self._path(blob)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._database.write() as db:
            db.execute("INSERT INTO strays VALUES (?, ?)", (blob, self._now()))
        try:
            with open(path, "xb") as file:
                yield Upload(blob, file, max_bytes)
        finally:
            self._discard([blob])

    def _commit(self, key: str, upload: Upload, content_type: str, *, notify: bool) -> FileInfo:
        """Commit the blob as the object, in one transaction."""
        info = FileInfo(key, upload.size, content_type, upload.finish(), self._now())
        with self._database.write() as db:
            if db.execute("DELETE FROM strays WHERE blob = ?", (upload.blob,)).rowcount == 0:
                raise TimeoutError(f"The upload of {key} took longer than a day and was given up")
            replaced = self._orphan(db, key)
            db.execute(
                "INSERT INTO objects (key, blob, size, content_type, etag, modified) VALUES (?, ?, ?, ?, ?, ?)",
                (key, upload.blob, info.size, info.content_type, info.etag, info.modified),
            )
            if notify:
                db.execute("INSERT OR REPLACE INTO undelivered VALUES (?, 0)", (key,))
        if replaced:
            self._discard(replaced)
        return info

    def _delete(self, keys: Sequence[str]) -> int:
        with self._database.write() as db:
            blobs = [blob for key in keys for blob in self._orphan(db, key)]
        if blobs:
            self._discard(blobs)
        return len(blobs)

    def _orphan(self, db: Connection, key: str) -> Sequence[str]:
        """Take the key away from its blob, if it has one, which becomes a stray."""
        row = db.execute("DELETE FROM objects WHERE key = ? RETURNING blob", (key,)).fetchone()
        if row is None:
            return []
        db.execute("INSERT INTO strays VALUES (?, ?)", (row[0], self._now()))
        return [str(row[0])]

    def _discard(self, blobs: Sequence[str]) -> None:
        """Remove those that are strays; one that a crash leaves here is found by the next sweep."""
        with self._database.write() as db:
            for blob in blobs:
                if db.execute("DELETE FROM strays WHERE blob = ?", (blob,)).rowcount:
                    self._path(blob).unlink(missing_ok=True)

    def _sweep(self) -> None:
        old = (
            self._database.connection()
            .execute("SELECT blob FROM strays WHERE since < ?", (self._now() - _STRAY_SECONDS,))
            .fetchall()
        )
        if old:
            self._discard([blob for (blob,) in old])

    def _notify(self, key: str) -> None:
        """Callbacks that raise are logged, and the event is delivered again after the next start: the object is there,
        and its sender has done nothing wrong."""
        if not self._callbacks:
            return
        with _kept(key):
            if (tries := self._count(key)) == 0:
                return
            info = self.info(key)
            heard = [self._call(callback, info) for callback in self._callbacks if info]
            if all(heard):
                self._delivered(key, tries)

    def _call(self, callback: Callable[[FileInfo], None], info: FileInfo) -> bool:
        try:
            callback(info)
        except Exception:
            logger.exception("a callback failed on the new file %s; the next start calls it again", info.key)
            return False
        return True

    def _give_up(self, key: str, tries: int, give_up: Callable[[str, int], object]) -> None:
        with _kept(key):
            logger.error("the event of the file %s was not delivered in %s tries and is given up", key, tries)
            give_up(key, tries)
            self._delivered(key, tries)

    def _count(self, key: str) -> int:
        """The number of the delivery that begins; 0 when the event was delivered meanwhile."""
        with self._database.write() as db:
            update = "UPDATE undelivered SET tries = tries + 1 WHERE key = ? RETURNING tries"
            row = db.execute(update, (key,)).fetchone()
        return int(row[0]) if row else 0

    def _delivered(self, key: str, tries: int) -> None:
        """But for an event of a newer upload under the same key, whose tries begin anew."""
        with self._database.write() as db:
            db.execute("DELETE FROM undelivered WHERE key = ? AND tries = ?", (key, tries))

    def _sign(self, method: str, key: str, expires_in: int, bound: Mapping[str, str | None]) -> str:
        permission = {"method": method, "expires": str(int(self._now()) + expires_in)}
        permission.update({name: v for name, v in bound.items() if v is not None})
        return signed_urls.sign(self._secret, self._base_url(), check_key(key), permission)

    def _rows(self, prefix: str, columns: str) -> Iterator[tuple[object, ...]]:
        """columns: key first. Read page by page, so that no reader holds the database open while it works."""
        after, end, compare = prefix, after_prefix(prefix), ">="
        while True:
            rows = (
                self._database.connection()
                .execute(
                    f"SELECT {columns} FROM objects WHERE key {compare} ? AND (? IS NULL OR key < ?) "  # noqa: S608
                    f"ORDER BY key LIMIT {_LIST_ROWS}",
                    (after, end, end),
                )
                .fetchall()
            )
            yield from rows
            if len(rows) < _LIST_ROWS:
                return
            after, compare = rows[-1][0], ">"

    def _find(self, key: str) -> tuple[FileInfo, str] | None:
        """The object and its blob."""
        row = (
            self._database.connection()
            .execute(
                "SELECT key, size, content_type, etag, modified, blob FROM objects WHERE key = ?", (check_key(key),)
            )
            .fetchone()
        )
        return (FileInfo(*row[:5]), row[5]) if row else None

    def _open(self, key: str) -> tuple[FileInfo, BinaryIO]:
        tried = None
        while (found := self._find(key)) is not None and found[1] != tried:
            try:
                return found[0], open(self._path(found[1]), "rb")
            except FileNotFoundError:
                tried = found[1]  # replaced between lookup and open: look up again
        raise FileNotFoundError(f"There is no file {key}")

    def _path(self, blob: str) -> Path:
        return self._blobs / blob[-2:] / blob


class _Chunks(Iterator[bytes]):
    """A file, piece by piece; closed at its end or when nobody reads on."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._size = file, size

    def __next__(self) -> bytes:
        data = b"" if self._file.closed else self._file.read(self._size)
        if not data:
            self._file.close()
            raise StopIteration
        return data

    def __del__(self) -> None:
        self._file.close()


@contextmanager
def _kept(key: str) -> Iterator[None]:
    """When the block raises, that is logged: the event stays undelivered until the next start."""
    try:
        yield
    except Exception:
        logger.exception("the event of the file %s could not be delivered; next try after the next start", key)


def _migrate(db: Connection) -> None:
    for statement in _SCHEMA:
        db.execute(statement)
    if db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (_EARLIER,)).fetchone():
        db.execute(f"INSERT OR IGNORE INTO undelivered (key) SELECT key FROM {_EARLIER}")  # noqa: S608
        db.execute(f"DROP TABLE {_EARLIER}")
