"""Which passage a record was made from, when it does not say."""

from __future__ import annotations

from dataforge.quality.passage_search import PassageIndex, SourcePassage

CRANE = SourcePassage(
    "The crane stands behind the fish market and lifts four tonnes.", "docs/harbour.md", ("Crane",), "c1"
)
BERTH = SourcePassage("A weekly berth costs 180 crowns from November to March.", "docs/prices.md", ("Berths",), "c2")
FERRY = SourcePassage("The evening ferry carries up to forty bicycles.", "docs/ferries.md", ("Ferries",), "c3")
INDEX = PassageIndex([CRANE, BERTH, FERRY])


def test_the_passage_that_shares_the_rare_words_is_found() -> None:
    assert INDEX.best("How much does the crane lift?", "It lifts four tonnes.") == 0
    assert INDEX.best("What does a berth cost in winter?", "A weekly berth costs 180 crowns.") == 1


def test_a_record_about_something_else_has_no_source() -> None:
    assert INDEX.best("Who painted the ceiling?", "A painter from Florence painted it.") is None
    assert INDEX.best("", "") is None


def test_a_wrong_answer_still_finds_its_passage() -> None:
    assert INDEX.best("How many bicycles does the evening ferry carry?", "It carries ninety bicycles.") == 2


def test_the_name_of_a_document_decides_however_it_is_written() -> None:
    for name in ("docs/prices.md", "prices.md", "Prices", "C:\\docs\\prices.md"):
        assert INDEX.best("How much is it?", "It is cheap.", document=name) == 1


def test_ids_name_passages() -> None:
    assert INDEX.by_ids(["c3", "unknown", "c1"]) == [2, 0]


def test_there_need_be_no_passages() -> None:
    assert PassageIndex([]).best("How much does the crane lift?", "Four tonnes.") is None
