"""Flags for records that were assessed before what contradicts them: in earlier blocks, rounds or runs.

Everything here may happen again after a crash: a flag is added once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from typing import cast

import orjson

from dataforge.errors import NotFound
from dataforge.platform.ports import Item
from dataforge.quality.findings import Finding
from dataforge.store import pairs
from dataforge.store.projects import Project
from dataforge.store.review_facts import Marked
from dataforge.workflows.generation.statements import Said

_MOST = 3
"""Of one record: a teacher may contradict itself in every record that it writes."""


class LateFlags:
    """On disk with the statements: how many there are depends on what a teacher writes."""

    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows, self._any = rows, False

    def __bool__(self) -> bool:
        return self._any

    def add(self, said: Said, finding: Finding) -> None:
        if len(self._of(said.number)) < _MOST:
            stored = orjson.dumps(finding.to_json())
            self._rows.execute("INSERT OR IGNORE INTO late VALUES (?, ?, ?)", (said.number, said.pair_id, stored))
            self._any = True

    def onto_line(self, line: Item) -> Item:
        """A line of the run's records."""
        late = self._of(cast(int, line["slot"]))
        if not late:
            return line
        others = [flag for flag in cast("list[Item]", line.get("flags") or []) if flag not in late]
        return {**line, "flags": [*others, *late]}

    def onto_mark(self, mark: Marked) -> Marked:
        """What the review index will say of a record of this round: one that is doubted is not accepted by itself."""
        late = self._of(mark.slot) if self else []
        if not late:
            return mark
        status = "pending" if mark.status == "accepted" else mark.status
        return replace(mark, status=status, flags=sorted({*mark.flags, *(str(flag["check"]) for flag in late)}))

    def onto_pairs(self, project: Project) -> None:
        """The pairs themselves, of any round and run; the status of those that people may have seen stays."""
        for _, pair_id, late in self:
            with suppress(NotFound):  # deleted meanwhile
                pairs.add_flags(project, pair_id, late)

    def __iter__(self) -> Iterator[tuple[int, str, list[Item]]]:
        """Slot of the run, below 0 for a record of an earlier one; pair; its flags."""
        found = self._rows.execute("SELECT number, pair, finding FROM late ORDER BY number").fetchall() if self else []
        for (number, pair_id), rows in groupby(found, key=lambda row: row[:2]):
            yield number, pair_id, [orjson.loads(row[2]) for row in rows]

    def _of(self, number: int) -> list[Item]:
        found = self._rows.execute("SELECT finding FROM late WHERE number = ?", (number,))
        return [orjson.loads(finding) for (finding,) in found]
