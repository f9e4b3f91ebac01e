"""Which chunks of a project are translations of each other, by the figures they hold. Chunks are read only once their
records are in two languages or more."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from dataforge.quality import repeats
from dataforge.store import chunks as chunk_store
from dataforge.workflows.generation.statements import Said, Statements

_PORTION, _REMEMBERED = 100, 256
_MOST = 16
"""Chunks with some of the same figures that are compared with one."""


class Translations:
    def __init__(self, project_id: str, statements: Statements) -> None:
        self._project_id, self._statements, self._rows = project_id, statements, statements.rows
        self._languages: set[str] = set()
        self._noted: str = ""
        self._aligned: dict[str, list[tuple[str, tuple[int, int]]]] = {}

    def note(self, said: Said) -> None:
        """A record that is kept."""
        self._languages |= {said.statement.language} - {""}
        if said.statement.chunk_id != self._noted:  # they come chunk by chunk, as good as always
            self._noted = said.statement.chunk_id
            self._rows.execute("INSERT OR IGNORE INTO chunks VALUES (?, NULL, NULL)", (self._noted,))

    def of(self, said: Said) -> Iterator[Said]:
        """Kept records that it translates."""
        mine = said.statement
        if not self._languages - {mine.language}:
            return
        self._rows.execute("INSERT OR IGNORE INTO chunks VALUES (?, NULL, NULL)", (mine.chunk_id,))
        if self._read_new() or len(self._aligned) > _REMEMBERED:
            self._aligned.clear()
        if mine.chunk_id not in self._aligned:
            self._aligned[mine.chunk_id] = self._find_aligned(mine.chunk_id)
        for chunk_id, lengths in self._aligned[mine.chunk_id]:
            for other in self._statements.of_chunk(chunk_id):
                if repeats.translated(mine, other.statement, lengths):
                    yield other

    def _find_aligned(self, chunk_id: str) -> list[tuple[str, tuple[int, int]]]:
        length, figures = self._chunk(chunk_id)
        marks = repeats.marks_of(figures)
        places = ", ".join("?" * len(marks))
        found = self._rows.execute(
            f"SELECT DISTINCT chunk FROM figures WHERE mark IN ({places}) AND chunk != ? LIMIT {_MOST}",  # noqa: S608
            (*marks, chunk_id),
        ).fetchall()
        others = [(name, self._chunk(name)) for (name,) in found]
        return [(name, (length, size)) for name, (size, theirs) in others if repeats.aligned(figures, theirs)]

    def _chunk(self, chunk_id: str) -> tuple[int, frozenset[str]]:
        length, figures = self._rows.execute(
            "SELECT length, figures FROM chunks WHERE name = ?", (chunk_id,)
        ).fetchone()
        return length, frozenset(orjson.loads(figures))

    def _read_new(self) -> bool:
        """Reads the chunks that nobody read yet; whether there were any."""
        new = [name for (name,) in self._rows.execute("SELECT name FROM chunks WHERE length IS NULL")]
        for at in range(0, len(new), _PORTION):
            some = new[at : at + _PORTION]
            texts = {c.chunk_id: c.content for c in chunk_store.get_many(self._project_id, some)}
            for name in some:
                text = texts.get(name, "")
                figures = repeats.figures(text)
                self._rows.execute(
                    "UPDATE chunks SET length = ?, figures = ? WHERE name = ?",
                    (len(text), orjson.dumps(sorted(figures)), name),
                )
                marks = [(mark, name) for mark in set(repeats.marks_of(figures))]
                self._rows.executemany("INSERT OR IGNORE INTO figures VALUES (?, ?)", marks)
        return bool(new)
