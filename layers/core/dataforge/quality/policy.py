"""`config.checks`: where the lines between accepted, doubtful and rejected lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["lenient", "standard", "strict"]
Setting: TypeAlias = Literal["off", "review", "reject"]


@dataclass(frozen=True, slots=True)
class Lines:
    """Probabilities, 0-1, that a careful reviewer would accept the record."""

    reject_below: float
    flag_below: float


LINES: dict[Level, Lines] = {
    "lenient": Lines(reject_below=0.0, flag_below=0.35),
    "standard": Lines(reject_below=0.02, flag_below=0.5),
    "strict": Lines(reject_below=0.15, flag_below=0.7),
}


@dataclass(frozen=True, slots=True)
class Policy:
    level: Level = "standard"
    single: Mapping[str, Setting] = field(default_factory=dict)
    """By the name of a check: what it does instead of what its table says."""

    @property
    def lines(self) -> Lines:
        return LINES[self.level]


STANDARD = Policy()
