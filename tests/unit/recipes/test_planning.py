"""Slots over passages: sums always right, no passage above its capacity, the same plan for the same seed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import Invalid
from dataforge.recipes import planning
from dataforge.recipes.planning import Source
from dataforge.recipes.spreading import largest_remainder

WEIGHTS = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=30).filter(lambda w: sum(w) > 0)
EVEN = {"easy": 0.3, "medium": 0.5, "hard": 0.2}


# checklist 32, 78, 81
@given(st.integers(0, 5000), WEIGHTS)
def test_largest_remainder_sums_and_stays_within_one_of_the_quota(total: int, weights: list[float]) -> None:
    shares = largest_remainder(total, weights)

    assert sum(shares) == total
    assert all(abs(s - total * w / sum(weights)) < 1 + 1e-6 for s, w in zip(shares, weights, strict=True))


@given(st.integers(0, 500), st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_spread_gives_all_it_can_and_nobody_too_much(total: int, rooms: list[int]) -> None:
    given_out = planning.spread(total, rooms, [1.0] * len(rooms))

    assert sum(given_out) == min(total, sum(rooms))
    assert all(0 <= g <= r for g, r in zip(given_out, rooms, strict=True))


# checklist 27, 32
@given(st.integers(0, 300), st.integers(1, 40), st.integers(1, 8))
def test_round_robin_is_even(total: int, places: int, room: int) -> None:
    counts = planning.round_robin(total, [room] * places)

    assert sum(counts) == min(total, room * places)
    assert max(counts) - min(counts) <= 1


# checklist 32
def test_a_plan_keeps_the_difficulty_distribution_and_is_the_same_for_the_same_seed() -> None:
    sources = [Source(f"chunk_{n}", tokens=300) for n in range(20)]

    plans = [
        planning.plan(
            sources,
            100,
            pairs_per_chunk=None,
            seed=7,
            dimensions={
                "question_type": {"a": 1.0, "b": 1.0},
                "difficulty": EVEN,
            },
        )
        for _ in range(2)
    ]

    assert plans[0] == plans[1]
    assert Counter(s.difficulty for s in plans[0]) == {"easy": 30, "medium": 50, "hard": 20}
    assert [s.index for s in plans[0]] == list(range(100))


def test_a_top_up_goes_on_where_the_first_round_stopped() -> None:
    first = [Source("a", 300, capacity=4), Source("b", 300, capacity=1)]
    again = [Source("a", 300, used=2, capacity=4), Source("b", 300, used=1, capacity=1)]

    opening = planning.plan(first, 3, pairs_per_chunk=None, dimensions={"difficulty": EVEN})
    top_up = planning.plan(again, 9, pairs_per_chunk=None, dimensions={"difficulty": EVEN}, first_index=3)

    assert [(s.index, s.chunk_id, s.ordinal) for s in opening] == [(0, "a", 0), (1, "a", 1), (2, "b", 0)]
    assert [(s.index, s.chunk_id, s.ordinal) for s in top_up] == [(3, "a", 2), (4, "a", 3)]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=40), st.integers(1, 6))
def test_calls_hold_every_slot_once_and_never_mix_passages(places: list[tuple[str, int]], most: int) -> None:
    slots = [planning.Slot(i, chunk) for i, (chunk, _) in enumerate(sorted(places))]

    calls = list(planning.calls(slots, most))

    assert sorted(s.index for call in calls for s in call) == list(range(len(slots)))
    assert all(len(call) <= most and len({s.chunk_id for s in call}) == 1 for call in calls)


@pytest.mark.parametrize(
    "wrong",
    [
        {"easy": 0.5, "medium": 0.1},
        {"easy": 1.2, "hard": -0.2},
        {"simple": 1.0},
        [0.3, 0.5, 0.2],
        {"easy": "1"},
    ],
)
def test_a_distribution_that_does_not_add_up_names_its_field(wrong: object) -> None:
    with pytest.raises(Invalid) as caught:
        planning.check_distribution(wrong)

    assert caught.value.errors[0].field == "config.difficulty_distribution"


@pytest.mark.parametrize(("total", "places"), [(5, 20), (7, 20), (30, 20)])
def test_round_robin_spreads_a_rest_over_all_places_not_over_the_first(total: int, places: int) -> None:
    counts = planning.round_robin(total, [3] * places)

    halves = sum(counts[: places // 2]), sum(counts[places // 2 :])
    assert sum(counts) == total
    assert abs(halves[0] - halves[1]) <= 1


@given(st.integers(0, 500), st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_round_robin_gives_all_it_can_and_nobody_too_much(total: int, rooms: list[int]) -> None:
    counts = planning.round_robin(total, rooms)

    assert sum(counts) == min(total, sum(rooms))
    assert all(0 <= c <= r for c, r in zip(counts, rooms, strict=True))


LINKS = st.lists(st.sampled_from([("a", "b"), ("b", "c"), ("a", "d"), ("c", "d")]), max_size=4, unique=True)


@given(st.integers(0, 30), st.lists(st.integers(0, 6), min_size=4, max_size=4), LINKS, st.none() | st.integers(1, 4))
def test_linked_slots_keep_within_the_room_of_their_passages(
    total: int, rooms: list[int], links: list[tuple[str, str]], per_chunk: int | None
) -> None:
    sources = [Source(name, 100, used=1, capacity=room + 1) for name, room in zip("abcd", rooms, strict=True)]

    slots = planning.plan(
        sources,
        total,
        pairs_per_chunk=None if per_chunk is None else per_chunk + 1,
        dimensions={"difficulty": EVEN},
        links=links,
    )

    most = {name: room if per_chunk is None else min(room, per_chunk) for name, room in zip("abcd", rooms, strict=True)}
    assert len(slots) == min(total, sum(most.values()))
    assert [s.index for s in slots] == list(range(len(slots)))
    for name, room in most.items():
        ordinals = [s.ordinal for s in slots if s.chunk_id == name]
        assert ordinals == list(range(1, len(ordinals) + 1))
        assert len(ordinals) <= room
    together = [frozenset(s.chunk_ids) for s in slots if s.further]
    assert len(together) == len(set(together))
    assert set(together) <= {frozenset(link) for link in links}
    if all(most.values()) and total >= 4:
        assert len(together) == min(len(links), total) or min(most.values()) < 3


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(0, 60), LINKS, st.integers(0, 5))
def test_a_plan_is_a_sequence_of_its_slots(rooms: list[int], total: int, links: list[tuple[str, str]], at: int) -> None:
    sources = [Source(name, 100, capacity=room) for name, room in zip("abcdefghijkl", [9] * 4 + rooms, strict=False)]
    plan = planning.plan(sources, total, pairs_per_chunk=None, dimensions={"difficulty": EVEN}, links=links)

    slots = list(plan)

    assert len(plan) == len(slots)
    assert plan[at : at + 3] == slots[at : at + 3]
    assert [plan[i - len(slots)] for i in range(len(slots))] == slots
    with pytest.raises(IndexError):
        _ = plan[len(slots)]


def test_slots_of_two_passages_share_no_call_with_slots_of_one() -> None:
    slots = [planning.Slot(0, "a"), planning.Slot(1, "a", further=("b",)), planning.Slot(2, "a")]

    assert [[s.index for s in call] for call in planning.calls(slots, 5)] == [[0, 2], [1]]


def test_a_slot_is_the_same_after_json() -> None:
    slot = planning.Slot(1, "a", "hard", "list", persona="a clerk", style="keywords", further=("b", "c"))

    again = planning.Slot(**json.loads(json.dumps(asdict(slot))))

    assert again == slot
    assert again.asked == {
        "question_type": "list",
        "difficulty": "hard",
        "persona": "a clerk",
        "style": "keywords",
        "passages": "3",
    }
