"""`config.checks`: where the lines between accepted, doubtful and rejected lie."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias, cast, get_args

from dataforge.errors import Invalid
from dataforge.quality.findings import Finding

Level: TypeAlias = Literal["lenient", "standard", "strict"]
Setting: TypeAlias = Literal["off", "review", "reject"]


@dataclass(frozen=True, slots=True)
class Lines:
    """Probabilities, 0-1, that a careful reviewer would accept the record."""

    reject_below: float
    flag_below: float


LINES: dict[Level, Lines] = {
    "lenient": Lines(reject_below=0.0, flag_below=0.4),
    "standard": Lines(reject_below=0.15, flag_below=0.65),
    "strict": Lines(reject_below=0.25, flag_below=0.7),
}
"""Chosen with the weights, by `make bench-verdicts ARGS=--curve`: a record that nothing speaks against stands little
above the line of `strict`."""


@dataclass(frozen=True, slots=True)
class Policy:
    level: Level = "standard"
    single: Mapping[str, Setting] = field(default_factory=dict)
    """By the name of a check: what it does instead of what its table says."""

    @property
    def lines(self) -> Lines:
        return LINES[self.level]

    def settled(self, found: Finding) -> Finding | None:
        """What a finding of no check of one record (a repeat, a ruling) counts as; None: nothing."""
        setting = self.single.get(found.check, found.outcome)
        return None if setting == "off" else replace(found, outcome=setting)


STANDARD = Policy()

LEVELS: tuple[Level, ...] = get_args(Level)
SETTINGS: tuple[Setting, ...] = get_args(Setting)


def read(given: object, known: Collection[str]) -> Policy:
    """A level, or `{"level": ..., "<check>": "off" | "review" | "reject"}`; None: the standard one. known: the names of
    all checks. Raises Invalid naming the field, with the names that may have been meant."""
    if given is None:
        return STANDARD
    if isinstance(given, str):
        given = {"level": given}
    if not isinstance(given, Mapping):
        raise Invalid(f"checks must be {_or(LEVELS)}, or an object with a level and checks", field="checks")
    single = {name: value for name, value in given.items() if name != "level"}
    level = given.get("level", "standard")
    if level not in LEVELS:
        raise Invalid(f"checks must be {_or(LEVELS)}, not {str(level)[:60]!r}", field="checks")
    for name, value in single.items():
        if name not in known:
            raise Invalid(f"checks.{name[:60]} is no check; {_meant(name, known)}", field=f"checks.{name[:60]}")
        if value not in SETTINGS:
            raise Invalid(f"checks.{name} must be {_or(SETTINGS)}", field=f"checks.{name}")
    return Policy(cast(Level, level), cast("dict[str, Setting]", single))


def stored(given: Any, known: Collection[str]) -> Policy:
    """As it was read when the run began; a check that is gone since counts as not given."""
    if not isinstance(given, Mapping):
        return read(given, known)
    return read({name: value for name, value in given.items() if name == "level" or name in known}, known)


def _meant(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches  # only for a request that is refused

    near = get_close_matches(name.lower()[:60], known, 3)
    return f"did you mean {_or(near)}?" if near else f"use one of: {', '.join(known)}"


def _or(names: Collection[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last
