"""Spread a run's slots over its passages. Pure and deterministic: same input and seed, same plan."""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, TypeAlias, cast, overload

from dataforge.errors import Invalid
from dataforge.recipes.spreading import Weights, allocate, largest_remainder
from dataforge.records import DIFFICULTIES, Slot

TOKENS_PER_RECORD = 24
"""Of a passage, where its `capacity` is not known."""
Link: TypeAlias = tuple[str, ...]
"""The ids of passages that one question is asked about."""


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that slots can be planned over."""

    chunk_id: str
    tokens: int
    used: int = 0
    """Pairs already asked of it in earlier rounds of the run."""
    capacity: int | None = None
    """How many records can be made of it in all; None: one per TOKENS_PER_RECORD of its tokens, at least one."""

    def remaining(self, pairs_per_chunk: int | None) -> int:
        """Pairs that may still be asked of it."""
        if self.capacity is not None:
            bound = self.capacity
        else:
            bound = max(1, self.tokens // TOKENS_PER_RECORD)
        return max(0, min(bound, pairs_per_chunk if pairs_per_chunk is not None else bound) - self.used)


def spread(total: int, limits: Sequence[int], weights: Sequence[float]) -> list[int]:
    """`total` units in proportion to the weights, none above its limit; less in all only if every limit is reached."""
    given = [0] * len(limits)
    left = min(total, sum(limits))
    while left > 0:
        open_places = [i for i, limit in enumerate(limits) if given[i] < limit]
        shares = largest_remainder(left, [weights[i] for i in open_places])
        for i, share in zip(open_places, shares, strict=True):
            taken = min(share, limits[i] - given[i])
            given[i] += taken
            left -= taken
    return given


def round_robin(total: int, limits: Sequence[int]) -> list[int]:
    """The same to each until `total` are given or all limits are reached; a rest goes to places spread evenly, so that
    a small run does not end in the first document."""
    given = [0] * len(limits)
    left = min(total, sum(limits))
    while left > 0:
        open_places = [i for i, limit in enumerate(limits) if given[i] < limit]
        if left < len(open_places):
            open_places = [open_places[n * len(open_places) // left] for n in range(left)]
        turns = min(left // len(open_places), *(limits[i] - given[i] for i in open_places))
        for i in open_places:
            given[i] += turns
        left -= turns * len(open_places)
    return given


def check_distribution(distribution: object) -> dict[str, float]:
    """Raises Invalid unless it maps easy, medium, hard to shares that sum to 1 within 0.01."""
    field = "config.difficulty_distribution"
    if not isinstance(distribution, dict) or not set(distribution) <= set(DIFFICULTIES):
        raise Invalid(f"{field} must map easy, medium and hard to shares", field=field)
    shares = {str(k): v for k, v in distribution.items()}
    if not all(isinstance(v, int | float) and 0 <= v <= 1 for v in shares.values()):
        raise Invalid(f"{field}: each share must be a number from 0 to 1", field=field)
    if abs(sum(cast("dict[str, float]", shares).values()) - 1) > 0.01:
        raise Invalid(f"{field} must sum to 1 (it sums to {sum(shares.values()):g})", field=field)
    return {k: float(v) for k, v in shares.items()}


def plan(
    sources: Sequence[Source],
    total: int,
    *,
    pairs_per_chunk: int | None,
    dimensions: Mapping[str, Weights],
    have: Mapping[str, Weights] | None = None,
    links: Sequence[Link] = (),
    first_index: int = 0,
    seed: int = 0,
) -> Plan:
    """At most `total` slots, in passage order, numbered from `first_index`.

    With `pairs_per_chunk` every passage gets its turn evenly, up to that many; without it long passages get more.
    dimensions, have: as `spreading.allocate` takes them, by the slot's fields. links: passages to be asked about
    together, one slot each, of the one that may be asked for more; the other slots ask about one passage.
    """
    limits = [s.remaining(pairs_per_chunk) for s in sources]
    together = _linked(sources, limits, links[:total])
    alone = total - sum(map(len, together.values()))
    if pairs_per_chunk is not None:
        counts = round_robin(alone, limits)
    else:
        counts = spread(alone, limits, [float(max(1, s.tokens)) for s in sources])
    place, ordinal, further = array("I"), array("I"), dict[int, tuple[str, ...]]()
    for i, (source, count) in enumerate(zip(sources, counts, strict=True)):
        linked = together.get(i, [])
        further |= {len(place) + count + n: chunks for n, chunks in enumerate(linked)}
        place.extend([i] * (count + len(linked)))
        ordinal.extend(range(source.used, source.used + count + len(linked)))
    allocated = allocate(len(place), dimensions, random.Random(f"{seed}/{first_index}"), have=have)
    return Plan(
        sources=sources,
        first_index=first_index,
        place=place,
        ordinal=ordinal,
        further=further,
        allocated=allocated,
    )


@dataclass(frozen=True, slots=True)
class Plan(Sequence[Slot]):
    """The slots of a round, made when they are looked at: 100,000 of them at once would fill 50 MB."""

    sources: Sequence[Source]
    first_index: int
    place: Sequence[int]
    """Of each slot's passage among the sources."""
    ordinal: Sequence[int]
    further: Mapping[int, tuple[str, ...]]
    allocated: Mapping[str, Sequence[str]]
    """The slots' fields that are spread, each with its value for every slot."""

    def __len__(self) -> int:
        return len(self.place)

    @overload
    def __getitem__(self, at: int) -> Slot: ...
    @overload
    def __getitem__(self, at: slice) -> list[Slot]: ...
    def __getitem__(self, at: int | slice) -> Slot | list[Slot]:
        return self._slot(range(len(self))[at]) if isinstance(at, int) else [*map(self._slot, range(len(self))[at])]

    def _slot(self, i: int) -> Slot:
        of = {name: values[i] for name, values in self.allocated.items()}
        return Slot(
            self.first_index + i,
            self.sources[self.place[i]].chunk_id,
            ordinal=self.ordinal[i],
            further=self.further.get(i, ()),
            **cast("dict[str, Any]", of),
        )


def _linked(sources: Sequence[Source], limits: list[int], links: Sequence[Link]) -> dict[int, list[tuple[str, ...]]]:
    """The place of a passage to the further passages of its slots; lowers the limits by them."""
    place = {s.chunk_id: i for i, s in enumerate(sources)} if links else {}
    made: dict[int, list[tuple[str, ...]]] = {}
    for link in links:
        best = max(link, key=lambda c: limits[place[c]])
        if limits[place[best]] > 0:
            limits[place[best]] -= 1
            made.setdefault(place[best], []).append(tuple(c for c in link if c != best))
    return made


def calls(slots: Iterable[Slot], most: int) -> Iterator[list[Slot]]:
    """Slots of the same passages share a call, at most `most` of them, split evenly.

    slots: in passage order, as they are planned.
    """
    for _, of_passage in groupby(slots, attrgetter("chunk_id")):
        by_passages: dict[tuple[str, ...], list[Slot]] = {}
        for slot in of_passage:
            by_passages.setdefault(slot.chunk_ids, []).append(slot)
        for group in by_passages.values():
            rest = iter(group)
            for size in largest_remainder(len(group), [1.0] * -(-len(group) // most)):
                yield list(islice(rest, size))
