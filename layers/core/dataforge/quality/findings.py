"""What the checks say of a record: nothing, doubtful (`review`) or a certain defect (`reject`).

A rejected record is not delivered. A doubtful one is delivered with its flags and a low score, and is never accepted
without a person or a verifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Outcome: TypeAlias = Literal["reject", "review"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check that speaks against a record."""

    check: str
    """A key of `checks.CHECKS`, or the name of a check over several records (`near_duplicate`, `contradicts`)."""
    outcome: Outcome
    words: tuple[str, ...] = ()
    """The words of the record that show it, as they stand there."""
    detail: str = ""
    """One short English sentence for a reviewer; empty where the name of the check says it all."""

    def to_json(self) -> dict[str, Any]:
        """Without what is empty."""
        found: dict[str, Any] = {"check": self.check, "outcome": self.outcome}
        if self.words:
            found["words"] = list(self.words)
        if self.detail:
            found["detail"] = self.detail
        return found

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Finding:
        return cls(stored["check"], stored["outcome"], tuple(stored.get("words", ())), stored.get("detail", ""))


def reasons(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The names of the checks that reject, each once."""
    return tuple(dict.fromkeys(f.check for f in findings if f.outcome == "reject"))


def flags(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that only doubt."""
    return tuple(f for f in findings if f.outcome == "review")
