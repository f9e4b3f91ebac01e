"""Spread a run's slots over its passages. Pure and deterministic: same input and seed, same plan."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from dataforge.errors import Invalid
from dataforge.recipes import qa
from dataforge.records import DIFFICULTIES, Difficulty, Slot

Weights = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that slots can be planned over."""

    chunk_id: str
    tokens: int
    used: int = 0
    """Pairs already asked of it in earlier rounds of the run."""
    capacity: int | None = None
    """How many records can be made of it in all; None: as for question-answer pairs by a language model."""

    def room(self, pairs_per_chunk: int | None) -> int:
        """Pairs that may still be asked of it."""
        if self.capacity is not None:
            bound = self.capacity
        else:
            bound = max(1, self.tokens // qa.TOKENS_PER_PAIR)
        return max(0, min(bound, pairs_per_chunk if pairs_per_chunk is not None else bound) - self.used)


def largest_remainder(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers in proportion to the weights that sum to `total` (Hamilton's method); ties go to the first.

    Weights are non-negative and not all zero unless total is 0.
    """
    whole = sum(weights)
    if total == 0 or whole == 0:
        return [0] * len(weights)
    quotas = [total * w / whole for w in weights]
    floors = [int(q) for q in quotas]
    order = sorted(range(len(quotas)), key=lambda i: (floors[i] - quotas[i], i))
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return floors


def spread(total: int, rooms: Sequence[int], weights: Sequence[float]) -> list[int]:
    """`total` units in proportion to the weights, none above its room; less than total only if all rooms are full."""
    given = [0] * len(rooms)
    left = min(total, sum(rooms))
    while left > 0:
        open_places = [i for i, room in enumerate(rooms) if given[i] < room]
        shares = largest_remainder(left, [weights[i] for i in open_places])
        for i, share in zip(open_places, shares, strict=True):
            taken = min(share, rooms[i] - given[i])
            given[i] += taken
            left -= taken
    return given


def round_robin(total: int, rooms: Sequence[int]) -> list[int]:
    """The same to each until `total` are given or all rooms are full; a rest goes to places spread evenly, so that a
    small run does not end in the first document."""
    given = [0] * len(rooms)
    left = min(total, sum(rooms))
    while left > 0:
        open_places = [i for i, room in enumerate(rooms) if given[i] < room]
        if left < len(open_places):
            open_places = [open_places[n * len(open_places) // left] for n in range(left)]
        turns = min(left // len(open_places), *(rooms[i] - given[i] for i in open_places))
        for i in open_places:
            given[i] += turns
        left -= turns * len(open_places)
    return given


def difficulties(total: int, distribution: Weights, rng: random.Random) -> list[Difficulty]:
    """`total` difficulties in the asked proportions, shuffled."""
    counts = largest_remainder(total, [distribution.get(d, 0.0) for d in DIFFICULTIES])
    spread_out = [d for d, n in zip(DIFFICULTIES, counts, strict=True) for _ in range(n)]
    rng.shuffle(spread_out)
    return spread_out


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
    sources: Sequence[Source], total: int, *, pairs_per_chunk: int | None, distribution: Weights,
    question_types: Sequence[str], first_index: int = 0, seed: int = 0,
) -> list[Slot]:
    """At most `total` slots, in passage order, numbered from `first_index`.

    With `pairs_per_chunk` every passage gets its turn evenly, up to that many; without it long passages get more.
    """
    rng = random.Random(f"{seed}/{first_index}")
    rooms = [s.room(pairs_per_chunk) for s in sources]
    if pairs_per_chunk is not None:
        counts = round_robin(total, rooms)
    else:
        counts = spread(total, rooms, [float(max(1, s.tokens)) for s in sources])
    levels = difficulties(sum(counts), distribution, rng)
    offset = rng.randrange(len(question_types)) if question_types else 0
    slots: list[Slot] = []
    for source, count in zip(sources, counts, strict=True):
        for n in range(count):
            i = len(slots)
            kind = question_types[(offset + i) % len(question_types)] if question_types else None
            slots.append(Slot(first_index + i, source.chunk_id, levels[i], kind, source.used + n))
    return slots


def calls(slots: Sequence[Slot], most: int) -> list[list[Slot]]:
    """Neighbouring slots of one passage share a call, at most `most` of them, split evenly."""
    by_chunk: dict[str, list[Slot]] = {}
    for slot in slots:
        by_chunk.setdefault(slot.chunk_id, []).append(slot)
    made: list[list[Slot]] = []
    for group in by_chunk.values():
        parts = -(-len(group) // most)
        sizes = largest_remainder(len(group), [1.0] * parts)
        start = 0
        for size in sizes:
            made.append(group[start:start + size])
            start += size
    return made
