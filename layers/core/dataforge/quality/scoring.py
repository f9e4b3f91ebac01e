"""One number for how good a pair looks, without a model: what a reviewer sorts by, not what a judge would say.

quality = sqrt(grounding * manner)      so that no manner saves an answer that the passage does not support
manner  = 0.30 answer form + 0.30 specificity + 0.25 relevance + 0.15 self-containedness
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from dataforge.records import Draft, Grounding
from dataforge.text.claims import STOP_WORDS, content_words, tokens

BUCKETS = (("0.9-1.0", 0.9), ("0.8-0.9", 0.8), ("0.7-0.8", 0.7), ("0.0-0.7", 0.0))
"""Label and inclusive lower edge, in the order that the API shows (contract A.4)."""

_POINTING = re.compile(r"\b(this|these|those|such|it|they|them|he|she|him|here|there|former|latter)\b", re.IGNORECASE)
_HANGING = re.compile(r"^\W*(it|this|that|these|those|they|he|she|such|however|therefore|also|thus)\b", re.IGNORECASE)
_EXPLETIVE_IT = re.compile(r"\s+(necessary|possible|important|allowed|permitted|take|mean)\b")
_SENTENCE_END = re.compile(r"[.!?。！？…؟।|`)\]\"”’」]\s*$")


@dataclass(frozen=True, slots=True)
class Manner:
    """Each 0-1."""

    answer_form: float
    """A whole sentence or list, or a bare value; of a length one reads."""
    specificity: float
    """Content words in the question: with one, anything may be meant."""
    relevance: float
    """Question and answer speak of the same thing: half of the question's words in the answer or its evidence is 1."""
    self_contained: float
    """No "it", "this", "they" that stands for something outside of the pair."""

    @property
    def total(self) -> float:
        return 0.30 * self.answer_form + 0.30 * self.specificity + 0.25 * self.relevance + 0.15 * self.self_contained


def quality(draft: Draft, grounding: Grounding, *, passage: str) -> float:
    """0-1, four digits."""
    return round(math.sqrt(grounding.score * manner(draft, grounding, passage=passage).total), 4)


def manner(draft: Draft, grounding: Grounding, *, passage: str) -> Manner:
    """passage: what the evidence is looked up in when grounding found no span."""
    evidence = " ".join(s.text for s in grounding.spans) or passage
    return Manner(
        answer_form_of(draft.answer),
        specificity_of(draft.question),
        relevance_of(draft, evidence),
        self_contained_of(draft),
    )


def histogram(scores: Iterable[float]) -> dict[str, int]:
    """How many scores fall into each bucket; all four are always there."""
    counts = {label: 0 for label, _ in BUCKETS}
    for score in scores:
        counts[next(label for label, low in BUCKETS if score >= low or low == 0.0)] += 1
    return counts


def answer_form_of(answer: str, *, most_words: int = 200) -> float:
    """A whole sentence or list, or a bare value; over `most_words` it is worth less."""
    words = len(tokens(answer))
    if words == 0:
        return 0.0
    if words <= 4:
        return 0.8
    score = 1.0 if _SENTENCE_END.search(answer) or "\n" in answer.strip() else 0.7
    if words > most_words:
        score -= 0.3
    return score if not answer[:1].islower() else score - 0.1


def specificity_of(question: str) -> float:
    words = len(set(content_words(question)))
    steps = (0.0, 0.5, 0.75, 0.9, 1.0)
    return steps[min(words, len(steps) - 1)] - (0.3 if len(tokens(question)) > 50 else 0.0)


def relevance_of(draft: Draft, evidence: str) -> float:
    asked = set(content_words(draft.question))
    if not asked:
        return 0.5
    held = set(content_words(draft.answer)) | set(content_words(evidence))
    return min(1.0, 2 * len(asked & held) / len(asked))


def self_contained_of(draft: Draft) -> float:
    """A pronoun is taken to have its antecedent when three content words stand before it in the question."""
    score = 1.0
    pointing = next((m for m in _POINTING.finditer(draft.question) if not _expletive(draft.question, m)), None)
    if pointing:
        before = [t for t in tokens(draft.question[: pointing.start()]) if t.casefold() not in STOP_WORDS]
        score -= 0.6 if len(before) < 2 else 0.1
    if _HANGING.search(draft.answer):
        score -= 0.2
    return max(0.0, score)


def _expletive(question: str, found: re.Match[str]) -> bool:
    """ "How many are there", "is it necessary to": words that stand for nothing."""
    before, after = question[: found.start()].casefold(), question[found.end() :].casefold()
    word = found.group().casefold()
    if word == "there":
        return before.rstrip().endswith(("is", "are", "was", "were"))
    return word == "it" and _EXPLETIVE_IT.match(after) is not None
