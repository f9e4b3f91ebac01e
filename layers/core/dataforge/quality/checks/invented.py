"""Statements of an answer that the passage holds nothing of, beside others that it supports."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.reading import Claim
from dataforge.quality.checks.record import CheckedRecord

_HELD = 0.5
_MOST_RUNS = 200
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
            if len(keys) >= 3 and not any(start <= q.start < end for q in piece.quantities):
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
    """Most of a quoted sentence stands nowhere in the passage."""
    gone = [quote for quote, held in _quotes(record) if held < _HELD]
    return Signal(1.0, tuple(gone[:3])) if gone else None


def quote_altered(record: CheckedRecord) -> Signal | None:
    """Quoted with other words, though most of it is there."""
    near = [quote for quote, held in _quotes(record) if _HELD <= held < 1]
    return Signal(1.0, tuple(near[:3])) if near else None


def _quotes(record: CheckedRecord) -> list[tuple[str, float]]:
    """What the teacher quotes, part by part where it leaves something out, and how much of it the passage holds."""
    if record.passage is None or not record.evidence:
        return []
    kept: list[tuple[str, float]] | None = record.notes.get("quotes")
    if kept is None:
        held = _plain(record.source)
        parts = [part for quote in record.evidence[:20] for part in re.split(r"\.\.\.|…|\[\.\.\.\]", quote)]
        kept = record.notes["quotes"] = [(part.strip(), _share_held(_plain(part), held)) for part in parts[:40]]
    return kept


def _share_held(quote: str, passage: str) -> float:
    """Of its runs of four words, or of four characters where no blanks part the words."""
    if len(quote) < 4 or quote in passage:
        return 1.0
    words = quote.split() if " " in quote else list(quote)
    mark = " " if " " in quote else ""
    runs = [mark.join(words[i : i + 4]) for i in range(max(1, len(words) - 3))][:_MOST_RUNS]
    return sum(run in passage for run in runs) / len(runs)


def _plain(text: str) -> str:
    """Letters and digits of a text, for looking up what a quote may write with other marks."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w]+", " ", folded).split())


CHECKS: dict[str, Check] = {
    "quote_missing": Check(quote_missing, "reject", "The quoted evidence is not in the passage"),
    "quote_altered": Check(quote_altered, "review", "The quoted evidence stands in other words in the passage"),
    "half_invented": Check(half_invented, "weigh", "A part of the answer has nothing to do with the passage"),
    "ungrounded": Check(nothing_in_common, "reject", "Nothing of the answer is in the passage"),
}
