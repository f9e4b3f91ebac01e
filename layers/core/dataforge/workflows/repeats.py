"""Repeats among the records of a run, over all its rounds, and against what earlier runs of the project delivered."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from dataforge.quality import verdict
from dataforge.recipes import drafts
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.workflows import runs as flow
from dataforge.workflows.judging import Record, kind_of

if TYPE_CHECKING:
    from dataforge.quality.duplicates import Duplicate


def before(run: Run, name: str, first: int) -> Iterator[dict[str, Any]]:
    """The lines of one of the run's files that slots below `first` wrote: those of earlier rounds."""
    return takewhile(lambda line: bool(line["slot"] < first), flow.read_lines(run, name))


class Repeats:
    """Give it the records of a round in slot order, bit by bit; first come, first kept."""

    def __init__(self, run: Run, first: int) -> None:
        """first: the round's first slot."""
        from dataforge.quality import duplicates  # numpy: see quality.normal

        self._foreign = 0
        self._own, self._passed = array("q"), array("q")
        self._kind = kind_of(run)
        self._screen = duplicates.Screen(against=self._known(run, first))

    def mark(self, records: Sequence[Record]) -> list[Record]:
        """The records, repeats among them rejected. One that was rejected before takes no part."""
        marked = list(records)
        good = [n for n, r in enumerate(marked) if not r.reasons]
        start = len(self._passed)
        self._passed.extend(marked[n].slot for n in good)
        for repeat in self._screen.check([verdict.compared(self._kind, marked[n].draft) for n in good]):
            n = good[repeat.index - start]
            marked[n] = replace(
                marked[n], reasons=("near_duplicate",), duplicate_of=self._slot(repeat),
                similarity=round(repeat.similarity, 4),
            )
        return marked

    def _slot(self, repeat: Duplicate) -> int | None:
        """None: a record of an earlier run."""
        if not repeat.known:
            return self._passed[repeat.of]
        return self._own[repeat.of - self._foreign] if repeat.of >= self._foreign else None

    def _known(self, run: Run, first: int) -> Iterator[str]:
        for text in _delivered_before(run):
            self._foreign += 1
            yield text
        for line in before(run, "records.jsonl", first):
            self._own.append(line["slot"])
            yield verdict.compared(self._kind, drafts.from_json(line))


def _delivered_before(run: Run) -> Iterator[str]:
    """What earlier runs of the project delivered that this run could repeat, read from one file per run."""
    for earlier in runs.of_project(run.project_id):
        if earlier.kind != "generate" or earlier.run_id == run.run_id or not earlier.delivered:
            continue
        kind = kind_of(earlier)
        if verdict.comparable(kind_of(run), kind):
            for line in flow.read_lines(earlier, "records.jsonl"):
                yield verdict.compared(kind, drafts.from_json(line))
