"""Allocation, coverage, axes, hard negatives, splits: sums hold whatever is asked for."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.errors import Invalid, Malformed
from dataforge.recipes.spreading import largest_remainder
from dataforge.recipes.synthetic import checking, planning, spec, variety
from dataforge.recipes.synthetic.techniques import TECHNIQUES

counts = st.integers(1, 400)
seeds = st.text(min_size=1, max_size=12)


def read(seed="syn_job_1", **request):
    return spec.read({"schema": "instruction_v1", "domain": "harbours", "count": 40, **request}, seed=seed)


def plan(wanted):
    return list(planning.plan(wanted, variety.plain([c.name for c in wanted.categories])))


@st.composite
def shares(draw, most=8):
    """Percentages of 2 to `most` names that sum to exactly 100."""
    cuts = draw(st.lists(st.integers(1, 99), min_size=1, max_size=most - 1, unique=True).map(sorted))
    return {f"name{n}": high - low for n, (low, high) in enumerate(itertools.pairwise([0, *cuts, 100]))}


# checklist 81
@given(counts, shares(), seeds)
def test_categories_get_their_share_by_largest_remainder(count, percentages, seed):
    wanted = read(
        seed,
        count=count,
        advanced={
            "categories": {name: {"percentage": share} for name, share in percentages.items()},
        },
    )

    slots = plan(wanted)

    expected = largest_remainder(count, list(percentages.values()))
    assert [s.index for s in slots] == list(range(count))
    assert Counter(s.category for s in slots) == Counter(dict(zip(percentages, expected, strict=True)))


# checklist 84, 88
@given(counts, st.integers(1, 100), shares())
def test_hard_negatives_have_their_share_in_every_category(count, percentage, percentages):
    wanted = read(
        count=count,
        advanced={
            "categories": {name: {"percentage": share} for name, share in percentages.items()},
            "hard_negatives": {"enabled": True, "percentage": percentage},
        },
    )

    slots = plan(wanted)

    hard = [s for s in slots if s.technique]
    assert len(hard) == largest_remainder(count, [percentage, 100 - percentage])[0]
    assert {s.technique for s in hard} <= set(TECHNIQUES)
    assert max(Counter(s.technique for s in hard).values(), default=0) <= len(hard) // 14 + 1
    for name, total in Counter(s.category for s in slots).items():
        assert abs(sum(s.category == name for s in hard) - total * percentage / 100) <= 2


# checklist 100, 102
@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.integers(1, 4), st.integers(0, 60), seeds)
def test_every_combination_of_a_grid_gets_its_records(sizes, least, extra, seed):
    dimensions = [{"name": f"d{n}", "values": [f"v{i}" for i in range(size)]} for n, size in enumerate(sizes)]
    grid = 1
    for size in sizes:
        grid *= size
    wanted = read(
        seed,
        count=grid * least + extra,
        advanced={
            "coverage": {"dimensions": dimensions, "mode": "all_combinations", "min_per_cell": least},
        },
    )

    cells = Counter(tuple(s.coverage.items()) for s in plan(wanted))

    assert len(cells) == grid
    assert min(cells.values()) >= least
    assert max(cells.values()) - min(cells.values()) <= 1


# checklist 101
@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), seeds)
def test_each_value_of_a_dimension_appears(sizes, seed):
    dimensions = [{"name": f"d{n}", "values": [f"v{i}" for i in range(size)]} for n, size in enumerate(sizes)]
    wanted = read(seed, count=max(sizes), advanced={"coverage": {"dimensions": dimensions, "mode": "each_value"}})

    slots = plan(wanted)

    for dimension in dimensions:
        assert {s.coverage[dimension["name"]] for s in slots} == set(dimension["values"])


# checklist 77, 78
@given(counts, shares(most=6))
def test_axes_get_their_share(count, percentages):
    pairs = [{"axis_name": name, "drives": [{"name": f"{name}x"}, {"name": f"{name}y"}]} for name in percentages]
    wanted = read(
        schema="conflict_v1",
        count=count,
        conflict_config={
            "drive_pairs": pairs,
            "axis_distribution": percentages,
        },
    )

    slots = plan(wanted)

    expected = largest_remainder(count, list(percentages.values()))
    assert Counter(s.axis for s in slots) == Counter(dict(zip(percentages, expected, strict=True)))


def test_axes_without_a_distribution_are_even_and_short_pairs_are_named_by_their_drives():
    wanted = read(
        schema="conflict_v1",
        count=9,
        conflict_config={
            "drive_pairs": [
                {"a": "safety", "b": "autonomy"},
                {"a": "honesty", "b": "helpfulness"},
                {"axis_name": "own", "drives": [{"name": "x"}, {"name": "y"}]},
            ],
        },
    )

    assert Counter(s.axis for s in plan(wanted)) == {"safety_autonomy": 3, "honesty_helpfulness": 3, "own": 3}


# checklist 90, 91
@given(st.integers(0, 500), shares(most=5), seeds)
def test_splits_are_a_stable_partition(count, percentages, seed):
    pairs = list(percentages.items())

    dealt = planning.split(count, pairs, seed)

    assert sorted(i for part in dealt.values() for i in part) == list(range(count))
    assert [len(dealt[name]) for name in percentages] == largest_remainder(count, list(percentages.values()))
    assert planning.split(count, pairs, seed) == dealt


def test_another_seed_deals_otherwise():
    shares_of = [("train", 80), ("test", 20)]

    assert planning.split(100, shares_of, "a") != planning.split(100, shares_of, "b")


def test_no_two_records_of_a_category_share_topic_persona_and_angle():
    slots = plan(read(count=2000))

    assert len({(s.topic, s.persona, s.angle) for s in slots}) == 2000
    assert max(Counter(s.topic for s in slots).values()) == 100


def test_the_same_seed_makes_the_same_plan_and_a_top_up_keeps_the_places():
    wanted = read(
        count=60,
        advanced={
            "coverage": {"mode": "each_value", "dimensions": [{"name": "level", "values": ["a", "b", "c"]}]},
            "hard_negatives": {"enabled": True},
        },
    )
    slots = plan(wanted)
    lost = slots[3:9]

    again = list(planning.replan(wanted, variety.plain([]), lost, first_index=60, round_number=1))

    assert plan(wanted) == slots
    assert [(s.root, s.coverage, s.technique) for s in again] == [(s.root, s.coverage, s.technique) for s in lost]
    assert [s.index for s in again] == list(range(60, 66))
    assert [(s.topic, s.persona, s.angle) for s in again] != [(s.topic, s.persona, s.angle) for s in lost]


def test_long_records_share_a_call_with_fewer_others():
    slots = plan(read(count=10))

    assert [len(c) for c in planning.calls(read(), slots)] == [4, 4, 2]
    long = read(constraints={"max_tokens": 4000})
    assert [len(c) for c in planning.calls(long, slots)] == [1] * 10


# checklist 65, 75, 78, 81, 85, 90, 99-101, 103
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model": None}, "model"),
        ({"advanced": {"categories": {"a": {"percentage": 60}, "b": {"percentage": 38}}}}, "advanced.categories"),
        ({"advanced": {"output_split": {"train": 80, "test": 19}}}, "advanced.output_split"),
        (
            {"advanced": {"hard_negatives": {"enabled": True, "techniques": ["flattery"]}}},
            "advanced.hard_negatives.techniques.0",
        ),
        (
            {
                "advanced": {
                    "coverage": {
                        "mode": "all_combinations",
                        "dimensions": [{"name": f"d{n}", "values": [str(i) for i in range(11)]} for n in range(2)],
                    }
                }
            },
            "advanced.coverage",
        ),
        (
            {
                "count": 5,
                "advanced": {
                    "coverage": {
                        "mode": "all_combinations",
                        "min_per_cell": 2,
                        "dimensions": [{"name": "d", "values": ["a", "b", "c"]}],
                    }
                },
            },
            "count",
        ),
        (
            {"advanced": {"response_constraints": {"min_tokens": 10, "max_tokens": 5}}},
            "advanced.response_constraints.min_tokens",
        ),
        ({"advanced": {"metadata_fields": [{"name": "x", "type": "constant"}]}}, "advanced.metadata_fields.0.value"),
        ({"schema": "conflict_v1"}, "conflict_config"),
        ({"conflict_config": {"drive_pairs": [{"a": "x", "b": "y"}]}}, "conflict_config"),
        (
            {
                "schema": "conflict_v1",
                "conflict_config": {"drive_pairs": [{"a": "x", "b": "y"}], "axis_distribution": {"x_z": 100}},
            },
            "conflict_config.axis_distribution.x_z",
        ),
        (
            {
                "schema": "conflict_v1",
                "conflict_config": {"drive_pairs": [{"a": "x", "b": "y"}], "axis_distribution": {"x_y": 90}},
            },
            "conflict_config.axis_distribution",
        ),
    ],
)
def test_values_that_do_not_fit_each_other_name_their_field(change, field):
    request = {"schema": "instruction_v1", "domain": "harbours", "count": 40, "model": "balanced", **change}

    with pytest.raises(Invalid) as refused:
        checking.check(request)

    assert field in [e.field for e in refused.value.errors]
    assert refused.value.status == 422


def test_categories_and_coverage_exclude_each_other():
    advanced = {
        "categories": {"a": {"percentage": 100}},
        "coverage": {"mode": "each_value", "dimensions": [{"name": "d", "values": ["x"]}]},
    }

    with pytest.raises(Malformed) as refused:
        checking.check({"schema": "eval_v1", "domain": "x", "count": 5, "model": "fast", "advanced": advanced})

    assert (refused.value.status, refused.value.code) == (400, "VALIDATION_ERROR")
