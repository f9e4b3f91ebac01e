"""Chunks that belong together: by rare terms, never neighbours or copies, in a bounded time and memory."""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataforge.recipes.relating import MOST_USES, ChunkPlace, related


def word(number: int) -> str:
    """Letters only: digits would be a token of their own."""
    return "q" + "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "x"


COMMON = [word(n) for n in range(120)]


def prose(rng: random.Random, *rare: str, words: int = 60) -> str:
    said = [*rng.sample(COMMON, words), *rare]
    rng.shuffle(said)
    return " ".join(said)


def places(texts: list[str], *, per_document: int = 1) -> list[tuple[ChunkPlace, str]]:
    return [(ChunkPlace(f"c{n}", f"d{n // per_document}", n % per_document), text) for n, text in enumerate(texts)]


def test_those_that_share_rare_terms_are_found_and_the_others_are_not() -> None:
    rng = random.Random(1)
    texts = [prose(rng) for _ in range(40)]
    texts[3] += " lighthouse keeper Gundersen oil"
    texts[29] += " Gundersen pension lighthouse"
    texts[11] += " dredger Margarethe"
    texts[12] += " tender"

    assert related(places(texts)) == [("c3", "c29")]


def test_neighbours_and_copies_are_not_joined() -> None:
    rng = random.Random(2)
    texts = [prose(rng) for _ in range(30)]
    texts[4] += " lighthouse Gundersen"
    texts[5] += " lighthouse Gundersen"
    copied = prose(rng, "dredger", "Margarethe", words=110)
    texts[8], texts[20] = copied, copied + " and a word"

    assert related(places(texts, per_document=10)) == []
    assert related(places(texts)) == [("c4", "c5")]


@given(st.lists(st.lists(st.sampled_from([word(n) for n in range(30)]), max_size=12), max_size=40))
def test_pairs_are_of_two_chunks_each_once_evenly_and_the_same_again(words: list[list[str]]) -> None:
    asked = places([" ".join(w) for w in words], per_document=5)

    found = related(asked)

    assert found == related(asked)
    assert len({frozenset(p) for p in found}) == len(found)
    assert all(a != b for a, b in found)
    assert max(Counter(c for p in found for c in p).values(), default=0) <= MOST_USES
    document = {p.chunk_id: (p.document_id, p.position) for p, _ in asked}
    for a, b in found:
        (d1, p1), (d2, p2) = document[a], document[b]
        assert d1 != d2 or abs(p1 - p2) > 1


def test_no_chunk_is_in_a_second_pair_before_all_that_can_be_are_in_one() -> None:
    rng = random.Random(3)
    texts = [prose(rng, *(word(1000 + 3 * (n // 6) + x) for x in range(3))) for n in range(120)]

    found = related(places(texts))

    assert len({c for pair in found[:30] for c in pair}) == 60


@pytest.mark.slow
def test_twice_the_chunks_take_about_twice_the_time_and_little_memory() -> None:
    """The work is not the square of the chunks."""
    vocabulary = [word(n) for n in range(40_000)]
    weights = [1 / (n + 10) for n in range(40_000)]
    rng = random.Random(4)
    texts = [" ".join(rng.choices(vocabulary, weights, k=90)) for _ in range(4000)]
    related(places(texts[:100]))
    gc.collect()
    gc.disable()  # what other tests left in memory is not looked through meanwhile

    started = time.process_time()
    half = related(places(texts[:2000]))
    between = time.process_time()
    whole = related(places(texts))
    ended = time.process_time()
    gc.enable()

    assert len(half) > 500
    assert len(whole) > 1500
    assert ended - between < 4 * (between - started)
    tracemalloc.start()
    related(iter(places(texts[:1000])))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * 2**20
