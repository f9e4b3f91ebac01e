"""Numbers written as words: what they are worth and where they stand."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.text.languages.numerals import numerals

READ = [
    ("en", "two thousand three hundred and five, between two and three, a million crowns", [2305, 2, 3, 1_000_000]),
    ("de", "fünfundzwanzig, zwei Tage, zweihundertfünfzigtausend, hundertundfünf, zwei Millionen",
     [25, 2, 250_000, 105, 2_000_000]),
    ("nl", "vijfentwintig, zevenentwintig, tweehonderdvijftig, tweeëntwintig", [25, 27, 250, 22]),
    ("fr", "quatre-vingt-dix-sept, vingt et un, deux mille trois cent cinquante, dix-huit", [97, 21, 2350, 18]),
    ("es", "treinta y cinco, doscientos cinco, entre veinte y treinta", [35, 205, 20, 30]),
    ("pt", "vinte e cinco, duzentos e trinta e dois", [25, 232]),
    ("it", "ventuno, duecentocinquanta, milleduecento, quarantotto", [21, 250, 1200, 48]),
    ("pl", "dwadzieścia pięć, w dwóch dniach, dwa tysiące pięćset", [25, 2, 2500]),
    ("ar", "خَمْسَةً وَعِشْرِينَ دِينَارًا، ثلاثة عشر، مئتان وخمسون", [25, 13, 250]),
    ("hi", "पच्चीस रुपये, दो दिन, पाँच सौ, दो लाख", [25, 2, 500, 200_000]),
    ("zh", "二十五元，两天内，三千零五十人，二〇二五年，两万五千人，三十分钟", [25, 2, 3050, 2025, 25_000, 30]),
    ("ja", "二十五円、三日以内、百五十人", [25, 3, 150]),
]  # fmt: skip
NONE = [
    ("en", "No one is a member; tension and often; hundreds of people."),
    ("de", "Ein Hund und eine Katze, verwundert, hunderte Gäste."),
    ("fr", "Un chien et une rose."),
    ("zh", "十分好，一般的规定，一个人，万一下雨"),
    ("sv", "tjugofem kronor"),
]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(("language", "text", "values"), READ)
def test_number_words_are_read_in_every_normal_form(language: str, text: str, values: list[int], form: str) -> None:
    found = numerals(unicodedata.normalize(form, text), language)  # type: ignore[arg-type]

    assert [n.value for n in found] == values


@pytest.mark.parametrize(("language", "text"), NONE)
def test_words_that_only_look_like_numbers_are_none(language: str, text: str) -> None:
    assert numerals(text, language) == []


def test_a_numeral_knows_where_it_stands_in_the_text_as_given() -> None:
    text = unicodedata.normalize("NFD", "Er zahlt fünfundzwanzig Kronen.")

    (found,) = numerals(text, "de")

    assert text[found.start : found.end] == unicodedata.normalize("NFD", "fünfundzwanzig")


@given(st.integers(2, 9), st.integers(2, 9))
def test_german_says_the_unit_before_the_ten(unit: int, ten: int) -> None:
    units = ["zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"]
    tens = ["zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"]

    (found,) = numerals(f"{units[unit - 2]}und{tens[ten - 2]}", "de")

    assert found.value == 10 * ten + unit
