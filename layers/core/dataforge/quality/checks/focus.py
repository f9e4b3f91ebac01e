"""Does the answer give what was asked: the kind of thing, and about the matter of the question."""

from __future__ import annotations

import re

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.reading import Claim, Piece, tokens
from dataforge.quality.checks.record import CheckedRecord
from dataforge.text.languages.asked_words import AMOUNT_WORD, NUMBER_ASKED, TIME_ASKED, TIME_GIVEN, asks

_MISSED = 0.85
"""Not certain: no table has every word for a number or a time, so this alone never rejects."""


def other_kind(record: CheckedRecord) -> Signal | None:
    """Asked how many or when, answered without a number or a time."""
    found = record.claims
    if not record.is_answer or not found:
        return None
    question, answer = found[-1].question, record.answers[-1].casefold()
    last = Piece(question.text.split("\n")[0], language=question.language)
    if any(c.piece.quantities for c in found) or any(c.isdigit() for c in answer):
        return None
    if asks(NUMBER_ASKED, last.folded, last.language) and not AMOUNT_WORD.search(answer):
        return Signal(_MISSED, (), "The question asks for a number")
    if asks(TIME_ASKED, last.folded, last.language) and not TIME_GIVEN.search(answer):
        return Signal(_MISSED, (), "The question asks for a time")
    return None


_POINTING = re.compile(
    r"^\W*(?:it|they|this|these|that|he|she|however|es|sie|er|dies\w*|il|elle|cela|ce|ella|ellos|esto|它|这|该|وهو|هذا)\b"
)


def off_question(record: CheckedRecord) -> Signal | None:
    """Another sentence of the passage is about the question; the answer's own sentences hardly are."""
    if not record.is_answer or not record.claims:
        return None
    question = record.claims[-1].question
    mine = [c for c in record.claims if c.question is question]
    first = Piece(question.text.split("\n")[0], language=question.language)
    source = mine[0].source
    topic = {t.key for t in tokens(source.headings) if t.key} | (
        source.pieces[0].keys if len(source.pieces) > 3 else set()
    )
    wanted = {k: source.weight(k) for k in first.keys - topic if k in source.places}
    whole = sum(wanted.values())
    if not wanted:
        return None
    best = max(sum(w for k, w in wanted.items() if k in _with_header(p)) for p in source.pieces)
    near: set[str] = set()
    for claim in mine:
        near |= claim.piece.keys
        for piece in _own(claim):
            near |= _with_header(piece)
            if _POINTING.search(piece.folded) and piece.index:
                near |= source.pieces[piece.index - 1].keys
    met = sum(w for k, w in wanted.items() if k in near)
    if best < 0.3 * whole or met >= 0.8 * best:
        return None
    return Signal(
        round(min(1.0, (best - met) / whole * 1.2), 4),
        tuple(t.folded for t in first.tokens if t.key in wanted and t.key not in near)[:5],
    )


def _with_header(piece: Piece) -> set[str]:
    return {*piece.keys, *(t.key for cell in piece.header for t in tokens(cell) if t.key)}


def _own(claim: Claim) -> list[Piece]:
    """The sentence that holds most of the claim's own words, and those quoted for it."""
    source = claim.source
    score: dict[int, float] = {}
    for key in claim.piece.keys:
        for at in source.places.get(key, ()):
            score[at] = score.get(at, 0.0) + source.weight(key)
    best = [source.pieces[max(score, key=lambda i: (score[i], -i))]] if score else []
    return [*best, *claim.quoted]


CHECKS: dict[str, Check] = {
    "other_kind_of_answer": Check(other_kind, "weigh", "The answer is not the kind of thing that was asked for"),
    "off_question": Check(off_question, "weigh", "The answer is about something else than the question"),
}
