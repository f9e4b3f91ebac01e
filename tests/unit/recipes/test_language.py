"""`config.language`: every recipe asks for records in that language, whatever that of the passage."""

from __future__ import annotations

import pytest

from dataforge.recipes import RECIPES
from dataforge.recipes.options import GenerationOptions
from dataforge.records import Passage, Question, Slot
from dataforge.text.languages import LANGUAGES

PASSAGE = Passage("The ferry leaves at seven. A bicycle costs four euros, and dogs come free of charge on a leash.")


def asked(kind: str, language: str | None) -> Question:
    options = GenerationOptions(language=language, own={"labels": ("Fares", "Times")})
    return RECIPES[kind].question(PASSAGE, [Slot(0, "chunk_1")], options)


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_is_asked_for_in_the_language_that_is_wanted(kind: str, language: str) -> None:
    rules = asked(kind, language).messages[0].content

    assert f"Write in {LANGUAGES[language]}, whatever the language of the passage" in rules
    assert "Write in the language of the passage" not in rules


@pytest.mark.parametrize("kind", RECIPES)
def test_without_a_language_records_are_in_that_of_their_passage(kind: str) -> None:
    rules = asked(kind, None).messages[0].content

    assert rules.count("in the language of the passage") == 1
