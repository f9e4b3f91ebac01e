"""The logic of an answer against that of its passage: negation, limits, opposites, duty, generality, conditions.

Each check compares a sentence of the answer with the sentences that support it, and only where both speak of the same
thing: the words around the sign in question have to agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.reading import Claim, Piece
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.units import equal, fits
from dataforge.text.languages.logic_words import cue, opposites
from dataforge.text.quantities import Quantity

_AROUND = 6
_SCOPE = 3
MOST_CLAUSES = 16
"""Of a sentence; what comes after them counts as one."""
_AFTERWARDS = frozenset(("only", "seulement", "uniquement", "فقط", "のみ", "alleen", "tylko"))
"""They may limit the words before them."""
_CLAUSE_END = re.compile(
    r"[,;:.!?()、，；。：！？؛،–—]|\bbut\b|\baber\b|\bmais\b|\bpero\b|\bsondern\b|\bsino\b|但|而|\bبل\b"
)


def _near(claim: Claim) -> tuple[Piece, ...]:
    return tuple(dict.fromkeys((*claim.support[:2], *claim.quoted[:4])))


def _keys(piece: Piece, start: int, end: int, width: int = _AROUND) -> set[str]:
    """Of the content words on both sides of a place."""
    before = [t.key for t in piece.tokens if t.end <= start and t.key][-width:]
    after = [t.key for t in piece.tokens if t.start >= end and t.key][:width]
    return {*before, *after}


def _agreement(claim: Claim, mine: set[str], theirs: set[str]) -> float:
    """Weighted share of the words around a sign that stand around the other one, 0-1."""
    whole = sum(claim.source.weight(k) for k in mine) or 1.0
    return sum(claim.source.weight(k) for k in mine & theirs) / whole


def _strongest(found: Iterable[Signal]) -> Signal | None:
    return max(found, key=lambda s: s.strength, default=None)


def limit_flipped(record: CheckedRecord) -> Signal | None:
    return _strongest(signal for claim in record.claims for signal in _limits(claim))


def _limits(claim: Claim) -> Iterator[Signal]:
    for quantity in claim.piece.quantities:
        mine = direction(claim.piece, quantity)
        if not mine:
            continue
        theirs = [direction(p, q) for p, q in claim.source.quantities if equal(quantity, q) and fits(quantity, q, p)]
        against = [d for d in theirs if d * mine < 0]
        if against and not any(d * mine > 0 for d in theirs):
            firm = abs(mine) == 2 and any(abs(d) == 2 for d in against)
            yield Signal(1.0 if firm else 0.25, (quantity.text,), "At least and at most are exchanged")


def direction(piece: Piece, quantity: Quantity) -> int:
    """+2: at least so much, -2: at most; +1, -1: more or less than it; 0: neither is said."""
    signs = ((-2, "at most"), (2, "at least"), (-1, "below"), (1, "over"))
    text = piece.folded
    edges = [q.end for q in piece.quantities if q.end <= quantity.start]
    begin = max([quantity.start - 32, 0, *edges[-1:]])
    before = re.split(r"[,;.。，；،]", text[begin : quantity.start])[-1]
    after = re.split(r"[\d,;.。，；،]", text[quantity.end : quantity.end + 24])[0]
    found: list[tuple[int, int, int]] = []
    for sign, name in signs:
        pattern = cue(name, piece.language)
        if not pattern:
            return 0
        found += [(len(before) - m.end(), m.start() - m.end(), sign) for m in pattern.finditer(before)]
        if abs(sign) == 2:
            found += [(m.start(), m.start() - m.end(), sign) for m in pattern.finditer(after)]
    if not found:
        return 0
    sign = min(found)[2]
    negated = cue("negation", piece.language)
    plain = re.sub(
        cue("no negation", piece.language) or r"(?!)", " ", text[max(0, quantity.start - 32) : quantity.start]
    )
    if abs(sign) == 1 and negated and negated.search(plain):
        return -2 * sign
    return sign


def opposite(record: CheckedRecord) -> Signal | None:
    return _strongest(signal for claim in record.claims for signal in _opposites(claim))


def _opposites(claim: Claim) -> Iterator[Signal]:
    piece, near = claim.piece, _near(claim)
    held = "\n".join(p.folded for p in near)
    for mine, theirs in opposites(piece.language):
        said = mine.search(piece.folded)
        if not said or mine.search(held) or theirs.search(piece.folded) or _is_negated(piece, said.start()):
            continue
        around = _keys(piece, said.start(), said.end()) | claim.question.keys
        for other in near:
            match = None if other.cells else theirs.search(other.folded)
            if match and not _is_negated(other, match.start()):
                share = _agreement(claim, _keys(other, match.start(), match.end(), 4), around)
                asked = mine.search(claim.question.folded) is not None and _denies(piece)
                if share > 0.35:
                    yield Signal(
                        min(1.0, share) * (0.4 if asked else 1.0), (said.group(),), f"The passage says {match.group()}"
                    )


def _denies(piece: Piece) -> bool:
    no = cue("no", piece.language)
    return bool(no and re.match(rf"\W*(?:{no.pattern})(?!\w)", piece.folded))


def _is_negated(piece: Piece, at: int) -> bool:
    """Whether a negation stands shortly before the place."""
    negation = cue("negation", piece.language)
    plain = re.sub(cue("no negation", piece.language) or r"(?!)", " ", piece.folded[max(0, at - 20) : at])
    return bool(negation and negation.search(plain))


def negation_flipped(record: CheckedRecord) -> Signal | None:
    return _strongest(signal for claim in record.claims for signal in _negations(claim))


def _bare(claim: Claim) -> Piece:
    """The claim without the yes or no that it begins with."""
    piece = claim.piece
    for name in ("yes", "no"):
        pattern = cue(name, piece.language)
        match = re.match(rf"\W*(?:{pattern.pattern})\s*[,.:;，。、!،]\s*", piece.folded) if pattern else None
        if match:
            return Piece(piece.text[match.end() :], piece.index, piece.language)
    return piece


@dataclass(frozen=True, slots=True)
class _Clause:
    keys: frozenset[str]
    negated: frozenset[str]
    """Those that a negation bears on: up to three after it, one before it."""
    text: str


def _clauses(piece: Piece) -> list[_Clause]:
    negation = cue("negation", piece.language)
    if not negation:
        return []
    text = re.sub(cue("no negation", piece.language) or r"(?!)", lambda m: " " * len(m.group()), piece.folded)
    edges = [0, *(m.end() for m in islice(_CLAUSE_END.finditer(text), MOST_CLAUSES - 1)), len(text)]
    found = []
    for start, end in pairwise(edges):
        inside = [t for t in piece.tokens if start <= t.start < end and t.key and not t.key[0].isdigit()]
        scope: set[str] = set()
        for match in negation.finditer(text, start, end):
            scope.update([t.key for t in inside if t.start >= match.end() - 1][:_SCOPE])
            scope.update([t.key for t in inside if t.end <= match.start()][-1:])
        if inside:
            found.append(_Clause(frozenset(t.key for t in inside), frozenset(scope), piece.text[start:end].strip()))
    return found


def _negations(claim: Claim) -> Iterator[Signal]:
    mine = _bare(claim)
    refusing = cue("refusal word", mine.language)
    ours = _clauses(mine)
    if not refusing or not ours:
        return
    near = _near(claim)
    yes = cue("yes", mine.language)
    agrees = yes and re.match(rf"\W*(?:{yes.pattern})(?!\w)", claim.piece.folded)
    if agrees and not any(c.negated for c in ours):
        ours = [*ours, _Clause(claim.question.keys, frozenset(), claim.question.text)]
    any_negated = any(c.negated for c in ours)
    for clause in ours:
        matched = [(_overlap(claim, clause, theirs), theirs, other) for other in near for theirs in _clauses(other)]
        share, best, other = max(matched, key=lambda one: one[0], default=(0.0, None, None))
        if best is None or other is None or share < 0.45 or bool(best.negated) == bool(clause.negated):
            continue
        if best.negated and (any_negated or refusing.search(mine.folded)):
            continue
        if clause.negated and (any(c.negated for c in _clauses(other)) or refusing.search(other.folded)):
            continue
        if not (best.negated & clause.keys or clause.negated & best.keys):
            continue
        rival = max((s for s, theirs, _ in matched if bool(theirs.negated) == bool(clause.negated)), default=0.0)
        whole = max(sum(map(claim.source.weight, c.keys)) for c in (clause, best)) or 1.0
        large = sum(map(claim.source.weight, clause.keys & best.keys)) / whole
        strength = (share - 0.7 * rival) * (0.4 + 0.6 * large)
        if strength > 0:
            yield Signal(strength, (clause.text,), "Negated on one side only")


def _overlap(claim: Claim, mine: _Clause, theirs: _Clause) -> float:
    """Weighted share of the smaller clause that the other one holds; one word alone proves little."""
    shared = mine.keys & theirs.keys
    least = min(sum(map(claim.source.weight, mine.keys)), sum(map(claim.source.weight, theirs.keys))) or 1.0
    return sum(map(claim.source.weight, shared)) / least * (0.5 if len(shared) == 1 else 1.0)


def duty_added(record: CheckedRecord) -> Signal | None:
    return _strongest(signal for claim in record.claims for signal in _duties(claim))


def _duties(claim: Claim) -> Iterator[Signal]:
    piece = claim.piece
    duty, permission, negation = (cue(n, piece.language) for n in ("duty", "permission", "negation"))
    if not duty or not permission or not negation:
        return
    said = duty.search(piece.folded)
    if not said or negation.match(piece.folded, said.end() + 1):
        return
    around = _keys(piece, said.start(), said.end(), 5)
    best: tuple[float, str] = (0.0, "")
    for other in _near(claim):
        match = permission.search(other.folded)
        share = _agreement(claim, around, set(other.keys))
        if duty.search(other.folded) and share > 0.3:
            return
        if match and not negation.search(other.folded[match.start() - 4 : match.end() + 6]) and share > best[0]:
            best = (share, match.group())
    if best[0] > 0.3:
        yield Signal(min(1.0, best[0] + 0.2), (said.group(),), f"The passage says {best[1]}")


def generalised(record: CheckedRecord) -> Signal | None:
    return _strongest(signal for claim in record.claims for signal in _generalities(record, claim))


def _generalities(record: CheckedRecord, claim: Claim) -> Iterator[Signal]:
    piece = claim.piece
    general, condition = cue("general", piece.language), cue("condition", piece.language)
    if not general or not condition:
        return
    near = (*_near(claim), claim.question)
    said = [m for m in general.finditer(piece.folded) if m.group() != "each"]
    if not said or any(general.search(p.folded) for p in near):
        return
    limited = any(condition.search(p.folded) for p in _near(claim)) and not condition.search(piece.folded)
    yield Signal(
        1.0 if limited else 0.6 if not record.is_digest else 0.3,
        tuple(dict.fromkeys(m.group() for m in said)),
        "The passage does not say so of all",
    )


def condition_dropped(record: CheckedRecord) -> Signal | None:
    if record.is_digest or record.is_label:
        return None
    return _strongest(signal for claim in record.claims for signal in _conditions(record, claim))


def _conditions(record: CheckedRecord, claim: Claim) -> Iterator[Signal]:
    piece = claim.piece
    condition, general = cue("condition", piece.language), cue("general", piece.language)
    yes = cue("yes", piece.language)
    if not condition or not general or not yes or not claim.support:
        return
    said = {t.key for c in record.claims for t in c.piece.tokens} | claim.question.keys
    for other in claim.support[:1]:
        for match in condition.finditer(other.folded):
            stop = _CLAUSE_END.search(other.folded, match.end() + 1)
            end = stop.start() if stop else len(other.folded)
            inside = {t.key for t in other.tokens if match.end() <= t.start < end and t.key}
            if match.group() in _AFTERWARDS:
                inside |= set([t.key for t in other.tokens if t.end <= match.start() and t.key][-2:])
            outside = {t.key for t in other.tokens if t.key} - inside
            if (
                not inside
                or _agreement(claim, inside, said) > 0.34
                or _agreement(claim, set(piece.keys), outside) < 0.4
            ):
                continue
            firm = general.search(piece.folded) or re.match(rf"\W*(?:{yes.pattern})\b", piece.folded)
            yield Signal(
                0.9 if firm else 0.5,
                (other.text[match.start() : end].strip(),),
                "A condition of the passage is left out",
            )


CHECKS: dict[str, Check] = {
    "negation_flipped": Check(
        negation_flipped, "weigh", "The passage says the opposite: a negation is missing or added"
    ),
    "limit_flipped": Check(limit_flipped, "weigh", "The passage sets a limit in the other direction"),
    "opposite": Check(opposite, "weigh", "The passage uses the opposite word"),
    "duty_added": Check(duty_added, "weigh", "What the passage allows became a duty"),
    "generalised": Check(generalised, "weigh", "The answer says it of all cases, the passage does not"),
    "condition_dropped": Check(condition_dropped, "weigh", "A condition of the passage is left out"),
}
