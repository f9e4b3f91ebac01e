"""From everything that could be asked about a passage to an ordered list of different, sound pairs.

The order is fixed by the passage alone: the pair for ordinal k is the k-th, whoever asks and whenever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

from dataforge.quality.checks import failing
from dataforge.quality.checks.record import CheckedRecord
from dataforge.records import Difficulty, Draft, Passage
from dataforge.teachers.extractive import scene as scenes
from dataforge.teachers.extractive import statements
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.circumstances import circumstances
from dataforge.teachers.extractive.definitions import definitions, differences
from dataforge.teachers.extractive.lists import lists
from dataforge.teachers.extractive.phrases import phrases
from dataforge.teachers.extractive.quantities import quantities
from dataforge.teachers.extractive.roles import roles
from dataforge.teachers.extractive.scene import Scene
from dataforge.teachers.extractive.sections import sections
from dataforge.teachers.extractive.subjects import pointed, polar, subjects
from dataforge.teachers.extractive.tables import tables
from dataforge.teachers.extractive.wording import is_sound, upper_first
from dataforge.text.normal_forms import normalise

_SOUND = (
    "empty_answer", "question_too_short", "answer_too_long", "truncated", "unclosed_code", "prompt_leak", "refusal",
    "role_tokens", "placeholder", "question_repeated", "giveaway_question", "dangling_reference", "refers_to_passage",
)  # fmt: skip
"""The checks that a pair must not fail to be offered."""
_WANTED: dict[Difficulty, float] = {"easy": 0.3, "medium": 0.5, "hard": 0.2}
_SENTENCE_AT_MOST, _ROW_AT_MOST, _TABLE_AT_MOST, _SHAPE_AT_MOST = 2, 3, 14, 4
"""Pairs from one sentence; from one table row; cells and rows in all; those of the same four first words."""
_OF_JOINED = (phrases, pointed)
_YES_AT_MOST = 7
"""One plain "yes" to so many other pairs: a dataset must not teach to say yes."""
_OF_SENTENCES = (definitions, quantities, circumstances, roles, phrases, subjects, polar)


@lru_cache(maxsize=2048)
def ranked(content: str, headings: tuple[str, ...], content_type: str) -> tuple[Draft, ...]:
    """All pairs that can be made of the passage, the best and most varied first."""
    if content_type == "code":
        return ()
    scene = scenes.read(Passage(content, headings))
    if not scene.english:
        return ()
    return tuple(
        Draft(c.question, c.answer, c.kind, c.difficulty, c.evidence) for c in _pick(_sound(offered(scene), content))
    )


def offered(scene: Scene) -> Iterator[Candidate]:
    said = statements.read(scene)
    for statement in said:
        for make in _OF_JOINED if statement.joined else _OF_SENTENCES:
            yield from make(statement, scene)
    alone = [s for s in said if not s.joined]
    yield from differences(alone, scene)
    yield from sections(scene, alone)
    for listing in scene.lists:
        yield from lists(listing, scene)
    for table in scene.tables:
        yield from tables(table, scene)


def _sound(found: Iterable[Candidate], content: str) -> Iterator[Candidate]:
    for c in found:
        question = upper_first(" ".join(c.question.split()))
        if (
            is_sound(question, own=c.kind == "faq")
            and all(e in content for e in c.evidence)
            and not failing(CheckedRecord(question, c.answer, passage=content), _SOUND)
        ):
            yield Candidate(
                question=question,
                answer=c.answer,
                kind=c.kind,
                difficulty=c.difficulty,
                evidence=c.evidence,
                worth=c.worth,
            )


def _pick(found: Iterable[Candidate]) -> list[Candidate]:
    """Greedy: worth, less what has been had already of its kind and place, more for a difficulty that is short."""
    pool = sorted({c.question: c for c in found}.values(), key=lambda c: -c.worth)
    shapes = {c.question: grams(f"{c.question}\n{c.answer}") for c in pool}
    chosen: list[Candidate] = []
    had: Counter[str] = Counter()

    def value(c: Candidate) -> float:
        short = _WANTED[c.difficulty] - had[c.difficulty] / (len(chosen) or 1)
        return (
            c.worth
            - 0.25 * had[_place(c)]
            - 0.05 * had[c.kind]
            - 0.1 * (had[_shape(c)] if c.kind == "table" else 0)
            + 0.2 * short
        )

    while pool:
        best = max(pool, key=value)
        pool.remove(best)
        plain_yes = best.kind == "yes-no" and best.answer.startswith("Yes") and best.worth < 0.5
        if plain_yes and (had["plain yes"] + 1) * _YES_AT_MOST > len(chosen) + 4:
            continue
        if _is_full(best, had) or any(alike(shapes[best.question], shapes[c.question]) for c in chosen):
            continue
        chosen.append(best)
        had["plain yes"] += plain_yes
        had.update((_place(best), best.kind, best.difficulty, _shape(best)))
    return chosen


def _is_full(c: Candidate, had: Counter[str]) -> bool:
    if c.kind == "table" and (had["table"] >= _TABLE_AT_MOST or had[_shape(c)] >= _SHAPE_AT_MOST):
        return True
    return had[_place(c)] >= (_ROW_AT_MOST if _place(c).startswith("|") else _SENTENCE_AT_MOST)


def _place(c: Candidate) -> str:
    """The sentence or table row it is about; what is about several rows has a place of its own."""
    return (
        f"? {c.question}"
        if len(c.evidence) > 1 and c.evidence[0].startswith("|") and c.difficulty == "hard"
        else c.evidence[-1]
    )


def _shape(c: Candidate) -> str:
    """Cells of one column begin alike."""
    return " ".join(("table", *c.question.split()[:4])) if c.kind == "table" else ""


def grams(text: str) -> frozenset[str]:
    text = normalise(text)
    return frozenset(text[i : i + 3] for i in range(len(text) - 2))


def alike(a: frozenset[str], b: frozenset[str]) -> bool:
    """What `quality.duplicates` would reject: trigram Jaccard above 0.7."""
    if 10 * min(len(a), len(b)) <= 7 * max(len(a), len(b)):
        return False
    return 17 * len(a & b) > 7 * (len(a) + len(b))
