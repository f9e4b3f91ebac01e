"""Shares, means and their intervals: what holds for any lines, and known values of the literature."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.training import evaluation
from dataforge.training.evaluation import LOSS, TIE, WIN, Compared, Interval

COUNTS = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
VALUES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=40)


def line(number: int, base: float, tuned: float, **topics: str) -> Compared:
    return Compared(str(number), {"exact_match": base}, {"exact_match": tuned}, topics)


def test_the_wilson_interval_of_known_shares() -> None:
    found = evaluation.wilson(81, 263)

    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)  # Newcombe 1998, table I
    assert evaluation.wilson(0, 20).low == 0
    assert round(evaluation.wilson(0, 20).high, 4) == 0.1611


def test_the_difference_of_two_known_shares() -> None:
    found = evaluation.newcombe(evaluation.wilson(56, 70), evaluation.wilson(48, 80))

    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)  # Newcombe 1998, table II, method 10


@given(COUNTS)
def test_a_share_lies_in_its_interval_which_is_mirrored_by_the_misses(counts: tuple[int, int]) -> None:
    hits, of = counts
    found, missed = evaluation.wilson(hits, of), evaluation.wilson(of - hits, of)

    assert 0 <= found.low <= found.value <= found.high <= 1
    assert math.isclose(found.low, 1 - missed.high, abs_tol=1e-9)
    assert (
        evaluation.wilson(10 * hits, 10 * of).high - evaluation.wilson(10 * hits, 10 * of).low < found.high - found.low
    )


@given(VALUES)
def test_a_mean_lies_in_its_interval_and_the_same_values_give_the_same(values: list[float]) -> None:
    found = evaluation.bootstrap(values)

    assert min(values) <= found.low <= found.value <= found.high <= max(values)
    assert found == evaluation.bootstrap(list(values))


def test_95_of_100_intervals_hold_the_true_mean() -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(200):
        found = evaluation.bootstrap([rng.random() for _ in range(60)])
        held += found.low <= 0.5 <= found.high

    assert 178 <= held <= 199


def test_many_lines_take_no_resamples_and_say_the_same() -> None:
    values = [n % 7 / 7 for n in range(evaluation.MOST_RESAMPLED)]

    resampled, computed = evaluation.bootstrap(values), evaluation.bootstrap([*values, 0.5])

    assert computed.low == pytest.approx(resampled.low, abs=0.01)
    assert computed.high == pytest.approx(resampled.high, abs=0.01)
    gap = evaluation.bootstrap_gap([v / 2 for v in values], [*values, 0.5])
    assert gap.low < gap.value < gap.high < 0


def test_mcnemar_is_exact() -> None:
    assert evaluation.mcnemar(0, 0) == 1
    assert evaluation.mcnemar(5, 5) == 1
    assert evaluation.mcnemar(10, 0) == pytest.approx(2 / 2**10)
    assert evaluation.mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    assert evaluation.mcnemar(280, 221) == pytest.approx(evaluation.mcnemar(280, 220), abs=0.002)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_does_not_know_which_model_is_which(gained: int, lost: int) -> None:
    assert evaluation.mcnemar(gained, lost) == evaluation.mcnemar(lost, gained)
    assert 0 < evaluation.mcnemar(gained, lost) <= 1


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_gain_turns_its_sign_with_the_models_and_only_one_of_both_can_be_real(pairs: list[tuple[bool, bool]]) -> None:
    before, after = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    there, back = evaluation.gain(before, after), evaluation.gain(after, before)

    assert math.isclose(there.difference.value, -back.difference.value, abs_tol=1e-12)
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert there.is_noise or back.is_noise
    assert evaluation.gain(before, before).is_noise


def test_a_gain_of_many_lines_is_real_and_one_of_few_is_noise() -> None:
    assert not evaluation.gain([0.0] * 20 + [1.0] * 30, [1.0] * 50).is_noise
    assert evaluation.gain([0.0, 0.0] + [1.0] * 48, [1.0] * 50).is_noise
    with pytest.raises(ValueError, match="same lines"):
        evaluation.gain([1.0], [1.0, 1.0])


def test_a_topic_is_weak_when_its_interval_lies_below_the_rest() -> None:
    strong = [line(n, 0, 1, document="guide.md") for n in range(40)]
    weak = [line(n + 40, 0, float(n < 4), document="faq.md") for n in range(20)]
    few = [line(n + 60, 0, 0, document="note.md") for n in range(evaluation.FEWEST - 1)]

    found = {t["topic"]: t for t in evaluation.by_topic([*strong, *weak, *few])}

    assert [t for t, of in found.items() if of["is_weak"]] == ["faq.md"]
    assert found["faq.md"]["by"] == "document"
    assert found["faq.md"]["tuned"]["exact_match"]["value"] == 0.2
    assert found["faq.md"]["against_rest"]["high"] < 0
    assert found["note.md"]["against_rest"] is None


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abc")), max_size=40))
def test_every_line_is_counted_in_its_topic_and_in_all(rows: list[tuple[bool, bool, str]]) -> None:
    lines = [line(n, float(b), float(t), topic=topic) for n, (b, t, topic) in enumerate(rows)]

    whole, topics = evaluation.summary(lines), evaluation.by_topic(lines)

    assert whole["lines"] == sum(t["lines"] for t in topics) == len(rows)
    assert {t["topic"] for t in topics} == {topic for _, _, topic in rows}
    hits = sum(t["tuned"]["exact_match"]["value"] * t["lines"] for t in topics)
    assert hits == pytest.approx(sum(t for _, t, _ in rows), abs=0.01)


def test_lines_of_the_training_program_are_read_whatever_they_lack() -> None:
    whole = evaluation.of_prediction(
        {"id": "a", "topic": "T", "exact_base": False, "exact_tuned": True, "f1_base": 0.5, "f1_tuned": 1.0}, 0
    )
    bare = evaluation.of_prediction({"topic": 3, "exact_base": True, "exact_tuned": None, "f1_base": 7}, 4, {"x": "y"})

    assert whole == Compared("a", {"exact_match": 0, "f1": 0.5}, {"exact_match": 1, "f1": 1}, {"topic": "T"})
    assert bare == Compared("4", {}, {}, {"x": "y"})
    assert evaluation.summary([bare]) == {"lines": 1, "base": {}, "tuned": {}, "gain": None}


def test_answers_that_are_never_word_for_word_are_compared_by_f1() -> None:
    lines = [Compared(str(n), {"exact_match": 0, "f1": 0.2}, {"exact_match": 0, "f1": 0.6}) for n in range(30)]

    assert evaluation.measure_of(lines) == "f1"
    assert evaluation.summary(lines)["gain"]["difference"] == {"value": 0.4, "low": 0.4, "high": 0.4}


VERDICTS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.lists(st.sampled_from([WIN, LOSS, TIE, None]), min_size=1, max_size=2)
)


@given(VERDICTS)
def test_every_line_is_won_tied_or_lost_or_has_no_verdict(verdicts: dict[str, list[float | None]]) -> None:
    found = evaluation.win_rate(verdicts)
    judged = sum(any(v is not None for v in given) for given in verdicts.values())

    assert found["wins"] + found["ties"] + found["losses"] == found["lines"] == judged
    assert found["verdicts"] + found["unreadable"] == sum(map(len, verdicts.values()))
    assert (found["win_rate"] is None) == (judged == 0)


@given(VERDICTS)
def test_a_win_of_one_model_is_a_loss_of_the_other(verdicts: dict[str, list[float | None]]) -> None:
    turned = {line: [None if v is None else 1 - v for v in given] for line, given in verdicts.items()}

    there, back = evaluation.win_rate(verdicts), evaluation.win_rate(turned)

    assert (there["wins"], there["losses"]) == (back["losses"], back["wins"])
    if there["win_rate"]:
        assert there["win_rate"]["value"] + back["win_rate"]["value"] == pytest.approx(1, abs=2e-4)


TOPICS = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), st.sampled_from(["quay", "berth"]))


@given(VERDICTS, TOPICS)
def test_every_judged_line_counts_in_its_topic_and_the_least_won_topic_comes_first(
    verdicts: dict[str, list[float | None]], topics: dict[str, str]
) -> None:
    found = evaluation.win_rate_by_topic(verdicts, {line: {"topic": topic} for line, topic in topics.items()})

    judged = [line for line, given in verdicts.items() if any(v is not None for v in given)]
    assert {t["topic"]: t["lines"] for t in found} == Counter(topics[line] for line in judged if line in topics)
    assert all(t["wins"] + t["ties"] + t["losses"] == t["lines"] for t in found)
    assert all((t["win_rate"] is not None) == (t["lines"] >= evaluation.FEWEST) for t in found)
    rates = [t["win_rate"]["value"] for t in found if t["win_rate"]]
    assert rates == sorted(rates)


def test_a_verifier_that_prefers_the_first_answer_moves_nothing() -> None:
    found = evaluation.win_rate({str(n): [WIN, LOSS] for n in range(10)})

    assert (found["ties"], found["contradicted"]) == (10, 10)
    assert found["win_rate"] == Interval(0.5, 0.5, 0.5).to_item()
