"""Names and codes of an answer against those of its passage: are they there, and do they stand where they belong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.reading import Claim, Piece, Source, tokens
from dataforge.quality.checks.record import CheckedRecord
from dataforge.text import claims

_CODE = re.compile(
    r"`[^`\n]{1,60}`|(?<![\w.-])(?=[\w.-]*\d)(?=[\w.-]*[A-Za-z])[A-Za-z0-9]+(?:[-_./][A-Za-z0-9]+)*(?!\w)|(?<![\w.])\d+(?:\.\d+){2,}(?!\w)"
)
_ORDINAL = re.compile(
    r"\d+(?:st|nd|rd|th|er|re|e|º|ª|h|km|kg|m|cm|mm|g|l|ml|w|kw|kwh|wh|v|a|gb|mb|tb|x|am|pm|min|s|d|k|°c|°f|hz|nm)\d*",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[«“„»]\s?([^«»“”„\n]{1,40}?)\s?[»”“«]")
_CAPITALISED = frozenset(("en", "fr", "es", "pt", "it", "nl", "pl"))
"""Languages in which a capital within a sentence marks a name."""
_LEAST = 0.1
_MOST = 200
_MOST_SAID = 20
_WORD = re.compile(r"(?<![\w`])[^\W\d_]+(?:[-'’&.][^\W\d_]+)*+")


@dataclass(frozen=True, slots=True)
class Item:
    text: str
    kind: str
    """`name`, or the shape of a code: letters as they are, digits as 9."""
    start: int
    end: int


@lru_cache(maxsize=2048)
def items(text: str, language: str, known: frozenset[str] = frozenset()) -> tuple[Item, ...]:
    """Codes and names, in order. A capital that opens a sentence marks a name where the word is `known` as one."""
    found: list[Item] = []
    for match in _CODE.finditer(text):
        code = match.group().strip("`").strip(".")
        if code and not code.isdigit() and not _ORDINAL.fullmatch(code):
            shape = re.sub(r"\d+", "9", code) if any(c.isdigit() for c in code) else "`"
            found.append(Item(code, shape, match.start(), match.end()))
    if language not in _CAPITALISED:
        return tuple(found)
    codes = list(found)
    names: list[Item] = []
    for match in _WORD.finditer(text):
        word, start = match.group(), match.start()
        while codes and codes[0].end <= start:
            codes.pop(0)
        if (
            not word[0].isupper()
            or len(word) < 2
            or word.casefold() in claims.STOP_WORDS
            or (codes and codes[0].start <= start)
        ):
            continue
        if names and text[names[-1].end : start] in (" ", " of ", " de ", " du ", " the "):
            names[-1] = Item(text[names[-1].start : match.end()], "name", names[-1].start, match.end())
        elif word in known or not _opens(text, start):
            names.append(Item(word, "name", start, match.end()))
    return tuple(sorted((*found, *names), key=lambda i: i.start))


def _opens(text: str, at: int) -> bool:
    before = text[max(0, at - 12) : at].rstrip(" \t\"'“‘([]*_«-#☐|")
    return not before.strip() or before[-1] in ".!?:;\n•…"


@lru_cache(maxsize=16)
def _named(source: Source) -> tuple[tuple[Piece, Item], ...]:
    """Of the passage, in order."""
    inside = {i.text.split()[0] for p in source.pieces for i in items(p.text, p.language) if i.kind == "name"}
    cells = {w for p in source.pieces for a, b in p.cells[:1] for w in [p.text[a:b].strip()] if w.istitle()}
    known = frozenset(inside | cells)
    return tuple((p, i) for p in source.pieces for i in items(p.text, p.language, known))[:_MOST]


def entity_missing(record: CheckedRecord) -> Signal | None:
    """A code or name that neither passage, headings nor question hold."""
    found: list[tuple[float, str]] = []
    asked = f"{record.question}\n" + "\n".join(m.content for m in record.turns if m.role == "user")
    if not record.claims:
        return None
    source = record.claims[0].source
    known = f"{source.folded}\n{asked.casefold()}"
    squeezed = re.sub(r"\W", "", known)
    words = source.words | {t.folded for t in tokens(asked)}
    for claim in record.claims:
        for item in items(claim.piece.text, claim.piece.language)[:_MOST_SAID]:
            if item.text.casefold() in known:
                continue
            parts = [t for t in tokens(item.text) if t.key]
            gone = [
                t
                for t in parts
                if t.folded not in words and t.folded.rstrip("s") not in words and t.key not in claim.source.keys
            ]
            if gone and item.kind == "name":
                found.append((0.5 + 0.5 * (len(parts) > 1 and len(gone) == len(parts)), item.text))
            elif item.kind != "name" and re.sub(r"\W", "", item.text.casefold()) not in squeezed:
                found.append((1.0, item.text))
        letters = (m.group(1) for m in _QUOTED.finditer(claim.piece.text) if len(m.group(1)) <= 3)
        found += [(1.0, letter) for letter in letters if letter.casefold() not in known]
    if not found or record.is_label:
        return None
    strength = max(s for s, _ in found) * (0.6 if record.is_work or record.turns else 1.0)
    return Signal(strength, tuple(dict.fromkeys(text for _, text in found))[:5])


def entity_misplaced(record: CheckedRecord) -> Signal | None:
    """A code or name of the passage where the words around it belong to another one."""
    best: Signal | None = None
    for claim in record.claims:
        for margin, item, instead in _misplaced(record, claim):
            if best is None or margin > best.strength:
                best = Signal(min(1.0, margin), (item.text,), f"The passage has {instead} there.")
    return best


def _misplaced(record: CheckedRecord, claim: Claim) -> Iterator[tuple[float, Item, str]]:
    placed = _named(claim.source)
    asked = claim.question.folded
    known = frozenset(i.text.split()[0] for _, i in placed if i.kind == "name")
    for item in items(claim.piece.text, claim.piece.language, known)[:_MOST_SAID]:
        mine = item.text.casefold()
        if mine in asked:
            continue
        wanted = _wanted(record, claim, item)
        own = max((_fit(wanted, claim.source, p, i) for p, i in placed if _same(i, item)), default=0.0)
        if not own:
            continue
        rivals = [
            (_fit(wanted, claim.source, p, i), i.text)
            for p, i in placed
            if i.kind == item.kind
            and not _same(i, item)
            and i.text.casefold() not in asked
            and i.text.casefold() not in claim.piece.folded
        ]
        score, instead = max(rivals, default=(0.0, ""))
        if score > own * (1 + _LEAST):
            yield (score - own) / score, item, instead


def _same(one: Item, other: Item) -> bool:
    a, b = one.text.casefold(), other.text.casefold()
    return a == b or (one.kind == other.kind == "name" and (a in b or b in a))


def _wanted(record: CheckedRecord, claim: Claim, item: Item) -> dict[str, float]:
    share = 0.0 if record.is_digest else 0.6 if claim.piece.index == 0 else 0.3
    found = dict.fromkeys(claim.question.keys, share)
    for key, near in claim.piece.near(item.start, item.end).items():
        found[key] = max(found.get(key, 0.0), near)
    return found


def _fit(wanted: dict[str, float], source: Source, piece: Piece, item: Item) -> float:
    near = piece.near(item.start, item.end)
    return sum(share * near[k] * source.weight(k) for k, share in wanted.items() if k in near)


CHECKS: dict[str, Check] = {
    "entity_missing": Check(entity_missing, "weigh", "A name or code is neither in the passage nor in the question"),
    "entity_misplaced": Check(
        entity_misplaced, "weigh", "A name or code of the passage that belongs to something else there"
    ),
}
