"""Kinds, difficulties, personas and styles over slots: exact shares in each, no two aligned, the same for a seed."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import Invalid
from dataforge.recipes import RECIPES, spreading
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.spreading import allocate, allocation, largest_remainder, shares
from dataforge.records import Passage, Slot

EVEN = {"easy": 0.3, "medium": 0.5, "hard": 0.2}
TYPES = dict.fromkeys(RECIPES["qa"].varieties, 1.0)
PERSONAS = shares("personas", "mixed")
STYLES = {"question": 0.6, "keywords": 0.2, "scenario": 0.2}
ALL = {"question_type": TYPES, "difficulty": EVEN, "persona": PERSONAS, "style": STYLES}


def allocated_to(count: int, dimensions: dict[str, dict[str, float]], rng: random.Random) -> list[dict[str, str]]:
    """Slot by slot."""
    allocated = allocate(count, dimensions, rng)
    return [dict(zip(allocated, values, strict=True)) for values in zip(*allocated.values(), strict=True)]


WEIGHTS = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0.01, 100), min_size=1)


# checklist 32
@given(st.integers(0, 400), WEIGHTS, WEIGHTS, st.integers(0, 99))
def test_each_dimension_keeps_its_shares_by_largest_remainder(
    count: int, first: dict[str, float], second: dict[str, float], seed: int
) -> None:
    allocated = allocated_to(count, {"one": first, "two": second}, random.Random(seed))

    assert len(allocated) == count
    for name, weights in (("one", first), ("two", second)):
        found = Counter(slot[name] for slot in allocated)
        assert sorted(found[v] for v in weights) == sorted(largest_remainder(count, list(weights.values()))) or all(
            abs(found[v] - count * w / sum(weights.values())) < 1 + 1e-9 for v, w in weights.items()
        )


@given(st.integers(0, 60), WEIGHTS, st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 30)), st.integers(0, 9))
def test_what_is_there_counts_towards_the_shares(
    count: int, weights: dict[str, float], have: dict[str, int], seed: int
) -> None:
    taken = allocation(count, weights, have, random.Random(seed))

    assert sum(taken.values()) == count
    assert all(n >= 0 for n in taken.values())
    there = sum(have.get(v, 0) for v in weights)
    for value, weight in weights.items():
        if have.get(value, 0) >= (there + count) * weight / sum(weights.values()) + 1:
            assert taken[value] == 0, "what there is enough of is not asked for again"


def test_a_top_up_fills_exactly_the_gaps() -> None:
    have = {"easy": 30, "medium": 41, "hard": 20}

    assert allocation(9, EVEN, have, random.Random(1)) == {"easy": 0, "medium": 9, "hard": 0}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [240, 1000, 2400])
def test_no_two_dimensions_are_aligned(count: int, seed: int) -> None:
    """Cramer's V, corrected for chance: 0 independent, 1 aligned."""
    allocated = allocated_to(count, ALL, random.Random(seed))

    for one, other in combinations(ALL, 2):
        table = Counter((slot[one], slot[other]) for slot in allocated)
        assert _association(table, count) < 0.2, (one, other)


def test_every_type_gets_every_difficulty_in_its_share() -> None:
    allocated = allocated_to(1000, ALL, random.Random(3))

    table = Counter((slot["question_type"], slot["difficulty"]) for slot in allocated)
    for kind in TYPES:
        for level, share in EVEN.items():
            assert abs(table[kind, level] - 125 * share) <= 2


def test_neighbours_differ_and_small_runs_do_not_always_begin_with_the_same() -> None:
    allocated = allocated_to(80, ALL, random.Random(0))

    assert all(len({s["question_type"] for s in allocated[i : i + 5]}) == 5 for i in range(0, 80, 5))
    assert len({allocate(1, ALL, random.Random(seed))["question_type"][0] for seed in range(40)}) == len(TYPES)


def test_the_same_seed_deals_the_same_and_another_seed_another() -> None:
    assert allocate(100, ALL, random.Random(5)) == allocate(100, ALL, random.Random(5))
    assert allocate(100, ALL, random.Random(5)) != allocate(100, ALL, random.Random(6))


def test_a_hundred_thousand_slots_are_dealt_in_seconds() -> None:
    assert {len(values) for values in allocate(100_000, ALL, random.Random(0)).values()} == {100_000}


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("personas", 3, "a list of texts or map texts to their shares, or 'mixed'"),
        ("question_types", "mixed", "a list of texts"),
        ("styles", ["a", " A"], "twice"),
        ("styles", [""], "1 to 200"),
        ("question_types", ["x" * 41], "1 to 40"),
        ("personas", [f"p{n}" for n in range(51)], "at most 50"),
        ("personas", {"a": -1}, "0 to 1,000,000"),
        ("personas", {"a": "1"}, "number"),
        ("styles", {"a": 0}, "above 0"),
        ("styles", {"a": True}, "number"),
        ("styles", {"a": float("nan")}, "number"),
        ("personas", [None], "text"),
    ],
)
def test_what_cannot_be_spread_names_field_limit_and_way_out(name: str, answer: object, said: str) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        shares(name, answer)

    assert caught.value.errors[0].field == f"config.{name}"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (["a", "b"], {"a": 0.5, "b": 0.5}),
        ({"a": 3, "b": 1}, {"a": 0.75, "b": 0.25}),
        ({"a": 1, "b": 0}, {"a": 1.0}),
        ([], {}),
        ({" a ": 2}, {"a": 1.0}),
    ],
)
def test_lists_share_evenly_and_maps_by_their_ratio(answer: object, expected: dict[str, float]) -> None:
    assert shares("styles", answer) == expected


@pytest.mark.parametrize("kind", ["qa", "instruction", "conversation"])
def test_what_was_dealt_reaches_the_teacher(kind: str) -> None:
    slots = (
        Slot(0, "c", "hard", "my own kind", persona="a night watchman\nwith a dog", style="keywords"),
        Slot(1, "c", "easy", RECIPES[kind].varieties[0]),
    )

    said = RECIPES[kind].question(Passage("A berth is a place."), slots, GenerationOptions()).messages[1].content

    first, second = (next(line for line in said.splitlines() if line.startswith(f"{n}. ")) for n in (1, 2))
    assert "my own kind" in first
    assert "asked by a night watchman with a dog" in first
    assert spreading.STYLES["keywords"] in first
    assert "asked by" not in second


def _association(table: Counter[tuple[str, str]], count: int) -> float:
    rows, columns = Counter[str](), Counter[str]()
    for (a, b), n in table.items():
        rows[a] += n
        columns[b] += n
    chi = sum((table[a, b] - x) ** 2 / x for a in rows for b in columns if (x := rows[a] * columns[b] / count))
    chance = (len(rows) - 1) * (len(columns) - 1)
    return float(max(0.0, (chi - chance) / count / (min(len(rows), len(columns)) - 1)) ** 0.5)
