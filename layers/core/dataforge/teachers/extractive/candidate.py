"""What a maker offers: a pair that could be asked, and how good it is among its kind."""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.records import Difficulty


@dataclass(frozen=True, slots=True)
class Candidate:
    question: str
    answer: str
    kind: str
    """The question type: definition, numeric, temporal, list, how-to, table, reason, condition, ..."""
    difficulty: Difficulty
    evidence: tuple[str, ...]
    """Exact slices of the passage."""
    worth: float
    """0-1: how much such pairs are worth in training data; ranks them within a passage."""
