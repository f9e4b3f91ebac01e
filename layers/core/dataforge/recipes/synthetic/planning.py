"""Spread a synthetic run's slots: categories, coverage, axes, hard negatives, sub-topics. Same seed, same plan."""

from __future__ import annotations

import itertools
import random
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from dataforge.recipes.spreading import largest_remainder
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Coverage, Spec
from dataforge.recipes.synthetic.variety import Taxonomy, combinations

T = TypeVar("T")

MOST_CELLS = 100
SLOTS_PER_CALL = 4
LONG_CALL_TOKENS = 4000
"""A call asks for fewer records when their allowed length would add up to more than this."""
DIFFICULTIES = ("easy", "medium", "hard")
"""What the difficulty "mixed" takes turns with."""


def cells(coverage: Coverage) -> list[dict[str, str]]:
    """The cross product of the dimensions, in the order they were given."""
    names = [d.name for d in coverage.dimensions]
    return [
        dict(zip(names, values, strict=True)) for values in itertools.product(*(d.values for d in coverage.dimensions))
    ]


def least_count(coverage: Coverage) -> int:
    """The smallest job that the grid fits in."""
    if coverage.mode == "all_combinations":
        places = 1
        for dimension in coverage.dimensions:
            places *= len(dimension.values)
        return places * coverage.min_per_cell
    return max(len(d.values) for d in coverage.dimensions) * coverage.min_per_cell


def spread_coverage(coverage: Coverage, count: int, rng: random.Random) -> dict[str, list[str]]:
    """Each dimension with its value for each of `count` slots: every combination evenly, or every value of every
    dimension evenly."""
    names = [d.name for d in coverage.dimensions]
    if coverage.mode == "all_combinations":
        grid = cells(coverage)
        spread = list(_repeated(grid, largest_remainder(count, [1.0] * len(grid))))
        return {name: [cell[name] for cell in spread] for name in names}
    columns = [list(_repeated(d.values, largest_remainder(count, [1.0] * len(d.values)))) for d in coverage.dimensions]
    for column in columns:
        rng.shuffle(column)
    return dict(zip(names, columns, strict=True))


def _repeated(values: Iterable[T], counts: Iterable[int]) -> Iterator[T]:
    """Each value as often as its count says."""
    return (value for value, n in zip(values, counts, strict=True) for _ in range(n))


def evenly(total: int, share: float) -> list[bool]:
    """`total` flags of which share percent (largest remainder) are set, as far from each other as can be."""
    chosen = largest_remainder(total, [share, max(0.0, 100.0 - share)])[0]
    return [(n + 1) * chosen // total > n * chosen // total for n in range(total)]


def plan(spec: Spec, taxonomy: Taxonomy) -> Iterator[RecordSlot]:
    """One slot per record wanted, numbered from 0. They are made one by one: 100,000 at once would fill 60 MB."""
    rng = random.Random(f"{spec.seed}/plan")
    places = _places(spec, rng)
    order = array("I", range(spec.count))
    rng.shuffle(order)
    slots = (places.slot(n, at) for n, at in enumerate(order))
    return _varied(spec, taxonomy, slots, round_number=0)


def replan(
    spec: Spec, taxonomy: Taxonomy, lost: Iterable[RecordSlot], *, first_index: int, round_number: int
) -> Iterator[RecordSlot]:
    """A new slot for each lost one: the same place in the plan, another sub-topic, persona and angle."""
    slots = (replace(s, index=first_index + n) for n, s in enumerate(lost))
    return _varied(spec, taxonomy, slots, round_number=round_number)


@dataclass(frozen=True, slots=True)
class _Places:
    """What is allotted to the places of the plan, before they are shuffled: a column each, None where not asked for."""

    difficulties: Sequence[str | None]
    """Take turns over the slots, whatever their places."""
    category: Sequence[str] | None
    coverage: Mapping[str, Sequence[str]]
    axis: Sequence[str] | None
    technique: Sequence[str | None] | None

    def slot(self, index: int, at: int) -> RecordSlot:
        return RecordSlot(
            index,
            root=index,
            difficulty=self.difficulties[index % len(self.difficulties)],
            category=self.category[at] if self.category else None,
            coverage={name: values[at] for name, values in self.coverage.items()},
            axis=self.axis[at] if self.axis else None,
            technique=self.technique[at] if self.technique else None,
        )


def _places(spec: Spec, rng: random.Random) -> _Places:
    """The places stand by category or cell, so every one of those gets its share of the hard negatives."""
    categories = [c.name for c in spec.categories]
    shares = largest_remainder(spec.count, [c.percentage for c in spec.categories])
    return _Places(
        DIFFICULTIES if (spec.difficulty or "").casefold() == "mixed" else (spec.difficulty,),
        list(_repeated(categories, shares)) if categories else None,
        spread_coverage(spec.coverage, spec.count, rng) if spec.coverage else {},
        _axes(spec),
        _techniques(spec),
    )


def _axes(spec: Spec) -> list[str] | None:
    if spec.conflict is None:
        return None
    axes = spec.conflict.axes
    names = list(_repeated((a.name for a in axes), largest_remainder(spec.count, [a.percentage for a in axes])))
    random.Random(f"{spec.seed}/axes").shuffle(names)
    return names


def _techniques(spec: Spec) -> list[str | None] | None:
    if spec.hard_negatives is None:
        return None
    turns = itertools.cycle(t.name for t in spec.hard_negatives.techniques)
    return [next(turns) if hard else None for hard in evenly(spec.count, spec.hard_negatives.percentage)]


def _varied(spec: Spec, taxonomy: Taxonomy, slots: Iterable[RecordSlot], *, round_number: int) -> Iterator[RecordSlot]:
    streams: dict[str, Iterator[tuple[str, str, str]]] = {}
    for slot in slots:
        name = slot.category or ""
        if name not in streams:
            streams[name] = combinations(taxonomy.of(slot.category), f"{spec.seed}/{name}/{round_number}")
        topic, persona, angle = next(streams[name])
        seed = random.Random(f"{spec.seed}/{slot.index}").randrange(2**31)
        yield replace(slot, topic=topic, persona=persona, angle=angle, seed=seed)


def slots_per_call(spec: Spec) -> int:
    """Fewer where long records are allowed."""
    most = spec.lengths.most or 0
    return max(1, min(SLOTS_PER_CALL, LONG_CALL_TOKENS // most if most else SLOTS_PER_CALL))


def calls(spec: Spec, slots: Iterable[RecordSlot]) -> Iterator[list[RecordSlot]]:
    """Neighbours in the plan share a call."""
    rest = iter(slots)
    return iter(lambda: list(itertools.islice(rest, slots_per_call(spec))), [])


def split(count: int, shares: Sequence[tuple[str, int]], seed: str) -> dict[str, Sequence[int]]:
    """Positions 0..count-1 allocated to the named splits, ascending: sizes by largest remainder, order by the seed,
    each once."""
    order = array("I", range(count))
    random.Random(f"{seed}/split").shuffle(order)
    sizes = largest_remainder(count, [float(p) for _, p in shares])
    ends = list(itertools.accumulate(sizes))
    return {
        name: array("I", sorted(order[end - size : end]))
        for (name, _), size, end in zip(shares, sizes, ends, strict=True)
    }
