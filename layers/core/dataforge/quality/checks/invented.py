"""Statements of an answer that the passage holds nothing of, beside others that it supports."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.reading import Claim
from dataforge.quality.checks.record import CheckedRecord

_CLAUSE = re.compile(
    r"[,;:](?=\s)|[，；：、،؛]|\s(?:and|und|et|y|e)\s|\bbecause\b|\bsince\b|\bweil\b|\bdenn\b|\bcar\b|\bporque\b"
)


def _support(claim: Claim, keys: frozenset[str]) -> float:
    """Weighted share of the words that the passage or the question holds."""
    source = claim.source
    whole = sum(source.weight(k) for k in keys) or 1.0
    return sum(source.weight(k) for k in keys if k in source.keys or k in claim.question.keys) / whole


def half_invented(record: CheckedRecord) -> Signal | None:
    """A sentence or clause none of whose words the passage has, in an answer that is supported otherwise."""
    if record.is_work or record.is_label or not record.claims:
        return None
    parts: list[tuple[float, int, str]] = []
    for claim in record.claims:
        piece = claim.piece
        edges = [0, *(m.end() for m in _CLAUSE.finditer(piece.text)), len(piece.text)]
        for start, end in pairwise(edges):
            keys = frozenset(t.key for t in piece.tokens if start <= t.start < end and t.key)
            if len(keys) >= 3:
                parts.append((_support(claim, keys), len(keys), piece.text[start:end].strip()))
    if len(parts) < 2:
        return None
    best, worst = max(parts), min(parts)
    if best[0] < 0.5 or worst[0] > 0.35:
        return None
    return Signal(min(1.0, (best[0] - worst[0]) * (0.6 + 0.1 * min(worst[1], 4))), (worst[2],))


def nothing_in_common(record: CheckedRecord) -> Signal | None:
    """No content word and no number of the answer stands in the passage, headings or question."""
    if record.is_label or not record.claims:
        return None
    keys = {k for c in record.claims for k in c.piece.keys}
    source = record.claims[0].source
    values = {v for _, q in source.quantities for v in q.values}
    if len(keys) < 4 or keys & source.keys or any(q.value in values for c in record.claims for q in c.piece.quantities):
        return None
    if any(c.piece.language != source.pieces[0].language for c in record.claims if source.pieces):
        return None
    return Signal(1.0, tuple(t.folded for t in record.claims[0].piece.tokens if t.key)[:5])


def quote_missing(record: CheckedRecord) -> Signal | None:
    """Evidence that the teacher quotes and the passage does not hold: 1 where hardly a word of it is there in a row,
    less where it is nearly so."""
    if record.passage is None or not record.evidence:
        return None
    held = _plain(record.source)
    worst: tuple[float, str] = (0.0, "")
    for quote in record.evidence[:20]:
        plain = _plain(quote)
        if len(plain) < 4 or plain in held:
            continue
        words = plain.split() if " " in plain else list(plain)
        runs = [
            " ".join(words[i : i + 4]) if " " in plain else "".join(words[i : i + 4])
            for i in range(max(1, len(words) - 3))
        ]
        share = sum(run in held for run in runs) / len(runs)
        worst = max(worst, (1.0 if share < 0.5 else 0.5, quote))
    return Signal(worst[0], (worst[1],)) if worst[0] else None


def _plain(text: str) -> str:
    """Letters and digits of a text, for looking up what a quote may write with other marks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w]+", " ", folded).split())


CHECKS: dict[str, Check] = {
    "quote_missing": Check(quote_missing, "weigh", "The quoted evidence is not in the passage"),
    "half_invented": Check(half_invented, "weigh", "A part of the answer has nothing to do with the passage"),
    "ungrounded": Check(nothing_in_common, "reject", "Nothing of the answer is in the passage"),
}
