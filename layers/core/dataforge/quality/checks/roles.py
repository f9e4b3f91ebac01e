"""Who does what to whom: two persons or names of a supporting sentence that have changed places in the answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.reading import Claim, Piece, Token
from dataforge.quality.checks.record import CheckedRecord

_MOST_ACTORS = 6
_LEAST = 0.08
_PASSIVE = re.compile(
    r"\bby\b|\bfrom\b|\bvon\b|\bdurch\b|\bwird\b|\bwerden\b|\bpar\b|\bpor\b|\bdoor\b|\bprzez\b|由|被|من قبل"
)
_ACTOR = re.compile(
    r"\w{3,}(?:ers?|ors?|ists?|ees?|ants?|ians?|men|mates?|crew|teams?|company|companies|board|staff|people|ien)|\w{3,}(?:leitung|"
    r"schäftigten|führung|innen|abteilung|dienst)|stagiaire|tuteur|directeur|direction|client\w?|usuari\w+|servicio|"
    r"emplead\w+|الأب|الأم|أب|أم|الموظف|المدير|المشرف"
)
"""Words for those who act: by their endings in English, by a few words elsewhere."""


_NO_ACTOR_WORDS = """
    number water paper other order letter meter cylinder router computer charger locker chiller winter summer october
    september november december harbour floor door error motor sensor indoor outdoor after under over never whether
    however another either layer corner centre amount restaurant plant important specimen
"""
_NO_ACTORS = frozenset(_NO_ACTOR_WORDS.split())


def roles_swapped(record: CheckedRecord) -> Signal | None:
    found = (signal for claim in record.claims for signal in _swapped(claim))
    return max(found, key=lambda s: s.strength, default=None)


def _swapped(claim: Claim) -> Iterator[Signal]:
    mine = claim.piece
    for other in dict.fromkeys((*claim.support[:2], *claim.quoted[:2])):
        named = _named(mine) | _named(other)
        here, there = _actors(mine, named), _actors(other, named)
        shared = [k for k in here if k in there][:_MOST_ACTORS]
        alike = bool(_PASSIVE.search(mine.folded)) == bool(_PASSIVE.search(other.folded))
        for a, b in combinations(shared, 2):
            words = tuple(mine.text[here[k].start : here[k].end] for k in (a, b))
            margin = _exchanged(claim, other, (here[a], here[b]), (there[a], there[b]))
            inverted = (here[a].start < here[b].start) != (there[a].start < there[b].start)
            together = not re.search(r"[;:.]", mine.text[here[a].end : here[b].start])
            if margin > _LEAST:
                yield Signal(min(1.0, 0.5 + margin), words, "They have changed places")
            elif (
                inverted
                and alike
                and together
                and not other.cells
                and _between(mine, here, a, b) & _between(other, there, a, b)
            ):
                yield Signal(0.4, words, "They have changed places")


def _between(piece: Piece, places: dict[str, Token], a: str, b: str) -> set[str]:
    """The content words between the two."""
    start, end = sorted((places[a].start, places[b].start))
    return {t.key for t in piece.tokens if start < t.start < end and t.key}


def _named(piece: Piece) -> set[str]:
    """Words with a capital that do not open the sentence; every noun has one in German."""
    if piece.language == "de":
        return set()
    return {
        t.key for t in piece.tokens[1:] if len(t.folded) > 1 and t.folded.isalpha() and piece.text[t.start].isupper()
    }


def _actors(piece: Piece, named: set[str]) -> dict[str, Token]:
    """Names, and words for those who act, each once."""
    found: dict[str, Token] = {}
    for token in piece.tokens:
        acts = _ACTOR.fullmatch(token.folded) and token.folded.rstrip("s") not in _NO_ACTORS
        if token.key and (token.key in named or acts):
            found.setdefault(token.key, token)
    return found


def _exchanged(claim: Claim, other: Piece, mine: tuple[Token, Token], theirs: tuple[Token, Token]) -> float:
    """How much better their surroundings fit once they are exchanged; each of the two has to fit better."""
    left_out = {t.key for t in mine}
    here = [claim.piece.near(t.start, t.end) for t in mine]
    there = [other.near(t.start, t.end) for t in theirs]
    straight = [_fit(claim, h, t, left_out) for h, t in zip(here, there, strict=True)]
    crossed = [_fit(claim, h, t, left_out) for h, t in zip(here, reversed(there), strict=True)]
    if crossed[0] <= straight[0] or crossed[1] <= straight[1]:
        return 0.0
    return (sum(crossed) - sum(straight)) / sum(crossed)


def _fit(claim: Claim, here: dict[str, float], there: dict[str, float], left_out: set[str]) -> float:
    return sum(w * there[k] * claim.source.weight(k) for k, w in here.items() if k in there and k not in left_out)


CHECKS: dict[str, Check] = {
    "roles_swapped": Check(roles_swapped, "weigh", "Two persons or things of the passage have changed places"),
}
