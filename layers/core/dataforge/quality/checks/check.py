"""What a check is: a function that looks at one record and returns how strongly something speaks against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from dataforge.quality.checks.record import CheckedRecord

Weight: TypeAlias = Literal["reject", "review", "weigh"]


@dataclass(frozen=True, slots=True)
class Signal:
    """What a check saw."""

    strength: float = 1.0
    """0 (hardly) to 1 (certainly)."""
    words: tuple[str, ...] = ()
    """The words of the record that show it, as they stand there."""
    detail: str = ""
    """One short English sentence for a reviewer; empty where the check's `says` is enough."""


Look: TypeAlias = Callable[[CheckedRecord], Signal | None]
"""None: nothing speaks against the record, or the check does not know its language."""


@dataclass(frozen=True, slots=True)
class Check:
    """A line of `checks.CHECKS`.

    weight: what its signal means by itself. `reject`: a certain defect. `review`: the record is flagged. `weigh`: it
    only lowers the probability that a reviewer would accept the record; the record is flagged or rejected by all of its
    signals together (`quality.verdict`).
    """

    look: Look
    weight: Weight
    says: str
    """What is wrong, as a reviewer reads it: "The answer is cut off"."""
