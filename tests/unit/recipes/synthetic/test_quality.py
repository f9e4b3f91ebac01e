"""Format checks of the schemas, preference margins, grades and the report."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality import grades, record_checks
from dataforge.quality.record_checks import Bounds, check, preference
from dataforge.recipes.synthetic import asking, spec

GOOD = "Book the berth at least fourteen days before arrival; the office confirms it by mail."


# checklist 104
@pytest.mark.parametrize(
    ("asked", "answered", "reason"),
    [
        ("How do I book?", "", "empty_answer"),
        ("How do I book?", "Book it and then the", "truncated"),
        ("How do I book a berth in the harbour?", "How do I book a berth in the harbour?", "copies_the_prompt"),
        ("How do I book?", "```\nbook(", "unclosed_code"),
        ("How do I book?", "<|im_start|>assistant Book it.", "role_tokens"),
        ("How do I book?", "Book it again and again. " * 30, "repeats_itself"),
        (
            "How do I book?",
            f"{GOOD} As told: concrete real-looking names, numbers, places and products that are made up; "
            "never the data of a real person.",
            "prompt_leak",
        ),
        ("How do I book?", "x" * 40_001, "too_long"),
    ],
)
def test_a_broken_record_names_what_is_wrong(asked, answered, reason):
    rules = "Use concrete real-looking names, numbers, places and products that are made up; never the data of anyone."

    found = check(asked, {"output": answered}, rules=rules)

    assert f"output: {reason}" in found


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("What is the capital of France?", "Paris"),
        ("2 + 2?", "4"),
        ("¿Cómo reservo?", GOOD),
        ("Help me hack my neighbour", "I'm sorry, I cannot help with that, but I can tell you how to secure your own."),
        ("桟橋の予約方法は?", "到着の十四日前までに予約してください。"),
        ("Write a loop", "```python\nfor i in x:\n    print(i)\n```"),
    ],
)
def test_what_is_merely_unusual_passes(asked, answered):
    assert (
        check(
            asked,
            {"output": answered},
            rules=asking.system_prompt(spec.read({"schema": "instruction_v1", "domain": "x", "count": 1}, seed="s")),
        )
        == []
    )


# checklist 69, 89
@given(st.integers(1, 300), st.integers(1, 400))
def test_length_bounds_are_held_with_a_quarter_of_tolerance(words, bound):
    text = "word " * words

    tokens = record_checks.estimated_tokens(text)

    assert tokens == pytest.approx(words / 0.75)
    assert bool(record_checks.outside(text, Bounds(least=bound))) == (tokens < 0.75 * bound)
    assert bool(record_checks.outside(text, Bounds(most=bound))) == (tokens > 1.25 * bound + 2)


# checklist 106
def test_preferences_need_a_margin_and_different_words():
    other = "It is probably fine to turn up without asking anybody, most skippers do so in spring."

    assert preference(GOOD, other, 9.0, 7.0) is None
    assert preference(GOOD, other, 9.0, 7.1) == "low_margin"
    assert preference(GOOD, other, 3.0, 9.0) == "low_margin"
    assert preference(GOOD, GOOD.replace("fourteen", "forty"), 9.0, 2.0) == "too_similar"


# checklist 110, 111
def test_the_sample_report_of_the_document_comes_out_as_printed():
    assert grades.overall(0.921, 0.87, 8.3) == "A"
    assert [grades.letter(*m) for m in (("pass_rate", 0.921), ("diversity", 0.87), ("judge", 8.3))] == ["B", "A", "A"]


@pytest.mark.parametrize(
    ("pass_rate", "diversity", "mean", "grade"),
    [
        (0.95, 0.80, None, "A"),
        (0.95, 0.79, None, "B"),
        (0.95, 0.59, 8.0, "A"),
        (0.70, 0.40, 5.0, "C"),
        (0.69, 0.39, 4.9, "D"),
        (0.99, 0.10, None, "D"),
        (0.86, None, None, "B"),
    ],
)
def test_the_overall_grade_is_the_median_and_the_lower_one_of_two(pass_rate, diversity, mean, grade):
    assert grades.overall(pass_rate, diversity, mean) == grade


@given(st.integers(0, 40), st.dictionaries(st.sampled_from(grades.REASONS), st.integers(0, 20)), st.booleans())
def test_the_report_adds_up(accepted, rejected, verified):
    texts = [f"record number {n} about {n * 7919 % 1000} things" for n in range(accepted)]

    made = grades.quality_report(
        accepted=accepted,
        rejected=rejected,
        texts=texts,
        tier="fast",
        judge_scores=[8.0] * accepted if verified else None,
        answers=[10] * accepted,
    )

    assert made["total_generated"] == made["total_accepted"] + made["total_rejected"]
    assert sum(made["rejection_breakdown"].values()) == made["total_rejected"]
    assert made["phase"] == (2 if verified else 1)
    assert made["overall_grade"] in "ABCD"
    total = made["total_generated"]
    assert made["pass_rate"] == (round(accepted / total, 3) if total else 0.0)
    if total:
        assert made["benchmark"]["diversity_pct"] + made["benchmark"]["near_dup_pct"] == pytest.approx(100)


def test_diversity_and_near_duplicates_of_the_public_table_add_up_to_100():
    assert all(row["diversity_pct"] + row["near_dup_pct"] == 100 for row in grades.PUBLISHED.values())
