"""Text as detectors read it: compatibility forms unified, every digit 0-9, with the way back to the original."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache

_INVISIBLE = frozenset("\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
                       "\u2060\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff")  # fmt: skip
_DASHES = frozenset("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d")


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is what patterns are matched against; `origin` says where its pieces come from."""

    text: str
    shifts: list[tuple[int, int]] = field(default_factory=list)
    """(place in `text`, place in the original) wherever the two stop running in step; empty: they never do."""

    def origin(self, place: int) -> int:
        """The place in the original of the character at `place`."""
        if not self.shifts:
            return place
        at, original = self.shifts[bisect_right(self.shifts, (place, 1 << 60)) - 1]
        return original + place - at

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original's span of text[start:end], end > start."""
        return self.origin(start), self.origin(end - 1) + 1


def fold(text: str) -> Folded:
    """NFKC character by character (a composition over several would lose the places), digits of every script as 0-9,
    dashes as `-`, white space as blanks but for line ends; invisible characters are left out."""
    if text.isascii():
        return Folded(text)
    pieces: list[str] = []
    shifts: list[tuple[int, int]] = [(0, 0)]
    length = 0
    step = 0
    for place, character in enumerate(text):
        piece = character if character.isascii() else _folded(character)
        if place - length != step:
            step = place - length
            shifts.append((length, place))
        if len(piece) != 1:
            # All characters of the piece come from this one place.
            shifts.extend((length + n, place) for n in range(1, len(piece)))
            step = place - length - max(0, len(piece) - 1)
        pieces.append(piece)
        length += len(piece)
    return Folded("".join(pieces), shifts)


@lru_cache(maxsize=4096)
def _folded(character: str) -> str:
    if character in _INVISIBLE:
        return ""
    if character in _DASHES:
        return "-"
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if character.isspace():
        return "\n" if character in "\u2028\u2029\x85" else " "
    return unicodedata.normalize("NFKC", character)
