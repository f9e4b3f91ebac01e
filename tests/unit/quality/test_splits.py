"""Parts of a dataset: apart from each other, near their shares, the same for the same seed."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.quality import splits
from dataforge.quality.splits import Placed, Splits

SHARES = {"train": 80, "validation": 10, "test": 10}
_WORDS = [
    "harbour",
    "crane",
    "lamp",
    "whistle",
    "ferry",
    "seal",
    "gate",
    "tide",
    "rope",
    "shed",
    "pier",
    "tank",
    "diver",
    "form",
    "invoice",
    "winter",
]


def record(n: int, document: str, chunk: str, *more: str) -> Placed:
    """A text of its own: no two of them are alike."""
    rng = random.Random(n)
    text = " ".join(rng.sample(_WORDS, 6)) + f" {rng.getrandbits(80):x}"
    return Placed(text, (document,), (chunk, *more))


def many(documents: int, chunks: int, each: int) -> list[Placed]:
    return [
        record(n, f"d{d}", f"d{d}c{c}")
        for n, (d, c) in enumerate((d, c) for d in range(documents) for c in range(chunks) for _ in range(each))
    ]


def split(records: Sequence[Placed], shares: dict[str, int] = SHARES, seed: int = 1) -> Splits:
    return splits.split(lambda: records, shares, seed)


def parts_of(records: Sequence[Placed], made: Splits, level: str) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for one, part in zip(records, made.parts, strict=True):
        for key in getattr(one, level):
            found[key].add(part)
    return found


def test_documents_stay_whole_and_shares_are_met() -> None:
    records = many(documents=50, chunks=4, each=2)

    made = split(records)

    assert {name: made.count(name) for name in SHARES} == {"train": 320, "validation": 40, "test": 40}
    assert made.by == "documents"
    assert all(len(parts) == 1 for parts in parts_of(records, made, "documents").values())
    assert splits.leaks(lambda: records, made) == splits.Leaks(0, 0, 0)
    assert made.notes == []


@pytest.mark.parametrize("documents", [1, 2])
def test_few_documents_are_taken_apart_by_chunks_and_this_is_said(documents: int) -> None:
    records = many(documents, chunks=40, each=3)

    made = split(records)

    assert made.by == "chunks"
    assert all(len(parts) == 1 for parts in parts_of(records, made, "chunks").values())
    assert abs(made.count("validation") / len(records) - 0.1) <= 0.05
    assert made.notes[0].startswith("By chunks")


def test_partners_of_multi_hop_records_stay_together() -> None:
    records = many(documents=1, chunks=30, each=2)
    records += [record(1000 + n, "d0", f"d0c{n}", f"d0c{n + 1}") for n in (3, 4, 11)]

    made = split(records)

    parts = parts_of(records, made, "chunks")
    assert all(len(found) == 1 for found in parts.values())
    assert parts["d0c3"] == parts["d0c4"] == parts["d0c5"]


def test_records_that_are_nearly_alike_stay_together_in_chains_too() -> None:
    """A is like B, B like C, but A not like C."""
    chain = [" ".join(_WORDS[n : n + 11]) + " of the old harbour by the sea" for n in range(5)]
    records = many(documents=40, chunks=1, each=2)
    records += [Placed(text, (f"x{n}",), (f"x{n}c",)) for n, text in enumerate(chain)]

    made = split(records)

    assert len(set(made.parts[-5:])) == 1
    assert splits.leaks(lambda: records, made).similar == 0


def test_the_same_text_in_other_case_stays_together_however_many_records() -> None:
    records = [*many(30, 1, 1), Placed("The GATE opens", ("a",), ("a",)), Placed("the gate  opens", ("b",), ("b",))]

    made = split(records)

    assert made.parts[-1] == made.parts[-2]


def test_a_seed_gives_the_same_parts_and_another_one_others() -> None:
    records = many(40, 2, 2)

    assert split(records, seed=3).parts == split(records, seed=3).parts
    assert split(records, seed=3).parts != split(records, seed=4).parts


def test_what_cannot_be_taken_apart_is_said() -> None:
    records = [Placed(f"The gate opens at {n} in the morning on Sundays", ("d",), (f"c{n % 2}",)) for n in range(9)]

    made = split(records)

    assert any("no records" in note for note in made.notes)
    assert splits.leaks(lambda: records, made) == splits.Leaks(0, 0, 0)


def test_leaks_are_seen() -> None:
    records = [record(1, "a", "a1"), record(2, "a", "a1"), Placed("same text here", ("b",), ("b1",)),
               Placed("same text here", ("c",), ("c1",))]  # fmt: skip
    made = Splits(("train", "test"), bytearray([0, 1, 0, 1]))

    assert splits.leaks(lambda: records, made) == splits.Leaks(documents=1, chunks=1, similar=1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=60),
    st.integers(0, 99),
)
def test_no_chunk_or_similar_text_is_ever_in_two_parts(places: list[tuple[int, int, int]], seed: int) -> None:
    records = [
        Placed(" ".join(_WORDS[w : w + 6]) + f" {d}", (f"d{d}",), (f"d{d}c{c}", f"d{(d + w) % 7}c{c}"))
        for d, c, w in places
    ]

    made = split(records, seed=seed)

    assert splits.leaks(lambda: records, made) == splits.Leaks(0, 0, 0)
    assert len(made.parts) == len(records)
