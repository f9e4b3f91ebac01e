"""The checks of form and of the question in twelve languages: what they must see, and what they must leave alone."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.quality.checks import CHECKS, FORM, failing
from dataforge.quality.checks.record import CheckedRecord
from tests.unit.quality.checks.gardens import PASSAGES
from tests.unit.quality.checks.records import BAD, GOOD


# checklist 190
@pytest.mark.parametrize(("check", "language", "question", "answer"), BAD)
def test_a_defect_is_seen_in_its_language(check: str, language: str, question: str, answer: str) -> None:
    record = CheckedRecord(question, answer, passage=PASSAGES[language])

    signal = CHECKS[check].look(record)

    assert signal is not None
    assert CHECKS[check].says


# checklist 190
@pytest.mark.parametrize(("language", "question", "answer"), GOOD)
def test_a_good_record_is_left_alone(language: str, question: str, answer: str) -> None:
    assert failing(CheckedRecord(question, answer, passage=PASSAGES[language]), FORM) == []


# checklist 190
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Enligt texten, när stänger grinden?", "Grinden stänger klockan nio på kvällen, som nämnts ovan."),
        ("Podle textu, kdy se zavírá brána?", "Brána se zavírá v devět hodin večer."),
        ("Сколько стоит ключ?", "Согласно тексту, ключ стоит 25 крон."),
    ],
)
def test_of_an_unknown_language_the_checks_say_nothing(question: str, answer: str) -> None:
    assert failing(CheckedRecord(question, answer)) == []


@given(st.sampled_from([(lang, q, a) for _, lang, q, a in BAD] + GOOD))
def test_the_normal_form_of_a_record_does_not_matter(case: tuple[str, str, str]) -> None:
    language, question, answer = case

    def seen(form: str) -> list[str]:
        texts = [unicodedata.normalize(form, t) for t in (question, answer, PASSAGES[language])]  # type: ignore[arg-type]
        return failing(CheckedRecord(texts[0], texts[1], passage=texts[2]))

    assert seen("NFD") == seen("NFC")


def test_the_language_that_is_wanted_counts_whatever_the_document_s() -> None:
    question, answer = "When does the gate of the gardens close?", "The gate closes at nine in the evening."

    def seen(wanted: str | None, said: str = answer) -> list[str]:
        record = CheckedRecord(question, said, passage=PASSAGES["de"], wanted_language=wanted)
        return failing(record, ("wrong_language", "other_language"))

    assert seen(None) == ["other_language"]
    assert seen("en") == []
    assert seen("fr") == ["wrong_language"]
    assert seen(None, "Das Tor wird um neun Uhr abends geschlossen.") == ["wrong_language", "other_language"]
