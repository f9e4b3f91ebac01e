"""Whom a verifier is asked about, and what its ruling does to a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality import findings, rulings
from dataforge.quality.findings import Finding
from dataforge.quality.record_scoring import RecordScore
from dataforge.quality.verification import CRITERIA, Says, Verification
from dataforge.records import Grounding

DOUBT = Finding("vague_question", "review", ("it",), "The question is vague")
PRIVATE = Finding("personal_data", "review", ("a@b.org",))
CERTAIN = Finding("truncated", "reject")


def score(probability: float, *found: Finding) -> RecordScore:
    return RecordScore(Grounding(1.0), probability, findings.reasons(found), found)


def said(value: float = 9.0, words: tuple[str, ...] = (), **criteria: Says) -> Verification:
    return Verification({**dict.fromkeys(CRITERIA, "yes"), **criteria}, value, words, "Because.", "m")


@pytest.mark.parametrize(
    ("verify", "of", "asked"),
    [
        ("uncertain", score(0.95), False),
        ("uncertain", score(0.95, DOUBT), True),
        ("uncertain", score(rulings.clear_from()), False),
        ("uncertain", score(rulings.clear_from() - 0.01), True),
        ("uncertain", score(0.95, PRIVATE), False),
        ("uncertain", score(0.4, CERTAIN), False),
        ("all", score(0.95), True),
        ("all", score(0.95, CERTAIN), False),
        ("off", score(0.4, DOUBT), False),
    ],
)
def test_only_what_the_checks_left_open_is_asked_about(verify: rulings.Verify, of: RecordScore, asked: bool) -> None:
    assert rulings.is_asked(of, verify) is asked


@pytest.mark.parametrize(
    ("found", "ruling"),
    [
        (said(), "confirmed"),
        (said(5.9), "doubted"),
        (said(2.0, supported="no", words=("nine",)), "rejected"),
        (said(5.0, answers_the_question="no"), "rejected"),
        (said(8.0, supported="no", words=("nine",)), "doubted"),
        (said(5.0, stands_alone="no"), "doubted"),
        (said(2.0, worth_asking="no"), "rejected"),
        (said(9.0, supported="unsure"), "doubted"),
    ],
)
def test_a_ruling_follows_from_criteria_and_score_together(found: Verification, ruling: str) -> None:
    assert found.ruling == ruling
    assert Verification.from_json(found.to_json()) == found


def test_a_confirmed_record_loses_its_doubts_but_not_those_nobody_asked_about() -> None:
    after = rulings.applied(score(0.4, DOUBT, PRIVATE), said())

    assert after.findings == (PRIVATE,)
    assert after.score == pytest.approx(6 / 7, abs=1e-4)
    assert after.verification == said()


def test_a_rejected_record_says_why_with_its_words() -> None:
    after = rulings.applied(score(0.6, DOUBT), said(2.0, words=("nine",), supported="no"))

    assert after.reasons == ("verifier_rejected",)
    assert after.findings[-1] == Finding(
        "verifier_rejected", "reject", ("nine",), "The source does not support the answer. Because"
    )
    assert after.score < 0.2


def test_a_doubted_record_stays_flagged_and_is_lowered() -> None:
    after = rulings.applied(score(0.9), said(7.0, stands_alone="no"))

    assert [(f.check, f.outcome) for f in after.findings] == [("verifier_doubts", "review")]
    assert after.reasons == ()
    assert after.score < 0.9


def test_silence_leaves_a_record_as_it_was_and_says_so() -> None:
    before = score(0.4, DOUBT)

    after = rulings.unverified(before, "the budget is used up")

    assert after.findings == (DOUBT, Finding("unverified", "review", (), "Not verified: the budget is used up"))
    assert (after.score, after.reasons, after.verification) == (0.4, (), None)


@given(st.floats(0, 1), st.floats(0, 1))
def test_probabilities_keep_their_order_and_move_the_right_way(a: float, b: float) -> None:
    low, high = sorted((a, b))

    for ruling in rulings.ODDS:
        assert 0 <= rulings.updated(low, ruling) <= rulings.updated(high, ruling) <= 1
    assert rulings.updated(0.5, "rejected") < rulings.updated(0.5, "doubted") < 0.5 < rulings.updated(0.5, "confirmed")
