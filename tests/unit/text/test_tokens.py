"""Token counts: the shipped ranks are the pinned ones, and no text breaks the encoder."""

from __future__ import annotations

import gzip
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge import tokens

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("hello world", [24912, 2375]),
        ("tiktoken is great!", [83, 8251, 2488, 382, 2212, 0]),
    ],
)
def test_known_encodings(text: str, expected: list[int]) -> None:
    assert tokens.encoding().encode_ordinary(text) == expected
    assert tokens.count(text) == len(expected)


def test_special_tokens_are_plain_text() -> None:
    assert tokens.count("<|endoftext|>") > 1


def test_a_damaged_rank_file_is_refused() -> None:
    packed = resources.files("dataforge").joinpath("data", "o200k_base.tiktoken.gz").read_bytes()
    damaged = gzip.compress(gzip.decompress(packed).replace(b"IQ== 0", b"IQ== 1", 1))

    with pytest.raises(ValueError, match="sha256"):
        tokens.ranks(damaged)


@given(TEXTS)
def test_the_encoding_gives_back_what_it_was_given(text: str) -> None:
    encoded = tokens.encoding().encode_ordinary(text)

    assert tokens.encoding().decode(encoded) == text
    assert tokens.count(text) == len(encoded) <= tokens.MOST_PER_CHARACTER * len(text)


@pytest.mark.parametrize("one", [" ", "a", "^", "\n", "é", "字", "\ud800", "😀"])
def test_long_runs_of_one_character_are_counted(one: str) -> None:
    assert 0 < tokens.count(one * 300_000) <= tokens.MOST_PER_CHARACTER * 300_000


def test_a_long_text_counts_as_the_sum_of_its_sentences() -> None:
    sentence = " The ferry leaves the harbour at seven."

    assert tokens.count(sentence * 5_000) == tokens.count(sentence) * 5_000


@given(TEXTS.filter(bool), st.integers(min_value=4, max_value=40))
def test_a_prefix_fits_its_limit(text: str, limit: int) -> None:
    end = tokens.prefix(text, limit)

    assert 1 <= end <= len(text)
    assert tokens.count(text[:end]) <= limit
    assert end == len(text) or tokens.count(text) > limit


def test_a_prefix_too_short_for_one_character_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        tokens.prefix("text", 3)
