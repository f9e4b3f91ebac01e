"""Training and validation lines, so that what is measured on the second was not learnt from the first.

Lines that belong together go to one side together: lines of one source, and lines whose prompts are identical or nearly
so (character-trigram Jaccard above 0.7, `quality.duplicates`). Groups are shuffled with the seed and taken for
validation until it has its share. Then every validation prompt is compared with every training prompt: one that still
is like one of them (A like B like C, but A not like C) goes to the training side.
"""

from __future__ import annotations

import hashlib
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

from dataforge.quality import splits
from dataforge.text.normal_forms import normalise
from dataforge.training.reading import Line

if TYPE_CHECKING:
    from dataforge.quality.duplicates import Screen

T = TypeVar("T")

TRAIN, VALIDATION, LEFT_OUT = 0, 1, 2
MOST_COMPARED = 50_000
"""Lines up to which prompts that are nearly alike are found: the work grows with the square of the lines (about 20 s on
two cores at 50,000). Of more lines, prompts that are the same but for case and white space are found."""
LEAST_SHARE = 0.25
"""Of the lines that should be held back: where fewer can be, what keeps lines together is given up and this is said."""
ONE_SOURCE = "Nearly all lines are of one source, so lines of it are on both sides"
ALIKE = "Nearly all prompts are nearly the same, so those of both sides are; none is on both"
_MOVES = 3
"""Rounds in which leaking lines are moved; what leaks afterwards is left out, which ends it."""
_BLOCK = 2048
_SOURCES = ("document_id", "documentId", "chunk_id", "chunkId", "source_id", "source", "group")


@dataclass(frozen=True, slots=True)
class Asked:
    """What tells a line apart from others."""

    prompt: str
    source: str | None = None
    """What it was made of, where the line says so."""


Lines = Callable[[], Iterable[Asked]]
"""All lines in order, again at every call: they are never held at once."""


@dataclass(slots=True)
class Split:
    sides: bytearray
    """Of each line: TRAIN, VALIDATION or LEFT_OUT."""
    groups: int = 0
    notes: list[str] = field(default_factory=list)

    def count(self, side: int) -> int:
        return self.sides.count(side)


def source_of(line: Line) -> str | None:
    """The document, chunk or group that the line or its metadata names; of a question its passage."""
    metadata = line.get("metadata")
    for place in (line, metadata if isinstance(metadata, dict) else {}):
        for name in _SOURCES:
            if isinstance(place.get(name), str) and place[name]:
                return f"{name}:{place[name]}"
    context = line.get("context")
    return f"context:{_digest(context)}" if isinstance(context, str) and line.get("answers") is not None else None


def split(lines: Lines, share: float, seed: int) -> Split:
    """share: of the lines that go to validation, 0 <= share < 1; at least one line does where there are two groups."""
    prompts, sources = array("q"), array("q")
    for asked in lines():
        prompts.append(_digest(normalise(asked.prompt)))
        sources.append(_digest(asked.source) if asked.source is not None else 0)
    total = len(prompts)
    made = Split(bytearray(total))
    if share <= 0 or total < 2:
        return made
    close = _near(lines) if total <= MOST_COMPARED else {}
    if total > MOST_COMPARED:
        made.notes.append(
            f"Of {total:,} lines, prompts were compared for being the same, not for being nearly the same: that is "
            f"done up to {MOST_COMPARED:,} lines"
        )
    wanted = min(round(total * share), total - 1) or 1
    ways: tuple[tuple[str | None, Sequence[int], dict[int, int]], ...] = (
        (None, sources, close),
        (ONE_SOURCE, (), close),
        (ALIKE, (), {}),
    )
    for note, kept_together, like in ways:
        found = _groups(prompts, kept_together, like)
        tried = Split(bytearray(total), len(set(found)))
        if tried.groups < 2:
            continue
        _choose(tried.sides, found, wanted, random.Random(seed))
        if like:
            _move_leaks(lines, tried)
        if tried.count(VALIDATION) >= max(1, wanted * LEAST_SHARE):
            tried.notes = [*made.notes, *([note] if note else []), *tried.notes]
            return tried
    made.notes.append("No validation lines: all prompts are the same")
    return made


def _digest(text: str) -> int:
    """63 bits, never 0."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1 or 1


def _near(lines: Lines) -> dict[int, int]:
    """Line -> an earlier one whose prompt is like its own."""
    screen, found = _screen(), dict[int, int]()
    for block in _blocks(asked.prompt for asked in lines()):
        found |= {d.index: d.of for d in screen.check(block)}
    return found


def _groups(prompts: Sequence[int], sources: Sequence[int], close: dict[int, int]) -> list[int]:
    """Of each line the first line of its group."""
    keyed = (splits.same((line, key) for line, key in enumerate(keys) if key) for keys in (prompts, sources))
    return splits.joined(len(prompts), chain(*keyed, close.items()))


def _choose(sides: bytearray, groups: Sequence[int], wanted: int, rng: random.Random) -> None:
    """Whole groups for validation, none that is larger than what is still wanted; the smallest one if all are."""
    sizes = Counter(groups)
    order = sorted(sizes)
    rng.shuffle(order)
    chosen: set[int] = set()
    left = wanted
    for group in order:
        if sizes[group] <= left:
            chosen.add(group)
            left -= sizes[group]
    if not chosen:
        chosen.add(min(order, key=lambda group: sizes[group]))
    for line, group in enumerate(groups):
        if group in chosen:
            sides[line] = VALIDATION


def _move_leaks(lines: Lines, made: Split) -> None:
    """Afterwards no validation prompt is nearly that of a training line."""
    moved = 0
    fresh: set[int] | None = None
    """Lines that were moved last: the others on the training side were compared already."""
    for round_number in range(_MOVES + 1):
        learnt = _prompts(lines, made.sides, TRAIN, fresh)
        screen = _screen(against=(prompt for _, prompt in learnt))
        leaking: set[int] = set()
        for block in _blocks(_prompts(lines, made.sides, VALIDATION, None)):
            found = screen.find([prompt for _, prompt in block])
            leaking |= {block[d.index][0] for d in found}
        if not leaking:
            break
        last = round_number == _MOVES
        for line in leaking:
            made.sides[line] = LEFT_OUT if last else TRAIN
        moved += 0 if last else len(leaking)
        fresh = leaking
    if moved:
        made.notes.append(f"{moved} validation lines were moved to training: their prompts are nearly those of others")
    if left_out := made.count(LEFT_OUT):
        made.notes.append(f"{left_out} lines are left out: their prompts are nearly those of lines on both sides")


def leave_out(lines: Lines, made: Split, held_out: Iterable[str]) -> None:
    """Lines to train on whose prompts are nearly those of `held_out` are on no side afterwards."""
    screen, before = _screen(against=held_out), made.count(LEFT_OUT)
    for block in _blocks(_prompts(lines, made.sides, TRAIN, None)):
        for found in screen.find([prompt for _, prompt in block]):
            made.sides[block[found.index][0]] = LEFT_OUT
    if leaking := made.count(LEFT_OUT) - before:
        made.notes.append(f"{leaking} lines are not trained on: their prompts are nearly those of the held-out lines")


def _prompts(lines: Lines, sides: Sequence[int], side: int, only: set[int] | None) -> Iterator[tuple[int, str]]:
    for number, asked in enumerate(lines()):
        if sides[number] == side and (only is None or number in only):
            yield number, asked.prompt


def _blocks(items: Iterable[T]) -> Iterator[list[T]]:
    items = iter(items)
    while block := list(islice(items, _BLOCK)):
        yield block


def _screen(against: Iterable[str] = ()) -> Screen:
    from dataforge.quality.duplicates import Screen  # numpy: see text.normal_forms

    return Screen(against=against)
