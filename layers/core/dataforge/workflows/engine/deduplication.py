"""Near-duplicates among the records of a run, over all its rounds, and against records that earlier runs delivered."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, takewhile
from typing import IO, Any, NamedTuple

import orjson

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store.runs import Run
from dataforge.workflows import run_files

EARLIER_RUN = -1
"""Instead of the slot of a record: another run delivered it."""


def earlier_lines(run: Run, name: str, first: int) -> Iterator[dict[str, Any]]:
    """The lines of one of the run's files that slots below `first` wrote: those of earlier rounds."""
    return _of_slots_below(first, run_files.read_records(run, name))


def _of_slots_below(first: int, lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return takewhile(lambda line: bool(line["slot"] < first), lines)


def append_to_earlier(
    run: Run, name: str, first: int, lines: IO[bytes], change: Callable[[Item], Item] | None = None
) -> None:
    """Write one of the run's files anew: what earlier rounds wrote, then this round's lines, from the file's start.
    change: what becomes of each of them."""
    lines.seek(0)
    old: Iterable[Item] = _of_slots_below(first, run_files.read_lines(run, name))
    new: Iterable[bytes] = lines
    if change:
        old, new = map(change, old), (orjson.dumps(change(orjson.loads(line))) + b"\n" for line in lines)
    written = chain((orjson.dumps(line) + b"\n" for line in old), new)
    current().files.write_stream(run_files.key_of(run, name), written, content_type="application/x-ndjson")


class Repeat(NamedTuple):
    """texts[place] is a near-duplicate of an earlier record that was kept."""

    place: int
    of: int | None
    """Its slot; None: it is a record of an earlier run."""
    similarity: float
    """Four digits."""


class DuplicateFilter:
    """Finds near-duplicates in the texts of a round, given in slot order in any number of portions.

    Of two texts that are alike the one of the earlier slot is kept."""

    def __init__(self, known: Iterable[tuple[int, str]]) -> None:
        """known: slot and text of records that are kept already."""
        from dataforge.quality import duplicates  # numpy: see text.normal_forms

        self._known, self._passed = array("q"), array("q")
        self._screen = duplicates.Screen(against=self._noted(known))

    def repeats(self, slots: Sequence[int], texts: Sequence[str]) -> Iterator[Repeat]:
        start = len(self._passed)
        self._passed.extend(slots)
        for found in self._screen.check(texts):
            of = (self._known if found.known else self._passed)[found.of]
            yield Repeat(found.index - start, None if of == EARLIER_RUN else of, round(found.similarity, 4))

    def _noted(self, known: Iterable[tuple[int, str]]) -> Iterator[str]:
        for slot, text in known:
            self._known.append(slot)
            yield text
