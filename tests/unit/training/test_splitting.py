"""Training and validation lines: whole groups, the asked share, and nothing that is measured was learnt."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataforge.quality.duplicates import THRESHOLD
from dataforge.quality.odd_sketches import trigrams
from dataforge.training import splitting
from dataforge.training.splitting import LEFT_OUT, TRAIN, VALIDATION, Asked, Split, split

WORDS = ["harbour", "ferry", "gate", "pier", "crew", "deck", "lamp", "rope", "tide", "island", "clerk", "fare", "bell"]


def prompts(count: int, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return [f"{n} {' '.join(rng.choices(WORDS, k=8))} {rng.random()}?" for n in range(count)]


def made(asked: list[Asked], share: float = 0.2, seed: int = 42) -> Split:
    return split(lambda: asked, share, seed)


def near(one: str, other: str) -> bool:
    a, b = set(trigrams(one).tolist()), set(trigrams(other).tolist())
    return len(a & b) / len(a | b) > THRESHOLD


def leaks(asked: list[Asked], found: Split) -> list[tuple[str, str]]:
    sides = list(zip(asked, found.sides, strict=True))
    learnt = [a.prompt for a, side in sides if side == TRAIN]
    return [(a.prompt, b) for a, side in sides if side == VALIDATION for b in learnt if near(a.prompt, b)]


def test_the_share_is_held_back_and_the_seed_decides_which() -> None:
    asked = [Asked(p) for p in prompts(100)]

    assert made(asked).count(VALIDATION) == 20
    assert made(asked).sides == made(asked).sides
    assert made(asked).sides != made(asked, seed=7).sides
    assert made(asked, share=0).count(TRAIN) == 100
    assert made(asked, share=0.999).count(TRAIN) == 1


def test_lines_of_one_source_stay_together() -> None:
    asked = [Asked(p, f"doc_{n % 20}") for n, p in enumerate(prompts(200))]
    found = made(asked)
    validated = {a.source for a, side in zip(asked, found.sides, strict=True) if side == VALIDATION}
    learnt = {a.source for a, side in zip(asked, found.sides, strict=True) if side == TRAIN}

    assert (len(validated), len(learnt), validated & learnt) == (4, 16, set())


def test_lines_that_are_all_of_one_source_are_split_all_the_same_and_it_is_said() -> None:
    found = made([Asked(p, "doc_1") for p in prompts(50)])

    assert found.count(VALIDATION) == 10
    assert found.notes == [splitting.ONE_SOURCE]


def test_no_prompt_is_on_both_sides_not_even_nearly() -> None:
    asked = [Asked(f"{p}{' ' * (n % 3)}{'!' * n}") for p in prompts(40) for n in range(5)]
    found = made(asked)

    assert found.count(VALIDATION) == 40
    assert leaks(asked, found) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(alphabet="abc ", max_size=14), st.sampled_from([None, "x", "y", "z"])), max_size=30),
    st.floats(0, 0.99),
    st.integers(0, 5),
)
def test_nothing_leaks_whatever_the_lines_are(lines: list[tuple[str, str | None]], share: float, seed: int) -> None:
    asked = [Asked(prompt, source) for prompt, source in lines]
    found = made(asked, share, seed)

    assert splitting.ALIKE in found.notes or leaks(asked, found) == []
    sides = {side: {a.prompt.strip() for a, s in zip(asked, found.sides, strict=True) if s == side} for side in (0, 1)}
    assert not sides[TRAIN] & sides[VALIDATION]
    assert len(found.sides) == len(asked)
    assert not asked or found.count(TRAIN) > 0


def chain(length: int) -> list[Asked]:
    """Each prompt is like the next one, and not like those further on."""
    return [Asked("".join(chr(0x4E00 + n * 5 + k) for k in range(40))) for n in range(length)]


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_of_prompts_beside_others_does_not_leak(seed: int) -> None:
    asked = [*chain(6), *map(Asked, prompts(60))]
    found = made(asked, 0.3, seed)

    assert near(asked[0].prompt, asked[1].prompt)
    assert not near(asked[0].prompt, asked[3].prompt)
    assert leaks(asked, found) == []
    assert found.count(VALIDATION) >= 12


def test_where_nothing_but_a_long_chain_could_be_split_it_is_said() -> None:
    assert made(chain(120), 0.3).notes == [splitting.ALIKE]


def test_of_very_many_lines_the_same_prompts_stay_together_and_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "MOST_COMPARED", 50)
    asked = [Asked(p.upper() if n else p) for p in prompts(60) for n in range(2)]
    found = made(asked)
    validated = {a.prompt.lower() for a, side in zip(asked, found.sides, strict=True) if side == VALIDATION}
    learnt = {a.prompt.lower() for a, side in zip(asked, found.sides, strict=True) if side == TRAIN}

    assert (len(validated), validated & learnt) == (12, set())
    assert "prompts were compared for being the same" in found.notes[0]


def test_prompts_that_are_all_nearly_the_same_are_split_all_the_same_and_it_is_said() -> None:
    found = made([Asked("What time does the ferry to the island leave?" + "?" * n) for n in range(12)])
    same = made([Asked("What time is it?")] * 12)

    assert (found.count(TRAIN), found.count(VALIDATION), found.notes) == (10, 2, [splitting.ALIKE])
    assert (same.count(TRAIN), same.notes) == (12, ["No validation lines: all prompts are the same"])


def test_one_line_that_differs_from_all_others_is_not_all_that_is_held_back() -> None:
    alike = [Asked("What time does the ferry to the island leave?" + "?" * n) for n in range(39)]
    found = made([*alike, Asked("Who keeps the keys of the northern gate?")])

    assert (found.count(VALIDATION), found.notes) == (8, [splitting.ALIKE])


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ({"metadata": {"documentId": "doc_1"}}, "documentId:doc_1"),
        ({"chunk_id": "chunk_1"}, "chunk_id:chunk_1"),
        ({"input": "Q"}, None),
    ],
)
def test_what_a_line_was_made_of(line: dict[str, object], source: str | None) -> None:
    assert splitting.source_of(line) == source


def test_questions_about_one_passage_are_of_one_source() -> None:
    one, other = ({"context": "C", "question": q, "answers": ["x"]} for q in "ab")

    assert splitting.source_of(one) == splitting.source_of(other) is not None


def test_left_out_lines_are_on_no_side() -> None:
    assert len({LEFT_OUT, TRAIN, VALIDATION}) == 3
