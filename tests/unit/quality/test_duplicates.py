"""The fast join must say exactly what naive Python sets say, on friendly and hostile texts."""

from __future__ import annotations

import random
from fractions import Fraction
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.quality import duplicates, odd_sketches
from dataforge.quality.duplicates import Duplicate, near_duplicates
from dataforge.quality.odd_sketches import trigrams
from dataforge.text.normal_forms import normalise


def naive(texts: list[str], threshold: Fraction = Fraction(7, 10), against: list[str] | None = None) -> list[Duplicate]:
    """The definition, spelled out with Python sets: greedy in order, most similar kept record, earliest of ties."""

    def grams(text: str) -> frozenset[str]:
        text = normalise(text)
        return frozenset(text[i : i + 3] for i in range(len(text) - 2)) if len(text) > 2 else frozenset([text])

    kept = [(i, True, grams(text)) for i, text in enumerate(against or [])]
    found = []
    for index, text in enumerate(texts):
        mine = grams(text)
        best: tuple[Fraction, int, bool] | None = None
        for of, known, other in kept:
            overlap = len(mine & other)
            if overlap == 0:
                continue
            jaccard = Fraction(overlap, len(mine) + len(other) - overlap)
            if jaccard > threshold and (best is None or jaccard > best[0]):
                best = jaccard, of, known
        if best:
            found.append(Duplicate(index, best[1], float(best[0]), best[2]))
        else:
            kept.append((index, False, mine))
    return found


def copies(draw: st.DrawFn) -> list[str]:
    """Texts of which many are slight edits of one another, in any script."""
    alphabet = draw(st.sampled_from(["ab", "abcde ", "aAäÄß ", "日本語です。", "🙂👍x\ud800", "the leave of days "]))
    texts = draw(st.lists(st.text(alphabet, max_size=60), min_size=1, max_size=12))
    for _ in range(draw(st.integers(0, 12))):
        text = draw(st.sampled_from(texts))
        at = draw(st.integers(0, len(text)))
        texts.append(text[:at] + draw(st.text(alphabet, max_size=3)) + text[at + draw(st.integers(0, 3)) :])
    return draw(st.permutations(texts))


@settings(max_examples=100, deadline=None)
@given(st.composite(copies)(), st.composite(copies)())
def test_looking_up_keeps_nothing(texts: list[str], against: list[str]) -> None:
    screen = duplicates.Screen(against=against)
    alone = [Duplicate(n, d.of, d.similarity, True) for n, t in enumerate(texts) for d in naive([t], against=against)]

    assert screen.find(texts) == alone
    assert screen.find(texts) == alone
    assert duplicates.Screen().find(texts) == []


# checklist 105
@settings(max_examples=300, deadline=None)
@given(st.composite(copies)(), st.composite(copies)())
def test_equals_naive_sets_on_hostile_texts(texts: list[str], against: list[str]) -> None:
    assert near_duplicates(texts) == naive(texts)
    assert near_duplicates(texts, against=against) == naive(texts, against=against)


@settings(max_examples=60, deadline=None)
@given(st.composite(copies)(), st.fractions(min_value="1/10", max_value="19/20", max_denominator=20))
def test_equals_naive_sets_at_any_threshold(texts: list[str], threshold: Fraction) -> None:
    assert near_duplicates(texts, threshold=threshold) == naive(texts, threshold=threshold)


@settings(max_examples=100, deadline=None)
@given(st.composite(copies)(), st.composite(copies)(), st.integers(1, 7), st.integers(1, 7))
def test_bit_by_bit_and_from_disk_is_the_same(texts: list[str], against: list[str], piece: int, segment: int) -> None:
    with mock.patch.multiple(duplicates, _IN_MEMORY=200, _SEGMENT=segment):
        screen = duplicates.Screen(against=iter(against))
        found = [d for at in range(0, len(texts), piece) for d in screen.check(texts[at : at + piece])]

    assert found == naive(texts, against=against)


@settings(max_examples=100, deadline=None)
@given(st.composite(copies)(), st.integers(1, 5), st.integers(1, 5), st.integers(1, 40))
def test_the_size_of_portions_changes_nothing(texts: list[str], tile: int, step: int, at_once: int) -> None:
    with (
        mock.patch.multiple(odd_sketches, TILE=tile, STEP=step, AT_ONCE=at_once),
        mock.patch.object(duplicates, "_BLOCK", 7),
    ):
        found = near_duplicates(texts)

    assert found == naive(texts)


@pytest.mark.parametrize("words", [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
def test_a_folded_sketch_never_differs_more_than_the_sets(words: int) -> None:
    rng = random.Random(words)
    base = "".join(rng.choices("abcdefgh ", k=words * 60))
    texts = [base, *(base[:at] + "#" + base[at + 1 :] for at in range(0, len(base), len(base) // 8)), "a", ""]
    sets = [set(trigrams(text).tolist()) for text in texts]

    sizes, sketches = next(odd_sketches.sketched(texts, 64))
    folded = odd_sketches.fold(sketches, words)

    assert sizes.tolist() == [len(grams) for grams in sets]
    for one, mine in enumerate(sets):
        for other, theirs in enumerate(sets):
            differing = sum(int(word).bit_count() for word in folded[:, one] ^ folded[:, other])
            assert differing <= len(mine ^ theirs)
            assert (len(mine ^ theirs) - differing) % 2 == 0


# checklist 105
def test_equals_naive_sets_across_blocks_and_sizes() -> None:
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghij", k=rng.randint(2, 9))) for _ in range(400)]
    texts = [" ".join(rng.choices(words, k=int(rng.lognormvariate(1.2, 0.7)) + 1)) for _ in range(1900)]
    for _ in range(300):
        parts = rng.choice(texts).split()
        parts.append(rng.choice(words)[:2])
        texts.insert(rng.randrange(len(texts)), " ".join(parts))

    found = near_duplicates(texts)

    assert len(found) > 100
    assert found == naive(texts)


@pytest.mark.parametrize(("shared", "reported"), [(7, False), (8, True)])
def test_exactly_seven_tenths_is_no_duplicate(shared: int, reported: bool) -> None:
    """Ten trigrams in the union, seven shared: J = 0.7, not above; with eight it is above."""
    first = "".join(chr(ord("a") + i) for i in range(shared + 2))
    second = first + "0123456789"[: 10 - shared]
    assert len(trigrams(first)) == shared
    assert len(trigrams(second)) == 10

    found = near_duplicates([first, second])

    assert bool(found) is reported


def test_texts_shorter_than_a_trigram_equal_only_themselves() -> None:
    found = near_duplicates(["", "a", "ab", "abc", " ", "A", "ab ", "b"])

    assert [(d.index, d.of, d.similarity) for d in found] == [(4, 0, 1.0), (5, 1, 1.0), (6, 2, 1.0)]


def test_case_width_and_white_space_do_not_hide_a_copy() -> None:
    found = near_duplicates(["What is an  SLA?", "ｗｈａｔ is\nan sla?"])

    assert found == [Duplicate(1, 0, 1.0)]


def test_all_equal_keeps_the_first() -> None:
    found = near_duplicates(["How many days of leave are there?"] * 5000)

    assert [d.index for d in found] == list(range(1, 5000))
    assert {d.of for d in found} == {0}


def test_look_alikes_that_were_all_kept_before_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_SEGMENT", 50)
    against = [f"Request number {i:05d} about the annual leave policy, and who approves it." for i in range(300)]
    texts = [against[250] + "!", against[7], against[123].upper(), "Who approves travel?", against[299], against[0]]

    assert near_duplicates(texts, against=against) == naive(texts, against=against)


def test_a_cluster_of_look_alikes_is_compared_with_its_first_only() -> None:
    texts = [f"Request number {i:05d} about the annual leave policy, and who approves it." for i in range(4000)]

    found = near_duplicates(texts)

    assert len(found) >= 3990


def test_accepted_records_of_the_project_count_as_kept() -> None:
    found = near_duplicates(["Who approves travel?", "What is an SLA?"], against=["x", "who approves  travel?"])

    assert found == [Duplicate(0, 1, 1.0, known=True)]


def test_very_long_texts_are_screened_too() -> None:
    rng = random.Random(3)
    long = ["".join(chr(rng.randrange(0x4E00, 0x5E00)) for _ in range(40_000)) for _ in range(3)]

    found = near_duplicates([*long, long[1][:-400] + "x"])

    assert [(d.index, d.of) for d in found] == [(3, 1)]


def test_nothing_in_nothing_out() -> None:
    assert near_duplicates([]) == []
    assert near_duplicates([], against=["a"]) == []
