"""When two quantities are the same: values, units, and the units that a table or a sentence gives a bare number."""

from __future__ import annotations

import re
from functools import lru_cache

from dataforge.quality.checks.reading import Piece, tokens
from dataforge.text.quantities import CODE, DATE, Quantity, unit_of


def equal(one: Quantity, other: Quantity) -> bool:
    if one.unit is DATE and other.unit is DATE and one.month and other.month and one.month != other.month:
        return False
    return any(close(a, b) for a in one.values for b in other.values) and (one.unit is CODE) == (other.unit is CODE)


def close(a: float, b: float, tolerance: float = 1e-6) -> bool:
    return abs(a - b) <= tolerance * max(abs(a), abs(b), 1e-9)


def converted(mine: Quantity, theirs: Quantity, slack: float) -> bool:
    a, b = mine.unit, theirs.unit
    if (
        a.dimension == b.dimension
        and a.factor
        and b.factor
        and a.name != b.name
        and not (mine.per and theirs.per and mine.per != theirs.per)
    ):
        return close(mine.value * a.factor, theirs.value * b.factor, max(slack, 0.015))
    return False


def fits(mine: Quantity, theirs: Quantity, piece: Piece) -> bool:
    """Units that can mean the same. A cell may have its unit in the header of its table."""
    if mine.per and theirs.per and mine.per != theirs.per:
        return False
    if mine.per and not theirs.per and piece.cells:
        stated = {
            name: d for name, d in _stated_units(piece, theirs).items() if d not in ("money", "money of one kind")
        }
        if stated and mine.per not in stated:
            return False
    a, b = mine.unit, theirs.unit
    if (
        a.name == b.name
        or not a.dimension
        or (b.dimension in ("calendar", "date", "clock") and a.dimension in ("calendar", "date", "clock"))
    ):
        return True
    if (
        {a.name, b.name} <= {"degree", "°c"}
        or {a.name, b.name} <= {"degree", "°f"}
        or {a.name, b.name} <= {"lb", "pound"}
    ):
        return True
    if not b.dimension:
        header = _units_in(_header_of(piece, theirs))
        if header:
            return a.name in header
        stated = _stated_units(piece, theirs)
        return not stated or a.name in stated or a.dimension not in stated.values()
    return False


def _header_of(piece: Piece, quantity: Quantity) -> str:
    at = next((n for n, (a, b) in enumerate(piece.cells) if a <= quantity.start < b), len(piece.header))
    return piece.header[at] if at < len(piece.header) else ""


def _stated_units(piece: Piece, quantity: Quantity) -> dict[str, str]:
    """Units that the row, the header or the sentence names for a bare number; name -> dimension."""
    if not piece.cells:
        after = piece.text[quantity.end :]
        if re.match(r"\s*(?:to|and|bis|und|à|et|a|y|e|至|到|-|–)\s*\d", after):
            return {}
        return _units_in(piece.text)
    at = next((n for n, (a, b) in enumerate(piece.cells) if a <= quantity.start < b), 0)
    texts = [_header_of(piece, quantity)]
    texts += [
        piece.text[a:b]
        for n, (a, b) in enumerate(piece.cells)
        if n != at and not any(c.isdigit() for c in piece.text[a:b])
    ]
    found: dict[str, str] = {}
    for text in texts:
        found |= _units_in(text)
    return found


@lru_cache(maxsize=4096)
def _units_in(text: str) -> dict[str, str]:
    """Names of units that no number stands before."""
    words = tokens(text)
    found: dict[str, str] = {}
    for at, token in enumerate(words):
        one = unit_of(token.folded) or (at and unit_of(f"{words[at - 1].folded} {token.folded}")) or None
        if at and (two := unit_of(f"{words[at - 1].folded} {token.folded}")):
            found.pop(words[at - 1].folded, None)
            one = two
        if (
            one
            and len(token.folded) > 1
            and one.dimension not in ("data rate", "current")
            and not text[: token.start].rstrip()[-1:].isdigit()
        ):
            found[one.name] = one.dimension
    return found
