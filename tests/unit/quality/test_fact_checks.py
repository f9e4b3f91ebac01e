"""What the checks of facts say of answers over short passages, on both sides: the wrong one and a right one like it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality import verdict
from dataforge.quality.checks import CHECKS
from dataforge.quality.checks.check import Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.verdict import Weights

LIBRARY = (
    "The reading room of the Lindqvist library opens at 9:00 and closes at 18:30. A loan lasts 21 days and can be "
    "renewed at most 2 times, unless another reader has reserved the book. Members pay 30 euros a year; students pay "
    "12 euros. Food is never allowed in the reading room. The archivist may open the map room on request. The parcel "
    "scale carries 40 kilograms."
)
WERKSTATT = (
    "Die Werkstatt Brenner prüft jede Bremse zweimal. Ein Termin wird mindestens 5 Tage vorher vereinbart. Die "
    "Garantie beträgt 24 Monate und gilt nur mit Rechnung. Kunden dürfen im Hof parken. Öl wird nicht verkauft."
)
TABLE = "| Line | Seats in winter | Price in euros |\n|---|---|---|\n| Blue | 12 | 40 |\n| Green | 8 | 55 |"


def found(answer: str, question: str, passage: str = LIBRARY) -> set[str]:
    return set(verdict.signals(CheckedRecord(question, answer, passage=passage)))


@pytest.mark.parametrize(
    ("check", "question", "wrong", "right"),
    [
        ("number_missing", "How long does a loan last?", "A loan lasts 28 days.", "A loan lasts three weeks."),
        ("number_missing", "What do members pay?", "35 euros a year.", "Members pay 30 euros a year."),
        ("number_misplaced", "What do students pay?", "Students pay 30 euros.", "Students pay 12 euros."),
        ("number_misplaced", "When does the room open?", "It opens at 18:30.", "It opens at 9:00."),
        ("unit_changed", "What does the scale carry?", "40 tonnes.", "40 kilograms, that is 40,000 grams."),
        ("unit_changed", "What do members pay?", "30 euros a month.", "30 euros per year."),
        ("limit_flipped", "How often is a loan renewed?", "It is renewed at least 2 times.", "At most two times."),
        ("negation_flipped", "Is food allowed there?", "Yes, food is allowed in the reading room.", "No, never."),
        ("duty_added", "Who opens the map room?", "The archivist must open the map room.", "The archivist may."),
        ("generalised", "Can a loan be renewed?", "Every loan can be renewed.", "It can, unless it is reserved."),
        ("entity_missing", "Which library is it?", "It is the Okafor Library.", "It is the Lindqvist library."),
        ("other_kind_of_answer", "How long does a loan last?", "Ask the archivist.", "21 days."),
    ],
)
def test_a_wrong_answer_is_seen_and_a_right_one_is_not(check: str, question: str, wrong: str, right: str) -> None:
    assert check in found(wrong, question)
    assert check not in found(right, question)


@pytest.mark.parametrize(
    ("check", "question", "wrong", "right"),
    [
        ("limit_flipped", "Wann wird ein Termin vereinbart?", "Höchstens 5 Tage vorher.", "Mindestens 5 Tage vorher."),
        ("unit_changed", "Wie lange gilt die Garantie?", "24 Wochen.", "Zwei Jahre, also 24 Monate."),
        ("duty_added", "Wo parken Kunden?", "Kunden müssen im Hof parken.", "Kunden dürfen im Hof parken."),
        ("negation_flipped", "Wird Öl verkauft?", "Ja, Öl wird verkauft.", "Nein, Öl wird nicht verkauft."),
    ],
)
def test_in_german(check: str, question: str, wrong: str, right: str) -> None:
    assert check in found(wrong, question, WERKSTATT)
    assert check not in found(right, question, WERKSTATT)


@pytest.mark.parametrize(
    ("passage", "question", "wrong", "right"),
    [
        ("Le gîte ouvre le 3 avril et compte 14 lits.", "Combien de lits ?", "17 lits.", "Quatorze lits."),
        ("El museo abre 6 días por semana.", "¿Cuántos días abre?", "Abre 4 días.", "Abre seis días."),
        ("图书馆每次可借阅 15 本书，期限为 30 天。", "可以借多久？", "45 天。", "30 天。"),
        ("يفتح المتحف سبعة أيام في الأسبوع.", "كم يومًا يفتح؟", "يفتح 4 أيام.", "يفتح 7 أيام."),
        ("Il rifugio ha 22 posti letto.", "Quanti posti ha?", "Ha 27 posti letto.", "Ha ventidue posti letto."),
        ("Muzeum ma 18 sal.", "Ile sal ma muzeum?", "Ma 21 sal.", "Ma osiemnaście sal."),
    ],
)
def test_numbers_in_other_languages(passage: str, question: str, wrong: str, right: str) -> None:
    assert found(wrong, question, passage) & {"number_missing", "number_misplaced"}
    assert not found(right, question, passage) & {"number_missing", "number_misplaced", "unit_changed"}


def test_a_cell_belongs_to_its_row_and_its_column() -> None:
    assert "number_misplaced" in found("It has 8 seats.", "How many seats does the Blue line have in winter?", TABLE)
    assert "number_misplaced" not in found("12 seats.", "How many seats does the Blue line have in winter?", TABLE)


@pytest.mark.parametrize(
    "answer",
    [
        "Four times: 30 euros against 7.50 a quarter.",
        "18 euros less: 30 against 12 euros.",
        "9.5 hours, from 9:00 to 18:30.",
        "42 euros for one member and one student, 30 + 12.",
        "Forty percent: students pay 12 of 30 euros.",
    ],
)
def test_what_follows_from_numbers_that_are_shown_is_not_missing(answer: str) -> None:
    record = CheckedRecord("What do a member and a student pay, or how long is it open?", answer, passage=LIBRARY)

    signal = CHECKS["number_missing"].look(record)

    assert signal is None or signal.strength < 0.5 or "7.50" in signal.words


def test_without_a_passage_the_checks_of_facts_are_silent() -> None:
    record = CheckedRecord("How long does a loan last?", "A loan lasts 28 days and always costs 5 euros.")

    assert not {n for n in verdict.signals(record) if n in {"number_missing", "generalised", "ungrounded"}}


@given(st.integers(2, 400), st.integers(2, 400))
def test_two_numbers_of_one_unit_that_are_exchanged_are_seen(one: int, other: int) -> None:
    passage = f"Adults pay {one} euros for the boat trip. Children pay {other} euros for the boat trip."
    question = "What do adults pay for the boat trip?"

    swapped = found(f"Adults pay {other} euros for the boat trip.", question, passage)
    right = found(f"Adults pay {one} euros for the boat trip.", question, passage)

    assert ("number_misplaced" in swapped) == (one != other)
    assert "number_misplaced" not in right


@given(st.permutations(["The harbour is deep.", "Gulls nest on the roof.", "A crane stands at the quay."]))
def test_the_order_of_other_sentences_changes_nothing(order: list[str]) -> None:
    passage = " ".join(["Adults pay 9 euros.", *order, "Children pay 4 euros."])

    assert "number_misplaced" in found("Adults pay 4 euros.", "What do adults pay?", passage)
    assert "number_misplaced" not in found("Adults pay 9 euros.", "What do adults pay?", passage)


@given(st.sampled_from(["Die Prüfung dauert drei Tage.", "Die Prüfung dauert fünf Tage.", "Öl wird verkauft."]))
def test_normal_forms_do_not_matter(answer: str) -> None:
    composed, apart = (
        verdict.judge(
            CheckedRecord(
                unicodedata.normalize(form, "Wie lange dauert die Prüfung?"),
                unicodedata.normalize(form, answer),
                passage=unicodedata.normalize(form, f"Die Prüfung dauert fünf Tage. {WERKSTATT}"),
            )
        )
        for form in ("NFC", "NFD")
    )

    assert composed.probability == apart.probability
    assert [(f.check, f.outcome) for f in composed.findings] == [(f.check, f.outcome) for f in apart.findings]


@given(st.dictionaries(st.sampled_from(sorted(CHECKS)), st.floats(0, 1)), st.sampled_from(sorted(CHECKS)))
def test_one_more_signal_never_makes_a_record_likelier_to_be_accepted(strengths: dict[str, float], more: str) -> None:
    signals = {name: Signal(strength) for name, strength in strengths.items() if name != more}
    weights = verdict.fitted()

    assert verdict.acceptance({**signals, more: Signal(1.0)}, weights) <= verdict.acceptance(signals, weights)


def test_every_shipped_weight_speaks_against_a_record_and_names_a_check() -> None:
    weights: Weights = verdict.fitted()

    assert all(value > 0 for value in weights.by_check.values())
    assert set(weights.by_check) <= set(CHECKS)
