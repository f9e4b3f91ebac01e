"""Spread a synthetic run's slots: categories, coverage, axes, hard negatives, sub-topics. Same seed, same plan."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dataforge.recipes.spreading import largest_remainder
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Coverage, Spec
from dataforge.recipes.synthetic.variety import Taxonomy, combinations

MOST_CELLS = 100
SLOTS_PER_CALL = 4
LONG_CALL_TOKENS = 4000
"""A call asks for fewer records when their allowed length would add up to more than this."""
LEVELS = ("easy", "medium", "hard")
"""What the difficulty "mixed" takes turns with."""


def cells(coverage: Coverage) -> list[dict[str, str]]:
    """The cross product of the dimensions, in the order they were given."""
    names = [d.name for d in coverage.dimensions]
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*(d.values for d in
                                                                                   coverage.dimensions))]


def least_count(coverage: Coverage) -> int:
    """The smallest job that the grid fits in."""
    if coverage.mode == "all_combinations":
        places = 1
        for dimension in coverage.dimensions:
            places *= len(dimension.values)
        return places * coverage.min_per_cell
    return max(len(d.values) for d in coverage.dimensions) * coverage.min_per_cell


def spread_coverage(coverage: Coverage, count: int, rng: random.Random) -> list[dict[str, str]]:
    """`count` cells: every combination evenly, or every value of every dimension evenly."""
    if coverage.mode == "all_combinations":
        grid = cells(coverage)
        shares = largest_remainder(count, [1.0] * len(grid))
        return [cell for cell, n in zip(grid, shares, strict=True) for _ in range(n)]
    columns = []
    for dimension in coverage.dimensions:
        shares = largest_remainder(count, [1.0] * len(dimension.values))
        column = [value for value, n in zip(dimension.values, shares, strict=True) for _ in range(n)]
        rng.shuffle(column)
        columns.append(column)
    names = [d.name for d in coverage.dimensions]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def evenly(total: int, share: float) -> list[bool]:
    """`total` flags of which share percent (largest remainder) are set, as far from each other as can be."""
    chosen = largest_remainder(total, [share, max(0.0, 100.0 - share)])[0]
    return [(n + 1) * chosen // total > n * chosen // total for n in range(total)]


def plan(spec: Spec, taxonomy: Taxonomy) -> list[RecordSlot]:
    """One slot per record wanted, numbered from 0."""
    rng = random.Random(f"{spec.seed}/plan")
    slots = [RecordSlot(0, level=spec.difficulty) for _ in range(spec.count)]
    slots = _with_axes(spec, _with_coverage(spec, _with_categories(spec, slots), rng))
    slots = _with_techniques(spec, slots)
    rng.shuffle(slots)
    if (spec.difficulty or "").casefold() == "mixed":
        slots = [replace(s, level=LEVELS[n % 3]) for n, s in enumerate(slots)]
    slots = [replace(s, index=n, root=n) for n, s in enumerate(slots)]
    return _varied(spec, taxonomy, slots, round_number=0)


def replan(
    spec: Spec, taxonomy: Taxonomy, lost: Sequence[RecordSlot], *, first_index: int, round_number: int
) -> list[RecordSlot]:
    """A new slot for each lost one: the same place in the plan, another sub-topic, persona and angle."""
    slots = [replace(s, index=first_index + n) for n, s in enumerate(lost)]
    return _varied(spec, taxonomy, slots, round_number=round_number)


def _with_categories(spec: Spec, slots: list[RecordSlot]) -> list[RecordSlot]:
    if not spec.categories:
        return slots
    shares = largest_remainder(len(slots), [c.percentage for c in spec.categories])
    names = [c.name for c, n in zip(spec.categories, shares, strict=True) for _ in range(n)]
    return [replace(s, category=name) for s, name in zip(slots, names, strict=True)]


def _with_coverage(spec: Spec, slots: list[RecordSlot], rng: random.Random) -> list[RecordSlot]:
    if spec.coverage is None:
        return slots
    grid = spread_coverage(spec.coverage, len(slots), rng)
    return [replace(s, coverage=cell) for s, cell in zip(slots, grid, strict=True)]


def _with_axes(spec: Spec, slots: list[RecordSlot]) -> list[RecordSlot]:
    if spec.conflict is None:
        return slots
    shares = largest_remainder(len(slots), [a.percentage for a in spec.conflict.axes])
    names = [a.name for a, n in zip(spec.conflict.axes, shares, strict=True) for _ in range(n)]
    random.Random(f"{spec.seed}/axes").shuffle(names)
    return [replace(s, axis=name) for s, name in zip(slots, names, strict=True)]


def _with_techniques(spec: Spec, slots: list[RecordSlot]) -> list[RecordSlot]:
    """The slots stand by category or cell here, so every one of those gets its share of the hard negatives."""
    if spec.hard_negatives is None or not slots:
        return slots
    turns = itertools.cycle(t.name for t in spec.hard_negatives.techniques)
    flags = evenly(len(slots), spec.hard_negatives.percentage)
    return [replace(s, technique=next(turns)) if hard else s for s, hard in zip(slots, flags, strict=True)]


def _varied(spec: Spec, taxonomy: Taxonomy, slots: Sequence[RecordSlot], *, round_number: int) -> list[RecordSlot]:
    streams: dict[str, Iterator[tuple[str, str, str]]] = {}
    made = []
    for slot in slots:
        name = slot.category or ""
        if name not in streams:
            streams[name] = combinations(taxonomy.of(slot.category), f"{spec.seed}/{name}/{round_number}")
        topic, persona, angle = next(streams[name])
        seed = random.Random(f"{spec.seed}/{slot.index}").randrange(2**31)
        made.append(replace(slot, topic=topic, persona=persona, angle=angle, seed=seed))
    return made


def slots_per_call(spec: Spec) -> int:
    """Fewer where long records are allowed."""
    most = spec.lengths.most or 0
    return max(1, min(SLOTS_PER_CALL, LONG_CALL_TOKENS // most if most else SLOTS_PER_CALL))


def calls(spec: Spec, slots: Sequence[RecordSlot]) -> list[list[RecordSlot]]:
    """Neighbours in the plan share a call."""
    size = slots_per_call(spec)
    return [list(slots[i:i + size]) for i in range(0, len(slots), size)]


def split(count: int, shares: Sequence[tuple[str, int]], seed: str) -> dict[str, list[int]]:
    """Positions 0..count-1 dealt to the named splits: sizes by largest remainder, order by the seed, each once."""
    order = list(range(count))
    random.Random(f"{seed}/split").shuffle(order)
    sizes = largest_remainder(count, [float(p) for _, p in shares])
    dealt: dict[str, list[int]] = {}
    start = 0
    for (name, _), size in zip(shares, sizes, strict=True):
        dealt[name] = sorted(order[start:start + size])
        start += size
    return dealt
