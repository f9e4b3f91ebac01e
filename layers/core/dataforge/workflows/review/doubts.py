"""What an accept by filters leaves to a person: flagged pairs, those that a check rejected, and duplicates."""

from __future__ import annotations

from dataclasses import dataclass, fields

from dataforge.store.review_facts import DUPLICATE, REJECTED, Facts
from dataforge.workflows.review import search


@dataclass(frozen=True, slots=True)
class Included:
    """Which of the doubtful pairs are accepted all the same."""

    flagged: bool = False
    rejected: bool = False
    duplicates: bool = False


NOTHING = Included()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many pairs were left out: each is counted once, as the worst that it is."""

    flagged: int = 0
    rejected: int = 0
    """By a check of their run, whatever happened to them since."""
    duplicates: int = 0

    def __add__(self, other: LeftOut) -> LeftOut:
        return LeftOut(self.flagged + other.flagged, self.rejected + other.rejected, self.duplicates + other.duplicates)

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self))


NONE = LeftOut()


def split(mask: int, facts: Facts, included: Included) -> tuple[int, LeftOut]:
    """The slots of the mask that are accepted, and what the others are."""
    duplicates = mask & search.with_bits(facts, DUPLICATE)
    rejected = mask & search.with_bits(facts, REJECTED) & ~duplicates
    flagged = mask & search.flagged(facts) & ~duplicates & ~rejected
    left = (
        0 if included.flagged else flagged,
        0 if included.rejected else rejected,
        0 if included.duplicates else duplicates,
    )
    return mask & ~(left[0] | left[1] | left[2]), LeftOut(*(m.bit_count() for m in left))
