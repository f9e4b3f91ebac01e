"""The report adds up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality.odd_sketches import trigrams
from dataforge.quality.report import Tally, diversity_of, report
from dataforge.quality.scoring import histogram


# checklist 47
def test_the_histogram_has_the_contract_s_four_buckets_with_inclusive_lower_edges() -> None:
    assert histogram([1.0, 0.9, 0.8999, 0.8, 0.7, 0.6999, 0.0]) == {
        "0.9-1.0": 2,
        "0.8-0.9": 2,
        "0.7-0.8": 1,
        "0.0-0.7": 2,
    }
    assert histogram([]) == {"0.9-1.0": 0, "0.8-0.9": 0, "0.7-0.8": 0, "0.0-0.7": 0}


@given(st.lists(st.floats(0, 1)))
def test_every_scored_pair_is_in_one_bucket(scores: list[float]) -> None:
    assert sum(histogram(scores).values()) == len(scores)


def line(chunk: str, question: str, quality_score: float, kind: str = "numeric") -> dict[str, object]:
    return {
        "chunk_id": chunk,
        "question": question,
        "answer": "Yes.",
        "question_type": kind,
        "difficulty": "easy",
        "quality_score": quality_score,
        "grounding_score": 0.9,
    }


def test_the_report_counts_what_happened_to_every_slot() -> None:
    delivered = [
        line("c1", "How many berths are there?", 0.95),
        line("c1", "Who owns it?", 0.75, "person"),
        line("c2", "Which colour has lane 5?", 0.85),
    ]
    rejected = [{**line("c3", "How many berths are there?", 0.9), "reasons": ["near_duplicate"]}]

    made = report(
        Tally.of(delivered),
        Tally.of(rejected),
        diversity_score=0.5,
        requested=4,
        asked=6,
        failed=2,
        chunks_planned=4,
        reasons={"rejected": {"near_duplicate": 1}, "failed": {"unreadable_reply": 2}},
    )

    assert made["asked"] == 6
    assert (made["delivered"], made["rejected"], made["failed"]) == (3, 1, 2)
    assert (made["pass_rate"], made["near_dup_rate"]) == (0.75, 0.25)
    assert made["rejected_by_reason"] == {"near_duplicate": 1}
    assert made["failed_by_reason"] == {"unreadable_reply": 2}
    assert made["avg_quality_score"] == 0.85
    assert made["quality_histogram"] == {"0.9-1.0": 1, "0.8-0.9": 1, "0.7-0.8": 1, "0.0-0.7": 0}
    assert list(made["question_types"].items()) == [("numeric", 2), ("person", 1)]  # type: ignore[attr-defined]
    assert made["coverage"] == {"chunks_planned": 4, "chunks_used": 2, "share": 0.5}


def test_the_report_of_nothing_is_null_not_zero() -> None:
    nothing = Tally.of([])
    made = report(
        nothing,
        nothing,
        diversity_score=diversity_of([], 0),
        requested=5,
        asked=0,
        failed=0,
        reasons={},
        chunks_planned=0,
    )

    assert made["pass_rate"] is made["avg_quality_score"] is made["diversity_score"] is None


def test_diversity_is_one_minus_the_mean_likeness_of_nearest_neighbours() -> None:
    def of(*texts: str) -> float | None:
        return diversity_of(texts, len(texts))

    assert of("abcdef", "abcdef") == 0.0
    assert of("abcdef", "uvwxyz") == 1.0
    assert of("abcde", "abcdx") == pytest.approx(1 - 2 / 4)
    assert of("abc", "abc", "xyz", "xyzu") == pytest.approx(1 - (1 + 1 + 0.5 + 0.5) / 4)
    assert of("alone") is None


@given(st.lists(st.text("abcxyz ", min_size=1, max_size=30), min_size=2, max_size=25))
def test_diversity_of_texts_that_are_read_anew_equals_its_definition(texts: list[str]) -> None:
    class Read:
        """As from a file: walked again each time, and never indexed."""

        def __iter__(self) -> Iterator[str]:
            return iter(texts)

    found = diversity_of(Read(), len(texts))

    grams = [set(trigrams(text).tolist()) for text in texts]
    nearest = [
        max(len(one & other) / len(one | other) for m, other in enumerate(grams) if m != n)
        for n, one in enumerate(grams)
    ]
    assert found == pytest.approx(1 - sum(nearest) / len(texts), abs=0.00011)
