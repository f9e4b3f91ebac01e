"""Question types, difficulties, personas and styles over the slots of a run: exact shares, none tied to another.

Every share is met by largest remainder. No two dimensions are aligned: the first alternates, the others are each laid
evenly over the slots of every value of the first, in an order of their own that only the seed decides.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge

from dataforge.errors import Invalid
from dataforge.recipes.synthetic.variety import PERSONAS

Weights = Mapping[str, float]

MIXED = "mixed"
"""What a caller may say instead of a list: the one that comes with the service."""
STYLES: dict[str, str] = {
    "question": "a plain, whole question",
    "keywords": "a few search words as one types them into a search box, no sentence",
    "scenario": "one or two sentences about the asker's situation, then the question",
    "request": "a request in the imperative",
    "statement": "a statement of what the asker wants to know, without a question mark",
}
MOST_VALUES = 50


@dataclass(frozen=True, slots=True)
class Dimension:
    """slot: the slot's field; most: characters of one value; mixed: what `MIXED` stands for."""

    slot: str
    most: int
    mixed: tuple[str, ...]


DIMENSIONS: dict[str, Dimension] = {
    "question_types": Dimension("question_type", 40, ()),
    "personas": Dimension("persona", 200, PERSONAS),
    "styles": Dimension("style", 200, tuple(STYLES)),
}
"""What `config` may spread, by its name there; `difficulty_distribution` is the fourth."""


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


def shares(name: str, given: object) -> dict[str, float]:
    """Each value of `config.<name>` with its share of the whole; empty: not spread. Raises Invalid.

    given: a list (equal shares), a map to weights of any size, or `mixed`.
    """
    field, known = f"config.{name}", DIMENSIONS[name]
    mixed = f", or {MIXED!r}" if known.mixed else ""
    if given == MIXED and known.mixed:
        given = known.mixed
    if not isinstance(given, list | tuple | dict):
        raise Invalid(f"{field} must be a list of texts or map texts to their shares{mixed}", field=field)
    values = [v.strip() if isinstance(v, str) else "" for v in given]
    if not all(0 < len(v) <= known.most for v in values):
        raise Invalid(f"{field}: each must be a text of 1 to {known.most} characters", field=field)
    if len({v.casefold() for v in values}) < len(values):
        raise Invalid(f"{field} names one of them twice; say how often it is wanted by its share", field=field)
    if len(values) > MOST_VALUES:
        raise Invalid(f"{field} takes at most {MOST_VALUES} (it has {len(values)})", field=field)
    weights = list(given.values()) if isinstance(given, dict) else [1.0] * len(values)
    return _normal(field, dict(zip(values, weights, strict=True)))


def _normal(field: str, weights: Mapping[str, object]) -> dict[str, float]:
    numbers = [w for w in weights.values() if isinstance(w, int | float) and not isinstance(w, bool)]
    if len(numbers) < len(weights) or not all(0 <= w <= 1e6 for w in numbers):
        raise Invalid(f"{field}: each share must be a number from 0 to 1,000,000; their ratio counts", field=field)
    whole = sum(numbers)
    if weights and whole <= 0:
        raise Invalid(f"{field}: at least one share must be above 0", field=field)
    return {v: w / whole for v, w in zip(weights, numbers, strict=True) if w > 0}


def allocation(count: int, weights: Weights, have: Weights, rng: random.Random) -> dict[str, int]:
    """How many of each value the next `count` slots take so that, with those there are, the shares are met.

    Which values a rest goes to is the seed's choice, not always the first's. Sums to `count`.
    """
    names = list(weights)
    rng.shuffle(names)
    there = sum(have.get(n, 0) for n in names)
    whole = largest_remainder(round(there) + count, [weights[n] for n in names])
    gaps = [max(0.0, target - have.get(n, 0)) for n, target in zip(names, whole, strict=True)]
    return dict(zip(names, largest_remainder(count, gaps), strict=True))


def allocate(
    count: int, dimensions: Mapping[str, Weights], rng: random.Random, *, have: Mapping[str, Weights] | None = None
) -> dict[str, list[str]]:
    """Each dimension that has any weights, with its value for each of `count` slots.

    The first dimension alternates from slot to slot, so neighbours (a passage's slots) differ in it. have: per
    dimension what is there already and counts towards the shares.
    """
    allocated: dict[str, list[str]] = {}
    first: list[str] | None = None
    for name, weights in dimensions.items():
        if not weights:
            continue
        row = list(_alternating(allocation(count, weights, (have or {}).get(name, {}), rng)))
        if first is None:
            first = allocated[name] = row
            continue
        order = array("I", range(count))
        rng.shuffle(order)
        allocated[name] = [""] * count
        for i, value in zip(sorted(order, key=first.__getitem__), row, strict=True):
            allocated[name][i] = value
    return allocated


def _alternating(counts: Mapping[str, int]) -> Iterator[str]:
    """Each value as often as its count says, its places as far apart as possible."""

    def places(i: int, value: str, n: int) -> Iterator[tuple[float, int, str]]:
        return (((k + 0.5) / n, i, value) for k in range(n))

    return (v for _, _, v in merge(*(places(i, v, n) for i, (v, n) in enumerate(counts.items()))))
