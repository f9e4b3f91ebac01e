"""Insults by list: each of the twelve languages, word-bounded, silent elsewhere."""

from __future__ import annotations

import pytest

from dataforge.quality import toxicity

INSULTS = [
    ("en", "Only an idiot would park there.", "idiot"),
    ("en", "You are stupid to wait that long.", "stupid"),
    ("en", "Such brainless parasites drain the budget.", "brainless"),
    ("de", "Wer das fragt, ist ein Trottel.", "Trottel"),
    ("de", "Ihr seid zu dumm und faul dafür.", "dumm"),
    ("fr", "C'est pour ces abrutis du bureau.", "abrutis"),
    ("es", "Solo un gilipollas llega tarde.", "gilipollas"),
    ("pt", "Só um babaca esquece a chave.", "babaca"),
    ("it", "Lo capisce anche un cretino.", "cretino"),
    ("nl", "Alleen een sukkel doet dat.", "sukkel"),
    ("pl", "Tylko dureń tak parkuje.", "dureń"),
    ("zh", "只有白痴才会迟到。", "白痴"),
    ("ja", "遅れるのは能無しだけです。", "能無し"),
    ("ar", "لا يفعل ذلك إلا أحمق.", "أحمق"),
    ("hi", "केवल मूर्ख ही देर से आता है।", "मूर्ख"),
]
CLEAN = [
    ("en", "Scunthorpe and Dickens are names, and the lazy river is 2 km long."),
    ("en", "The parasite lives in pigs and rats. Fat content: 3 %. The filter retards the flow."),
    ("en", "Wash filthy pans with hot water and throw the garbage into the bin."),
    ("de", "Der Parasit befällt Schweine; das Fett wird abgeschöpft. Die Faultiere schlafen."),
    ("fr", "Le train a du retard. Les porcs sont nourris à heures fixes, la bête pèse 300 kg."),
    ("es", "El cerdo pesa 200 kg y la basura se recoge los lunes."),
    ("nl", "De kapitein kan de lading lossen; de varkens staan in de stal."),
    ("pl", "Świnia waży 200 kg, a szczury są w piwnicy."),
    ("zh", "垃圾每周一收集。生猪养殖场在郊外，废物利用率为八成。"),
    ("ja", "ゴミは月曜日に収集します。"),
    ("ar", "تُجمع القمامة يوم الاثنين."),
    ("hi", "कचरा सोमवार को उठाया जाता है।"),
]


@pytest.mark.parametrize(("language", "text", "word"), INSULTS)
def test_an_insult_is_found_with_its_place(language: str, text: str, word: str) -> None:
    assert word in [text[one.start : one.end] for one in toxicity.find(text, language)]


@pytest.mark.parametrize(("language", "text"), CLEAN)
def test_things_and_animals_are_no_insult(language: str, text: str) -> None:
    assert toxicity.find(text, language) == []


@pytest.mark.parametrize("language", [None, "sv", "xx", "EN-us"])
def test_nothing_is_said_in_a_language_without_a_list(language: str | None) -> None:
    assert toxicity.find("You idiot.", language) == []
