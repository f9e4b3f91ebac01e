"""What the records of a run and its project say, found again by small keys: on disk, so that memory does not grow."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from dataforge.quality import repeats
from dataforge.quality.repeats import Statement

_LIMITS = (32, 4, 4, 16, 64)
"""Records that are looked at for one key, the latest, by the kinds of `repeats.keys`. What is like more than these is
one form with many facts."""
_HELD = 512
_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -2048;
    CREATE TABLE said (number INTEGER PRIMARY KEY, pair TEXT NOT NULL, body BLOB NOT NULL, doubted INTEGER);
    CREATE TABLE keys (key INTEGER, number INTEGER, PRIMARY KEY (key, number)) WITHOUT ROWID;
    CREATE TABLE rejected (number INTEGER PRIMARY KEY, of INTEGER NOT NULL);
    CREATE TABLE chunks (name TEXT PRIMARY KEY, length INTEGER, figures BLOB);
    CREATE TABLE figures (mark INTEGER, chunk TEXT, PRIMARY KEY (mark, chunk)) WITHOUT ROWID;
    CREATE TABLE late (number INTEGER, pair TEXT, finding BLOB, PRIMARY KEY (number, finding)) WITHOUT ROWID;
"""


class Said(NamedTuple):
    """A record that is kept."""

    number: int
    """Its slot; below 0 for one of an earlier run."""
    pair_id: str
    statement: Statement
    doubted: bool = False
    """A check of its facts flags it."""


class Statements:
    """Those of the records that are kept, in the order they are added."""

    def __init__(self) -> None:
        self.rows = sqlite3.connect("", isolation_level=None)  # a temporary file of its own, gone when it is closed
        self.rows.executescript(_SCHEMA)
        self._held: OrderedDict[int, Said] = OrderedDict()

    def close(self) -> None:
        self.rows.close()

    def add(self, said: Said, *, by_keys: bool) -> None:
        """by_keys: `like` finds it."""
        body = orjson.dumps(said.statement.to_json())
        self.rows.execute(
            "INSERT OR REPLACE INTO said VALUES (?, ?, ?, ?)", (said.number, said.pair_id, body, said.doubted)
        )
        keys = {key for kind in repeats.keys(said.statement) for key in kind} if by_keys else set()
        self.rows.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", [(key, said.number) for key in keys])
        self._hold(said)

    def reject(self, number: int, of: int) -> None:
        """The record of this number is not kept: it repeats another one, which stands for it from now on."""
        self.rows.execute("INSERT OR REPLACE INTO rejected VALUES (?, ?)", (number, of))

    def get(self, number: int) -> Said | None:
        """The record, or the one that stands for it."""
        row = self.rows.execute("SELECT of FROM rejected WHERE number = ?", (number,)).fetchone()
        return self._said(row[0] if row else number)

    def like(self, statement: Statement) -> Iterator[Said]:
        """Kept records that may be repeats or contradictions."""
        numbers: dict[int, None] = {}
        for keys, limit in zip(repeats.keys(statement), _LIMITS, strict=True):
            for key in keys:
                found = self.rows.execute(
                    "SELECT number FROM keys WHERE key = ? ORDER BY number DESC LIMIT ?", (key, limit)
                )
                numbers |= {number: None for (number,) in found}
        yield from filter(None, map(self._said, sorted(numbers)))

    def of_chunk(self, chunk_id: str) -> Iterator[Said]:
        """The latest of them."""
        found = self.rows.execute(
            "SELECT number FROM keys WHERE key = ? ORDER BY number DESC LIMIT ?",
            (repeats.chunk_key(chunk_id), _LIMITS[-1]),
        )
        yield from filter(None, map(self._said, [number for (number,) in found]))

    def _said(self, number: int) -> Said | None:
        if number in self._held:
            self._held.move_to_end(number)
            return self._held[number]
        row = self.rows.execute("SELECT pair, body, doubted FROM said WHERE number = ?", (number,)).fetchone()
        if row is None:
            return None
        said = Said(number, row[0], Statement.from_json(orjson.loads(row[1])), bool(row[2]))
        self._hold(said)
        return said

    def _hold(self, said: Said) -> None:
        self._held[said.number] = said
        if len(self._held) > _HELD:
            self._held.popitem(last=False)
