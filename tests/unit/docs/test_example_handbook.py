"""The example handbook: its files say what its sources say, and parse into chunks that know where they stand."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from dataforge import chunking
from dataforge.parsing import parse
from dataforge.records import Chunk, ParsedDocument
from tests.support.paths import EXAMPLES

HANDBOOK = EXAMPLES / "handbook"
GENERATED = ("fleet-operations-manual.pdf", "employee-handbook.docx", "spare-parts-register.csv")
FILES = sorted(path.name for path in HANDBOOK.iterdir())


def parsed(name: str) -> ParsedDocument:
    return parse(HANDBOOK / name, filename=name)


def holding(name: str, words: str) -> Chunk:
    """The one chunk of the file that says this."""
    found = [chunk for chunk in chunking.chunk(parsed(name)) if words in chunk.content]
    assert len(found) == 1, f"{len(found)} chunks of {name} hold {words!r}"
    return found[0]


def test_there_is_one_document_of_each_kind() -> None:
    assert [Path(name).suffix for name in FILES] == [".md", ".docx", ".pdf", ".csv", ".html"]


@pytest.mark.parametrize(
    ("name", "words", "path", "page"),
    [
        (
            "fleet-operations-manual.pdf",
            "A muster station is the marked place on board where passengers gather",
            ("Fleet Operations Manual", "1 Terms used in this manual"),
            1,
        ),
        (
            "fleet-operations-manual.pdf",
            "| Curlew | 2012 | 92 | 450 | 80 | 16 | 14 | Marine diesel |",
            ("Fleet Operations Manual", "2 The fleet"),
            2,
        ),
        (
            "fleet-operations-manual.pdf",
            "7. Count the lifejackets in two boxes chosen at random.",
            ("Fleet Operations Manual", "5 Preparing a sailing", "5.1 Checks before the first sailing of the day"),
            4,
        ),
        (
            "fleet-operations-manual.pdf",
            "The general emergency alarm is seven short blasts",
            ("Fleet Operations Manual", "9 Emergencies", "9.1 Alarm signals"),
            7,
        ),
        (
            "fleet-operations-manual.pdf",
            "A ban from travel lasts between 3 and 24 months",
            ("Fleet Operations Manual", "16 Care of passengers on board", "16.4 Difficult passengers"),
            12,
        ),
        (
            "employee-handbook.docx",
            "| 8 | Master | 4,950 | 5,880 |",
            ("Employee Handbook", "Pay"),
            None,
        ),
        (
            "employee-handbook.docx",
            "Annual leave is 28 working days for full-time employees.",
            ("Employee Handbook", "Leave and absence", "Annual leave"),
            None,
        ),
        (
            "customer-service-guide.md",
            "An Islander Card is a discount card for residents",
            ("Customer Service Guide", "Tickets", "Kinds of ticket"),
            None,
        ),
        (
            "customer-service-guide.md",
            "- Acknowledge what went wrong and say sorry once.",
            ("Customer Service Guide", "Complaints"),
            None,
        ),
        (
            "terminals-and-harbours.html",
            "A snap-back zone is the area that a breaking rope can sweep.",
            ("Terminals and Harbours", "Berthing"),
            None,
        ),
        ("spare-parts-register.csv", "| BM-E227 | Battery module, 6.5 kWh | Eider | Battery | Voltano |", (), None),
    ],
)
def test_known_facts_lie_under_their_headings_on_their_pages(
    name: str, words: str, path: tuple[str, ...], page: int | None
) -> None:
    chunk = holding(name, words)

    assert (chunk.heading_path, chunk.page) == (path, page)


def test_the_manual_has_twelve_pages_and_loses_its_running_headers() -> None:
    manual = parsed("fleet-operations-manual.pdf")

    assert manual.pages == 12
    assert manual.title == "Fleet Operations Manual"
    assert "Edition 14" not in manual.text
    assert "Page 3" not in manual.text


def test_the_manual_keeps_every_heading_and_sentence_of_its_source() -> None:
    manual = parsed("fleet-operations-manual.pdf").text
    source = (EXAMPLES / "handbook_source" / "fleet-operations-manual.md").read_text("utf-8")

    missing = [
        line
        for line in source.split("\n")
        if line.strip() and not line.startswith("|") and _squeezed(line) not in _squeezed(manual)
    ]

    assert missing == []


def _squeezed(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def test_the_web_page_keeps_its_tables() -> None:
    chunk = holding("terminals-and-harbours.html", "| Hallin | 2001 | 1 | 4.1 | 45 | 06:00-21:30 | Gavin Sorley |")

    assert "| Terminal | Opened | Berths | Depth at low water (m) | Car places | Opening hours |" in chunk.content


def test_the_web_page_leaves_its_menus_out() -> None:
    text = parsed("terminals-and-harbours.html").text

    assert "Rosters" not in text
    assert "Portal news" not in text
    assert "Imprint" not in text


def test_the_handbook_has_enough_to_ask_about() -> None:
    chunks = [chunk for name in FILES for chunk in chunking.chunk(parsed(name))]
    sentences = sum(chunk.content.count(". ") + 1 for chunk in chunks if chunk.content_type != "table")
    rows = sum(line.startswith("| ") for chunk in chunks for line in chunk.content.split("\n"))

    assert len(chunks) > 70
    assert sentences > 400
    assert rows > 150


def test_the_files_are_what_the_generator_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)

    importlib.import_module("make_handbook").main(tmp_path)

    for name in GENERATED:
        made, kept = parse(tmp_path / name, filename=name), parsed(name)
        assert (made.text, made.pages, made.title) == (kept.text, kept.pages, kept.title)
    sys.modules.pop("make_handbook")


def test_the_generator_writes_the_same_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    generator = importlib.import_module("make_handbook")

    generator.main(tmp_path / "one")
    generator.main(tmp_path / "two")

    for name in GENERATED:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    sys.modules.pop("make_handbook")
