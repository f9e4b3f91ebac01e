"""Words as they are compared: letters keep their marks, forms of Unicode do not matter."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.text.claims import content_words, stem, tokens
from dataforge.text.normal_forms import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("बगीचे का फाटक", ["बगीचे", "का", "फाटक"]),
        ("বাগানের ফটক বন্ধ", ["বাগানের", "ফটক", "বন্ধ"]),
        ("தோட்டத்தின் கதவு", ["தோட்டத்தின்", "கதவு"]),
        ("garten­tür", ["garten­tür"]),
        ("丢失钥匙", ["丢失", "失钥", "钥匙"]),
        ("It's 5.5 km", ["It's", "5.5", "km"]),
    ],
)
def test_letters_keep_their_marks(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


@given(st.text(st.sampled_from("aäöéñçñ ěšžộ कीगां بُّ가각が-., 12"), max_size=60))
def test_the_normal_form_of_a_text_does_not_change_its_words(text: str) -> None:
    nfc, nfd = unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text)

    assert [stem(t) for t in tokens(nfd)] == [stem(t) for t in tokens(nfc)]
    assert content_words(nfd) == content_words(nfc)
    assert [w.folded for w in words(nfd)] == [w.folded for w in words(nfc)]


def test_arabic_vowel_signs_and_stretching_do_not_matter() -> None:
    assert content_words("تُغْلَقُ بَوَّابَةُ الحَدِيقَةِ") == content_words("تغلق بوابة الحديـــقة")


def test_a_word_knows_where_it_stands() -> None:
    text = unicodedata.normalize("NFD", "der Wärter – täglich")

    found = words(text)

    assert [text[w.start : w.end] for w in found] == [
        unicodedata.normalize("NFD", w) for w in ("der", "Wärter", "täglich")
    ]
    assert [w.apart for w in found] == [False, False, True]
