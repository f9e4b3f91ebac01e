"""How far a passage accounts for the words of an answer, and where: lexical, no model, about a millisecond.

It decides nothing. Good answers in their own words score as low as bad ones, so no threshold tells them apart; what
rejects or flags a record are the checks of facts (`quality.checks`). The score ranks, and the spans and the words that
are not there are what a reviewer looks at.

Six features of the surface go through one logistic function whose weights were fitted on half of the articles of
XQuAD (`benchmarks/grounding.py --fit`) and are reported on the other half. What it sees: facts that are not there
(words, numbers, units, names), a negation turned round, words scattered over unrelated sentences. What it cannot see:
a fact of the passage that answers another question; that is a judge's work.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache

from dataforge.records import Grounding, Span
from dataforge.text import claims
from dataforge.text.sentences import sentences

MOST_SPANS = 3
_QUESTION_SHARE = 0.3
"""A word that the question already held proves less: it counts this much."""


_YES_NO = re.compile(r"^\s*(?:yes|no)\b[,.:;]?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Features:
    """All 0-1. Higher is better, but for `turned`."""

    contained: float
    """Share of the answer's content words in the passage, weighted by their rarity in it."""
    together: float
    """The same within the best two sentences and the verified quotes."""
    numbers: float
    names: float
    turned: float
    """1 when a word is negated in the answer and not in the passage, or the other way round."""
    asked: float
    """Share of the question's content words in the sentences that support the answer."""


WEIGHTS = Features(contained=4.87, together=4.99, numbers=2.85, names=1.34, turned=-4.44, asked=2.19)
BIAS = -13.62 + math.log(4)
"""Fitted where half of the answers are wrong; teachers who are told to answer from a passage do four times better."""


def ground(answer: str, passage: str, *, question: str = "", quoted: Sequence[str] = ()) -> Grounding:
    """Score 0-1; at most three spans, exact slices of the passage, in its order; what of the answer is not in it.

    quoted: sentences or cells that the teacher gave as evidence; those that are really there (white space aside) are
    shown first. An empty answer or passage scores 0.
    """
    source = _source(passage)
    claim = answer if claims.content_words(answer) else f"{answer} {question}"
    if not answer.strip() or not source.pieces or not claims.content_words(claim):
        return Grounding(0.0)
    support = source.support(claim, question)
    missing = source.missing(answer)
    found = [span for quote in quoted if (span := find_quote(quote, passage))][:MOST_SPANS]
    score = _score(source.features(claim, question, support, [span.text for span in found]))
    return Grounding(score, _spans(passage, found, [source.pieces[i] for i in support], source, claim), tuple(missing))


def features(answer: str, passage: str, question: str = "") -> Features:
    """What the score is made of (for `benchmarks/grounding.py`)."""
    source = _source(passage)
    return source.features(answer, question, source.support(answer, question))


def find_quote(quote: str, passage: str) -> Span | None:
    """Where the quote stands in the passage, word for word; any white space matches any other."""
    words = quote.split()
    if not words:
        return None
    wanted = " ".join(words)
    if (at := passage.find(wanted)) >= 0:  # mostly so: no pattern has to be made for it
        return Span(at, at + len(wanted), wanted)
    held = passage.split()
    if (at := " ".join(held).find(wanted)) < 0:
        return None
    start, end = _place(passage, held, at), _place(passage, held, at + len(wanted) - 1) + 1
    return Span(start, end, passage[start:end])


def _place(passage: str, words: Sequence[str], at: int) -> int:
    """Where the character at `at` of the words, one blank apart, stands in the passage; it is no blank."""
    place = 0
    for word in words:
        place = passage.index(word, place)
        if at < len(word):
            return place + at
        at -= len(word) + 1
        place += len(word)
    raise ValueError("the words end before it")


def _score(f: Features) -> float:
    total = BIAS + sum(w * x for w, x in zip(astuple(WEIGHTS), astuple(f), strict=True))
    return round(1 / (1 + math.exp(-total)), 4)


class _Source:
    """A passage taken apart once."""

    def __init__(self, passage: str) -> None:
        self.passage = passage
        self.pieces = sentences(passage)
        self.words = [set(claims.content_words(p.text)) for p in self.pieces]
        self.frequency = Counter(w for words in self.words for w in words)
        self.values: dict[str, set[str]] = {}
        for number in claims.numbers(passage):
            self.values.setdefault(number.value, set()).add(number.unit)
        self._asked: tuple[str, dict[str, float]] = ("", {})
        self.plain = {t.casefold() for t in claims.tokens(passage)}

    def weight(self, word: str) -> float:
        return math.log(1 + len(self.pieces) / (self.frequency[word] or 0.5))

    def weights(self, answer: str, question: str) -> dict[str, float]:
        asked = self.asked(question)
        return {w: self.weight(w) * (_QUESTION_SHARE if w in asked else 1.0) for w in claims.content_words(answer)}

    def asked(self, question: str) -> dict[str, float]:
        """The words of the question by their weight; kept, because every sentence of an answer is held against it."""
        if self._asked[0] != question:
            self._asked = (question, {w: self.weight(w) for w in claims.content_words(question)})
        return self._asked[1]

    def support(self, answer: str, question: str) -> list[int]:
        """The sentences that together hold most of the answer: the best first, others while they add a tenth."""
        wanted = self.weights(answer, question)
        whole = sum(wanted.values()) or 1.0
        asked = self.asked(question)
        chosen: list[int] = []
        while len(chosen) < MOST_SPANS and self.pieces:
            gains = [
                (sum(wanted[w] for w in words if w in wanted) / whole, sum(asked[w] for w in words if w in asked), -i)
                for i, words in enumerate(self.words)
            ]
            gain, _, at = max(gains)
            if gain < (0.1 if chosen else 1e-9):
                break
            chosen.append(-at)
            wanted = {w: v for w, v in wanted.items() if w not in self.words[-at]}
        return chosen

    def features(self, answer: str, question: str, support: Sequence[int], quotes: Sequence[str] = ()) -> Features:
        """quotes: what the teacher gave as evidence and is really there; it counts as near, too."""
        wanted = self.weights(answer, question)
        whole = sum(wanted.values()) or 1.0
        near = {w for quote in quotes for w in claims.content_words(quote)}
        near = near.union(*(self.words[i] for i in support[:2]))
        asked = self.asked(question)
        stated = claims.numbers(answer)
        named = claims.names(answer)
        return Features(
            contained=sum(v for w, v in wanted.items() if w in self.frequency) / whole,
            together=self.together(answer, question, near),
            numbers=_share([self.holds_number(n) for n in stated]),
            names=_share([self.holds_name(n) for n in named]),
            turned=float(self.turned(answer, support)),
            asked=sum(v for w, v in asked.items() if w in near) / (sum(asked.values()) or 1.0) if asked else 1.0,
        )

    def together(self, answer: str, question: str, near: set[str]) -> float:
        """Share of the content words within two sentences; a long answer's sentences may each have their own two."""
        said = [s.text for s in sentences(answer)]
        held = whole = 0.0
        for text in said:
            wanted = self.weights(text, question)
            own = near if len(said) == 1 else near.union(*(self.words[i] for i in self.support(text, question)[:2]))
            held += sum(v for w, v in wanted.items() if w in own)
            whole += sum(wanted.values())
        return held / (whole or 1.0)

    def holds_number(self, number: claims.Number) -> bool:
        units = self.values.get(number.value)
        return units is not None and (not number.unit or number.unit in units or "" in units)

    def holds_name(self, name: str) -> bool:
        return all(t.casefold() in self.plain for t in claims.tokens(name) if t.casefold() not in claims.STOP_WORDS)

    def turned(self, answer: str, support: Sequence[int]) -> bool:
        """Whether answer and supporting sentences negate different words that both of them hold."""
        answer = _YES_NO.sub("", answer)
        mine, said = set(claims.negated(answer)), set(claims.content_words(answer))
        theirs = {w for i in support for w in claims.negated(self.pieces[i].text)}
        everywhere = set(claims.negated(self.passage))
        return any(w in self.frequency and w not in everywhere for w in mine) or any(
            w in said and w not in mine for w in theirs
        )

    def missing(self, answer: str) -> list[str]:
        """Numbers and names first, then content words as the answer writes them; each once."""
        gone = [n.text for n in claims.numbers(answer) if not self.holds_number(n)]
        gone += [n for n in claims.names(answer) if not self.holds_name(n)]
        seen = {claims.stem(t) for text in gone for t in claims.tokens(text)}
        for token in claims.tokens(answer):
            if token.casefold() in claims.STOP_WORDS or token == "%":  # noqa: S105
                continue
            if claims.stem(token) not in self.frequency and claims.stem(token) not in seen:
                seen.add(claims.stem(token))
                gone.append(token)
        return list(dict.fromkeys(gone))


@lru_cache(maxsize=16)  # the pairs of a passage come one after another
def _source(passage: str) -> _Source:
    return _Source(passage)


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else 1.0


def _spans(
    passage: str, quoted: Sequence[Span], supporting: Sequence[Span], source: _Source, answer: str
) -> tuple[Span, ...]:
    """Quotes first; supporting sentences join them while they hold words of the answer that the quotes lack."""
    chosen = list(dict.fromkeys(quoted))
    wanted = {w for w in claims.content_words(answer) if w in source.frequency}
    for span in supporting:
        covered = {w for c in chosen for w in claims.content_words(c.text)}
        if len(chosen) < MOST_SPANS and wanted & set(claims.content_words(span.text)) - covered:
            chosen.append(span)
    merged: list[tuple[int, int]] = []
    for span in sorted(chosen, key=lambda s: (s.start, s.end)):
        if merged and not passage[merged[-1][1] : span.start].strip():
            merged[-1] = (merged[-1][0], max(merged[-1][1], span.end))
        else:
            merged.append((span.start, span.end))
    return tuple(Span(start, end, passage[start:end]) for start, end in merged)
