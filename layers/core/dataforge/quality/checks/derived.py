"""Whether a number of an answer follows from others: another unit, a word for it, arithmetic, a count of things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from dataforge.quality.checks.reading import Claim
from dataforge.quality.checks.units import close, converted, equal
from dataforge.text.languages.share_words import CJK_SHARES, ORDINALS, PERIODS, SHARES
from dataforge.text.quantities import CLOCK, CODE, COUNT, Quantity, unit_of

_ABOUT = re.compile(
    r"\b(?:about|around|roughly|almost|nearly|approximately|over|under|just|some|close to|more than|less than|a little|"
    r"etwa|rund|ungefähr|knapp|fast|gut|circa|ca|environ|autour|presque|près|unos|unas|alrededor|cerca|casi|"
    r"aproximadamente|quase|circa|quasi|ongeveer|bijna|około|prawie)\b|约|大约|左右|近|حوالي|نحو|تقريبا|लगभग",
    re.IGNORECASE,
)
_MOST_OPERANDS = 14


def worked_out(claim: Claim, quantity: Quantity) -> float:
    """How surely it follows, 0-1: from another unit, a word for it, arithmetic with what the answer or the question
    shows; less surely from numbers that only the passage has."""
    slack = (
        0.06 if _ABOUT.search(claim.piece.text[max(0, quantity.start - 30) : quantity.end + 4]) else _rounding(quantity)
    )
    near = list(dict.fromkeys((*claim.support, *claim.quoted)))
    silent = [q for p in near for q in p.quantities if q.unit is not CODE][:_MOST_OPERANDS]
    said = [q for q in claim.beside if q is not quantity and q.unit is not CODE][:_MOST_OPERANDS]
    shown = [q for q in said if q.value <= 12 or any(equal(q, theirs) for _, theirs in claim.source.quantities)]
    asked = [q for q in claim.question.quantities if q.unit is not CODE]
    if any(converted(quantity, q, slack) for q in (*said, *asked, *(q for _, q in claim.source.quantities))):
        return 1.0
    words = {t.folded for p in (*near, claim.question, claim.piece) for t in p.tokens}
    if _in_words(quantity, words, "".join(p.text for p in (*near, claim.question))) or counts(claim, quantity):
        return 1.0
    if any(close(v, r, slack) for v in quantity.values for r in _results(quantity, [*shown, *asked], silent, words)):
        return 1.0
    return (
        0.6 if any(close(v, r, slack) for v in quantity.values for r in _results(quantity, silent, [], words)) else 0.0
    )


def _rounding(quantity: Quantity) -> float:
    """Of its last digit, as a share of it."""
    digits = re.search(r"\d[\d.,]*", quantity.text)
    decimals = len(re.split(r"[.,]", digits.group())[-1]) if digits and re.search(r"[.,]", digits.group()) else 0
    if quantity.value >= 1e5 or not quantity.value:
        return 0.005
    return float(0.501 * 10**-decimals / quantity.value)


def _in_words(quantity: Quantity, words: set[str], text: str) -> bool:
    """ "Halve" is 50 percent, "twice" 2, "the third" 3."""
    wanted = set(quantity.values) | {v / 100 for v in quantity.values} | {100 / v for v in quantity.values if v}
    if any(close(v, share) for w in words if (share := SHARES.get(w)) for v in wanted):
        return True
    if any(ORDINALS.get(w) in quantity.values for w in words):
        return True
    return any(mark in text and any(close(v, share) for v in wanted) for mark, share in CJK_SHARES)


def counts(claim: Claim, quantity: Quantity) -> bool:
    """A small number of things that the answer or a list of the passage names one by one."""
    if quantity.unit.dimension or not 2 <= quantity.value <= 12:
        return False
    after = claim.piece.text[quantity.end :]
    listed = len(re.findall(r",|;|、|،| and | und | et | y | e | i |和|以及| و", after)) + 1
    return listed == quantity.value


def _results(
    quantity: Quantity, shown: Sequence[Quantity], silent: Sequence[Quantity], words: set[str]
) -> Iterator[float]:
    """What one or two numbers give of which one at least is shown, or several that are all shown."""
    first = _operands(shown)
    pairs = [*combinations(first, 2), *((a, b) for a in first for b in _operands(silent))]
    unit = quantity.unit
    for value, name in first:
        if name == "%":
            yield 100 - value
            yield value
            yield 100 / value if value else 0.0
        yield from (value * by for by in _periods(words))
        for share in {s for w in words if (s := SHARES.get(w))}:
            yield from (value * share, value / share, value * (1 + share))
    for (a, ua), (b, ub) in pairs:
        yield a + b
        yield abs(a - b)
        if a and b and a != 1 and b != 1:
            yield a * b
            yield max(a, b) / min(a, b)
            if unit.name == "%" or unit is COUNT:
                yield 100 * min(a, b) / max(a, b)
                yield 100 * abs(a - b) / max(a, b)
                yield 100 * abs(a - b) / min(a, b)
        for percent, other, of in ((a, b, ua), (b, a, ub)):
            if of == "%":
                yield from (percent * other / 100, other * (1 + percent / 100), other * (1 - percent / 100))
    same = [v for v, name in first if name == unit.name or not unit.dimension or not name][:8]
    for a, b, c in combinations(same, 3):
        yield from (a + b + c, 100 - a - b - c, a * b + c, a * c + b, b * c + a)
    if len(same) > 3:
        yield sum(same)
    times = [q.value for q in (*shown, *silent) if q.unit is CLOCK]
    if unit is CLOCK:
        yield from _clocks([*shown, *silent])
    elif times and unit.dimension == "time":
        for a, b in combinations(times, 2):
            yield from (abs(a - b), abs(a - b) // 60, abs(a - b) % 60, abs(a - b) / 60)


def _operands(found: Iterable[Quantity]) -> list[tuple[float, str]]:
    return list(dict.fromkeys((q.value, q.unit.name) for q in found if q.unit.dimension not in ("date", "clock")))[
        :_MOST_OPERANDS
    ]


def _periods(words: set[str]) -> Iterator[float]:
    """Months in a year and the like, where both are spoken of."""
    spoken = {unit.name for w in words if (unit := unit_of(w))} | {p for w in words if (p := PERIODS.get(w))}
    for many, few, by in (("month", "year", 12), ("week", "year", 52), ("day", "week", 7), ("hour", "day", 24)):
        if many in spoken and few in spoken:
            yield by
            yield 1 / by


def _clocks(operands: Iterable[Quantity]) -> Iterator[float]:
    times = [q.value for q in operands if q.unit is CLOCK]
    spans = [q.value * q.unit.factor / 60 for q in operands if q.unit.dimension == "time" and q.unit.factor <= 86400]
    for time in times:
        for span in spans:
            yield (time + span) % 1440
            yield (time - span) % 1440
