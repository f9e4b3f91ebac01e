"""Numbers of an answer against those of its passage: are they there, do they follow, in their unit, at their words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from dataforge.quality.checks.check import Check, Signal
from dataforge.quality.checks.derived import counts, worked_out
from dataforge.quality.checks.reading import Claim, Piece, Source, key_of
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.checks.units import converted, equal, fits
from dataforge.text.quantities import CODE, Quantity

_BINDING_LEAST = 0.05
MOST_LOOKED_AT = 40
"""Numbers of a record, the first ones: a table has hundreds, and each is held against all of the passage."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One quantity of an answer with what was found about it."""

    claim: Claim
    quantity: Quantity
    missing: float = 0.0
    other_unit: float = 0.0
    misplaced: float = 0.0
    instead: str = ""
    """What the passage has in its place."""


def looked_at(record: CheckedRecord) -> tuple[Looked, ...]:
    """Every quantity of the answers; kept with the record, for three checks read it."""
    kept: tuple[Looked, ...] | None = record.notes.get("quantities")
    if kept is None:
        kept = record.notes["quantities"] = tuple(_look(record))
    return kept


def _look(record: CheckedRecord) -> Iterator[Looked]:
    found = ((claim, q) for claim in record.claims for q in claim.piece.quantities if q.unit is not CODE)
    for claim, quantity in islice(found, MOST_LOOKED_AT):
        yield _one(record, claim, quantity)


def _one(record: CheckedRecord, claim: Claim, quantity: Quantity) -> Looked:
    source = claim.source
    same = [(p, q) for p, q in source.quantities if equal(quantity, q)]
    fitting = [(p, q) for p, q in same if fits(quantity, q, p)]
    if fitting and (_elsewhere(claim, quantity) or _is_number_of_line(claim.piece, quantity)):
        return Looked(claim, quantity)
    if fitting:
        margin, instead = misplaced(record, claim, quantity, fitting)
        if margin and not quantity.unit.dimension and quantity.value <= 12 and quantity.written:
            margin *= 0.0 if counts(claim, quantity) else 0.4 if not key_of(quantity.counted or "the") else 1.0
        if margin and len(claim.piece.quantities) > 2 and worked_out(claim, quantity) == 1.0:
            margin = 0.0
        return Looked(claim, quantity, misplaced=margin, instead=instead)
    if _elsewhere(claim, quantity) or quantity.value in (0, 1):
        return Looked(claim, quantity)
    if same and quantity.unit.dimension:
        measured = [q for _, q in same if q.unit.dimension]
        alike = any(q.unit.dimension == quantity.unit.dimension for q in measured)
        if any(converted(quantity, q, 0.006) for _, q in source.quantities):
            return Looked(claim, quantity)
        if not alike and worked_out(claim, quantity) > 0.9:
            return Looked(claim, quantity)
        instead = (measured or [q for _, q in same])[0].text
        return Looked(
            claim,
            quantity,
            other_unit=1.0 if alike else (0.6 if measured else 0.5) * (1 - worked_out(claim, quantity)),
            instead=instead,
        )
    if same:
        return Looked(claim, quantity)
    follows = worked_out(claim, quantity)
    return Looked(claim, quantity, missing=(1 - follows) * _how_missing(claim, quantity))


def _is_number_of_line(piece: Piece, quantity: Quantity) -> bool:
    """ "2." before an item of a list."""
    return not piece.text[: quantity.start].strip() and piece.text[quantity.end : quantity.end + 1] in (".", ")")


def _elsewhere(claim: Claim, quantity: Quantity) -> bool:
    """In the question or the headings."""
    asked = (*claim.question.quantities, *claim.source.above)
    return any(equal(quantity, q) and (not quantity.unit.dimension or quantity.unit.name == q.unit.name) for q in asked)


def _how_missing(claim: Claim, quantity: Quantity) -> float:
    """Surer where the supporting sentences have another number of the same unit, or before the same word."""
    near = [q for p in claim.support[:2] for q in p.quantities]
    if quantity.unit.dimension in ("date", "calendar"):
        return 0.9 if any(q.unit.dimension == quantity.unit.dimension for q in near) else 0.6
    if quantity.unit.dimension:
        return 1.0 if any(q.unit.name == quantity.unit.name for q in near) else 0.7
    counted = key_of(quantity.counted) if quantity.counted else ""
    if counted and any(counted == key_of(q.counted) for q in near if q.counted):
        return 1.0
    if quantity.written or quantity.value < 10:
        return 0.2
    return 0.7


def misplaced(
    record: CheckedRecord, claim: Claim, quantity: Quantity, places: Sequence[tuple[Piece, Quantity]]
) -> tuple[float, str]:
    """How much better the words around it fit another number of its unit; 0: it stands where it belongs.

    Where the answer gives that other number as well, the two are compared with their exchange.
    """
    source = claim.source
    wanted = _wanted(record, claim, quantity)
    own, (at, mine) = max(((_fit(wanted, source, p, q), (p, q)) for p, q in places), key=lambda one: one[0])
    most, instead = 0.0, ""
    for piece, other in source.quantities:
        if equal(quantity, other) or not comparable(quantity, mine, at, other, piece):
            continue
        exchanged, kept = _fit(wanted, source, piece, other), own
        if exchanged <= own * (1 + _BINDING_LEAST):
            continue
        said = next((q for q in claim.piece.quantities if q is not quantity and equal(q, other)), None)
        if said:
            theirs = _wanted(record, claim, said)
            kept += max(_fit(theirs, source, p, q) for p, q in source.quantities if equal(q, said))
            exchanged += max(_fit(theirs, source, p, q) for p, q in places)
        margin = (exchanged - kept) / exchanged
        if margin > most:
            most, instead = margin, other.text
    return (most, instead) if most > _BINDING_LEAST else (0.0, "")


def comparable(mine: Quantity, place: Quantity, at: Piece, other: Quantity, piece: Piece) -> bool:
    """Whether the other number could stand for the one that was found at `place`: it measures or counts the same."""
    unit = mine.unit if mine.unit.dimension else place.unit
    if unit.dimension:
        bare = not other.unit.dimension and bool(piece.cells) and bool(at.cells) and not place.unit.dimension
        return unit.name == other.unit.name or bare or (not mine.unit.dimension and not other.unit.dimension)
    if other.unit.dimension or other.unit is CODE:
        return False
    if piece.cells and at.cells:
        return True
    return _counted(mine, place) == _counted(other, other) or not (_counted(mine, place) and _counted(other, other))


def _counted(mine: Quantity, place: Quantity) -> str:
    return key_of(mine.counted or place.counted) if mine.counted or place.counted else ""


def _wanted(record: CheckedRecord, claim: Claim, quantity: Quantity) -> dict[str, float]:
    """The words of claim and question, by how near they stand to the number."""
    asked = 0.0 if record.is_digest else 0.6 if claim.piece.index == 0 else 0.3
    found = dict.fromkeys(claim.question.keys, asked)
    for key, near in claim.piece.near(quantity.start, quantity.end).items():
        found[key] = max(found.get(key, 0.0), near)
    return found


def _fit(wanted: dict[str, float], source: Source, piece: Piece, quantity: Quantity) -> float:
    total = 0.0
    for key, near in piece.near(quantity.start, quantity.end).items():
        share = wanted.get(key)
        if share:
            total += share * near * source.weight(key)
    return total


def _strongest(found: Iterable[tuple[float, Looked]]) -> Signal | None:
    seen = sorted(((s, look) for s, look in found if s > 0), key=lambda one: -one[0])
    if not seen:
        return None
    strength, look = seen[0]
    words = tuple(dict.fromkeys(x.quantity.text for _, x in seen))[:5]
    detail = f"The passage has {look.instead} there." if look.instead else ""
    return Signal(min(1.0, strength), words, detail)


def number_missing(record: CheckedRecord) -> Signal | None:
    loose = 0.6 if record.is_work or record.turns else 1.0
    return _strongest((x.missing * loose, x) for x in looked_at(record))


def unit_changed(record: CheckedRecord) -> Signal | None:
    return _strongest((x.other_unit, x) for x in looked_at(record))


def number_misplaced(record: CheckedRecord) -> Signal | None:
    return _strongest((x.misplaced, x) for x in looked_at(record))


CHECKS: dict[str, Check] = {
    "number_missing": Check(number_missing, "weigh", "A number is neither in the passage nor follows from it"),
    "unit_changed": Check(unit_changed, "weigh", "A number stands in the passage with another unit"),
    "number_misplaced": Check(
        number_misplaced, "weigh", "A number of the passage that belongs to something else there"
    ),
}
