"""Headings with what stands under them: questions in the text itself, how-to sections, the rules on a subject."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dataforge.teachers.extractive import english
from dataforge.teachers.extractive.candidate import Candidate
from dataforge.teachers.extractive.scene import Scene, Sentence
from dataforge.teachers.extractive.statements import Statement
from dataforge.teachers.extractive.verbs import base_of
from dataforge.teachers.extractive.wording import topic

MOST_SENTENCES, MOST_WORDS = 6, 110
_RULE = re.compile(
    r"\b(?:must|may|shall|should|cannot|not allowed|forbidden|required|only|at least|at most|up to|within|"
    r"need(?:s|ed)?|"
    r"is paid|are paid|entitled|free of charge|limit)\b"
)
_ASKED = re.compile(
    r"^(?:Q(?:uestion)?\s*[:.]\s*)?(?P<q>(?:What|How|When|Where|Who|Why|Which|Can|Do|Does|Is|Are|Must|May|Should|"
    r"Will)\b[^?]{4,140}\?)\s*$"
)


def sections(scene: Scene, statements: Sequence[Statement]) -> Iterator[Candidate]:
    by_heading: dict[tuple[str, ...], list[Sentence]] = {}
    for sentence in scene.sentences:
        by_heading.setdefault(sentence.headings, []).append(sentence)
    for headings, group in by_heading.items():
        if headings:
            yield from _asked_by_heading(headings[-1], group)
            yield from _how_to(headings[-1], group)
            yield from _explained(headings, group, statements, scene)
    yield from _asked_in_text(scene)
    yield from _rules(by_heading, statements, scene)


def _asked_by_heading(heading: str, group: Sequence[Sentence]) -> Iterator[Candidate]:
    found = _ASKED.match(heading)
    body = _body(group)
    if found and body:
        yield Candidate(
            question=found["q"],
            answer=" ".join(s.text for s in body),
            kind="faq",
            difficulty="easy",
            evidence=tuple(s.raw for s in body),
            worth=1.0,
        )


def _asked_in_text(scene: Scene) -> Iterator[Candidate]:
    """ "Q: ... A: ..." and questions that are a paragraph of their own."""
    paragraphs = scene.paragraphs
    for n, paragraph in enumerate(paragraphs):
        found = _ASKED.match(paragraph[0].text)
        rest = paragraph[1:] or (paragraphs[n + 1] if n + 1 < len(paragraphs) and len(paragraph) == 1 else [])
        if not found or not rest or _ASKED.match(rest[0].text) or rest[0].headings != paragraph[0].headings:
            continue
        body = _body(rest)
        text = re.sub(r"^A(?:nswer)?\s*[:.]\s*", "", " ".join(s.text for s in body))
        if body and len(text.split()) > 2:
            yield Candidate(
                question=found["q"],
                answer=text,
                kind="faq",
                difficulty="easy",
                evidence=tuple(s.raw for s in body),
                worth=1.0,
            )


def _how_to(heading: str, group: Sequence[Sentence]) -> Iterator[Candidate]:
    found = re.match(r"^How to ([a-z]+ .+)$", heading)
    body = _body(group)
    if found and base_of(found.group(1).split()[0], "base") and body and len(body) > 1:
        yield Candidate(
            question=f"How do you {found.group(1)}?",
            answer=" ".join(s.text for s in body),
            kind="how-to",
            difficulty="medium",
            evidence=tuple(s.raw for s in body),
            worth=0.95,
        )


_EXPLAIN = ("What should one know about {}?", "What is there to know about {}?", "How would you explain {}?")


def _explained(
    headings: tuple[str, ...], group: Sequence[Sentence], statements: Sequence[Statement], scene: Scene
) -> Iterator[Candidate]:
    """The prose under a heading that stands in the passage itself, whole: what is there to know about it?"""
    name = topic(headings[-1:], scene)
    usable = {e for s in statements for e in s.evidence}
    words = sum(len(s.text.split()) for s in group)
    written = re.search(rf"^#+ .*{re.escape(headings[-1])}", scene.content, re.MULTILINE)
    if (
        not name
        or not written
        or base_of(headings[-1].split()[0].casefold(), "base")
        or not 2 <= len(group) <= MOST_SENTENCES
        or not 25 <= words <= 160
    ):
        return
    if sum(s.raw in usable for s in group) * 3 < 2 * len(group) or group[0].raw not in usable:
        return
    if group[0].text.split()[0] in ("It", "They", "He", "She", "This", "These") or any(
        s.text[-1] not in ".!?" or len(s.text.split()) < 4 or s.text.startswith("Note") for s in group
    ):
        return
    yield Candidate(
        question=_EXPLAIN[len(name) % len(_EXPLAIN)].format(name),
        answer=" ".join(s.text for s in group),
        kind="summary",
        difficulty="hard",
        evidence=tuple(s.raw for s in group),
        worth=0.45,
    )


def _rules(
    by_heading: dict[tuple[str, ...], list[Sentence]], statements: Sequence[Statement], scene: Scene
) -> Iterator[Candidate]:
    """What holds on a subject, from all sentences of its section: one answer out of several places."""
    usable = {e for s in statements for e in s.evidence}
    for headings, group in by_heading.items():
        name = topic(headings[-1:], scene) if headings else None
        body = [s for s in group if s.raw in usable]
        words = sum(len(s.text.split()) for s in body)
        if not name or not 3 <= len(body) <= MOST_SENTENCES or len(body) != len(group) or words > MOST_WORDS:
            continue
        if sum(_RULE.search(s.text) is not None or s.text[:1].isdigit() for s in body) * 2 < len(body):
            continue
        if body[0].text.split()[0] in ("It", "They", "He", "She") or (
            len(name.split()) == 1 and not english.is_plural(name) and len(name) < 5
        ):
            continue
        yield Candidate(
            question=f"What rules apply to {name}?",
            answer=" ".join(s.text for s in body),
            kind="summary",
            difficulty="hard",
            evidence=tuple(s.raw for s in body),
            worth=0.9,
        )


def _body(group: Sequence[Sentence]) -> list[Sentence]:
    """The first paragraph, up to six sentences."""
    body = [s for s in group if s.paragraph == group[0].paragraph][:MOST_SENTENCES]
    return body if body and body[-1].text[-1] in ".!?" and not body[-1].text.endswith(":") else []
