"""Chunks cover every block once, fit their limit, and are cut where a reader would cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge import tokens
from dataforge.chunking import chunk
from dataforge.parsing import assemble
from dataforge.parsing.assemble import Item, Piece
from dataforge.records import ParsedDocument

WORDS = st.text(alphabet="abcdefgh .!?\n字é😀|-0123456789", min_size=1, max_size=160)
LONG = st.builds(lambda word, times: (word + " ") * times, WORDS, st.integers(1, 60))
UNBROKEN = st.builds(lambda letter, times: letter * times, st.sampled_from("ab=字😀"), st.integers(200, 3_000))


def _heading(title: str, level: int, page: int) -> list[Piece]:
    return list(assemble.heading(title, level, page))


PIECES = st.one_of(
    st.builds(_heading, WORDS, st.integers(1, 6), st.integers(1, 9)),
    st.builds(lambda text, at: list(assemble.paragraph(text, at)), st.one_of(WORDS, LONG, UNBROKEN), st.integers(1, 9)),
    st.builds(lambda text: list(assemble.code(text)), st.one_of(WORDS, LONG)),
    st.builds(lambda rows: list(assemble.table(rows)), st.lists(st.lists(WORDS, min_size=1, max_size=4), max_size=30)),
    st.builds(
        lambda texts: list(assemble.listing([Item(n % 3, "-", text) for n, text in enumerate(texts)])),
        st.lists(st.one_of(WORDS, LONG), max_size=12),
    ),
)
DOCUMENTS = st.lists(PIECES, max_size=14).map(lambda groups: assemble.assemble([p for group in groups for p in group]))


# checklist 20
@given(DOCUMENTS, st.sampled_from([16, 40, 128, 512]))
def test_every_character_of_every_block_is_in_exactly_one_chunk(parsed: ParsedDocument, limit: int) -> None:
    chunks = chunk(parsed, max_tokens=limit)

    covered = bytearray(len(parsed.text))
    for one in chunks:
        covered[one.start : one.end] = bytes(value + 1 for value in covered[one.start : one.end])
    for block in parsed.blocks:
        for at in range(block.start, block.end):
            assert covered[at] == 1 or parsed.text[at].isspace()


# checklist 20
@given(DOCUMENTS, st.sampled_from([16, 40, 128, 512]))
def test_chunks_are_exact_slices_within_the_limit_and_in_order(parsed: ParsedDocument, limit: int) -> None:
    chunks = chunk(parsed, max_tokens=limit)

    assert [one.position for one in chunks] == list(range(len(chunks)))
    assert all(above.end <= below.start for above, below in pairwise(chunks))
    for one in chunks:
        assert one.content == parsed.text[one.start : one.end] == one.content.strip() != ""
        assert one.tokens == tokens.count(one.content) <= limit
        first = next(block for block in parsed.blocks if block.start <= one.start < block.end)
        assert one.page == first.page


@given(st.lists(st.text(alphabet="ab cd.", min_size=1, max_size=50), min_size=1, max_size=8))
def test_chunking_is_repeatable(texts: list[str]) -> None:
    parsed = assemble.assemble(piece for text in texts for piece in assemble.paragraph(text))

    assert chunk(parsed, max_tokens=32) == chunk(parsed, max_tokens=32)


def _document(*groups: list[Piece]) -> ParsedDocument:
    return assemble.assemble(piece for group in groups for piece in group)


def _paragraph(sentences: int, word: str = "ferry") -> list[Piece]:
    return list(assemble.paragraph(" ".join(f"The {word} number {n} sails at dawn." for n in range(sentences)), 1))


def test_a_heading_goes_with_what_follows_it() -> None:
    parsed = _document(
        _heading("Guide", 1, 1),
        _heading("Fares", 2, 1),
        _paragraph(20),
        _heading("Dogs", 2, 2),
        _paragraph(20),
    )

    fares, dogs = chunk(parsed)

    assert fares.content.startswith("# Guide\n\n## Fares\n\nThe ferry number 0")
    assert fares.heading_path == ("Guide", "Fares")
    assert dogs.content.startswith("## Dogs\n\nThe ferry")
    assert (dogs.heading_path, dogs.page) == (("Guide", "Dogs"), 2)


def test_a_heading_stays_with_a_paragraph_that_fills_a_whole_chunk() -> None:
    parsed = _document(_heading("Timetable of the summer", 1, 1), _paragraph(200))

    chunks = chunk(parsed, max_tokens=100)

    assert chunks[0].content.startswith("# Timetable of the summer\n\nThe ferry number 0")
    assert all(one.content.endswith(".") for one in chunks)


def test_small_blocks_under_one_heading_share_a_chunk_and_sections_do_not() -> None:
    parsed = _document(
        _heading("One", 1, 1),
        _paragraph(6),
        _paragraph(6),
        _heading("Two", 1, 1),
        _paragraph(6, "boat"),
        _paragraph(6),
    )

    chunks = chunk(parsed)

    assert [one.heading_path for one in chunks] == [("One",), ("Two",)]
    assert "boat" not in chunks[0].content


def test_a_tiny_section_joins_its_neighbour_under_the_same_chapter_first() -> None:
    parsed = _document(
        _heading("One", 1, 1),
        _paragraph(10),
        _heading("Two", 1, 2),
        _heading("Small", 2, 2),
        _paragraph(1),
        _heading("Large", 2, 2),
        _paragraph(10, "boat"),
    )

    one, two = chunk(parsed)

    assert one.heading_path == ("One",)
    assert two.heading_path == ("Two",)
    assert two.content.startswith("# Two\n\n## Small\n\nThe ferry number 0 sails at dawn.\n\n## Large\n\nThe boat")


def test_a_table_is_cut_between_rows_and_each_part_has_the_header() -> None:
    rows = [["Route", "Fare"], *([f"R{n} from Port Aldwin to Skerrow", f"{n}.50 euros"] for n in range(120))]
    parsed = _document(_heading("Fares", 1, 1), list(assemble.table(rows)))

    chunks = chunk(parsed, max_tokens=512)

    assert len(chunks) > 3
    for one in chunks:
        assert one.content_type == "table"
        body = [line for line in one.content.split("\n") if line.startswith("|")]
        assert body[0] == "| Route | Fare |"
        assert all(line.endswith(" |") for line in body)


def test_a_list_is_cut_between_items() -> None:
    items = [Item(0, f"{n}.", f"Check the lifejacket number {n} and write down what you found") for n in range(1, 80)]
    parsed = _document(list(assemble.listing(items)))

    chunks = chunk(parsed, max_tokens=128)

    assert len(chunks) > 5
    assert all(one.content[0].isdigit() and one.content.endswith("found") for one in chunks)
    assert {one.content_type for one in chunks} == {"list"}


def test_a_word_without_end_is_cut_between_tokens() -> None:
    parsed = _document(list(assemble.paragraph("x=" * 5_000)))

    chunks = chunk(parsed, max_tokens=64)

    assert "".join(one.content for one in chunks) == "x=" * 5_000
    assert max(one.tokens for one in chunks) <= 64


def test_parts_of_a_long_section_are_of_even_size() -> None:
    parsed = _document(_heading("Log", 1, 1), *(_paragraph(8) for _ in range(9)))

    sizes = [one.tokens for one in chunk(parsed, max_tokens=256)]

    assert len(sizes) > 2
    assert min(sizes) > 100


def test_a_document_without_blocks_has_no_chunks() -> None:
    assert chunk(ParsedDocument("", ())) == []


def test_a_limit_too_small_to_hold_anything_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        chunk(ParsedDocument("", ()), max_tokens=15)
