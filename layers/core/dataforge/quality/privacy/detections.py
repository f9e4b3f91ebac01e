"""What a detector found: a place in a text and the kind of thing that stands there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Category = Literal["personal", "secret"]


@dataclass(frozen=True, slots=True)
class Detection:
    """text[start:end] is personal data or a secret. Never holds the value itself, so that it may be logged."""

    start: int
    end: int
    kind: str
    """What it is: `email`, `phone`, `iban`, `us_ssn`, `github_token`, ..."""
    category: Category
    label: str
    """Of its placeholder: EMAIL, PHONE, ID, SECRET, ..."""


def apart(found: Iterable[Detection]) -> list[Detection]:
    """In order and without overlaps: of two that overlap, the one that came first in `found` stays."""
    kept: list[Detection] = []
    taken: set[int] = set()
    for one in found:
        covered = range(one.start, one.end)
        if not taken.intersection(covered):
            taken.update(covered)
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)
