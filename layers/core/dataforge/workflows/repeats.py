"""Repeats among the records of a run, over all its rounds, and against what earlier runs of the project delivered."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, takewhile
from typing import IO, Any, NamedTuple

import orjson

from dataforge.platform import current
from dataforge.recipes import RECIPES, drafts
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.workflows import runs as flow
from dataforge.workflows.judging import Record, kind_of

EARLIER_RUN = -1
"""Instead of the slot of a record: another run delivered it."""


def before(run: Run, name: str, first: int) -> Iterator[dict[str, Any]]:
    """The lines of one of the run's files that slots below `first` wrote: those of earlier rounds."""
    return takewhile(lambda line: bool(line["slot"] < first), flow.read_lines(run, name))


def carry_on(run: Run, name: str, first: int, lines: IO[bytes]) -> None:
    """Write one of the run's files anew: what earlier rounds wrote, then this round's lines, from the file's start."""
    lines.seek(0)
    old = (orjson.dumps(line) + b"\n" for line in before(run, name, first))
    current().files.write_stream(flow.key_of(run, name), chain(old, lines), content_type="application/x-ndjson")


class Repeat(NamedTuple):
    """What is alike: texts[place], and an earlier kept one."""

    place: int
    of: int | None
    """Its slot; None: it is a record of an earlier run."""
    similarity: float
    """Four digits."""


class Sieve:
    """Give it the texts of a round in slot order, bit by bit; first come, first kept."""

    def __init__(self, known: Iterable[tuple[int, str]]) -> None:
        """known: slot and text of what is kept already."""
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


class Repeats:
    """A sieve for the records of a run over documents."""

    def __init__(self, run: Run, first: int) -> None:
        """first: the round's first slot."""
        self._recipe = RECIPES[kind_of(run)]
        own = (
            (line["slot"], self._recipe.compared_text(drafts.from_json(line)))
            for line in before(run, "records.jsonl", first)
        )
        self._sieve = Sieve(chain(_delivered_before(run), own))

    def mark(self, records: Sequence[Record]) -> list[Record]:
        """The records, repeats among them rejected. One that was rejected before takes no part."""
        marked = list(records)
        good = [n for n, r in enumerate(marked) if not r.reasons]
        texts = [self._recipe.compared_text(marked[n].draft) for n in good]
        for repeat in self._sieve.repeats([marked[n].slot for n in good], texts):
            n = good[repeat.place]
            marked[n] = replace(
                marked[n], reasons=("near_duplicate",), duplicate_of=repeat.of, similarity=repeat.similarity
            )
        return marked


def _delivered_before(run: Run) -> Iterator[tuple[int, str]]:
    """What earlier runs of the project delivered that this run could repeat, read from one file per run."""
    for earlier in runs.of_project(run.project_id):
        if earlier.kind != "generate" or earlier.run_id == run.run_id or not earlier.delivered:
            continue
        recipe = RECIPES[kind_of(earlier)]
        if recipe.can_repeat(RECIPES[kind_of(run)]):
            for line in flow.read_lines(earlier, "records.jsonl"):
                yield EARLIER_RUN, recipe.compared_text(drafts.from_json(line))
