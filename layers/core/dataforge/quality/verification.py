"""What a verifier says of a record: a model that is shown the record with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Says: TypeAlias = Literal["yes", "no", "unsure"]
Ruling: TypeAlias = Literal["confirmed", "rejected", "doubted"]

CRITERIA: dict[str, str] = {
    "answerable": "The question cannot be answered from the source",
    "stands_alone": "The question cannot be understood without the source",
    "supported": "The source does not support the answer",
    "answers_the_question": "The answer does not give what was asked",
    "worth_asking": "The question is not worth asking",
}
"""What is asked of every record, and what a "no" means to a reviewer."""
DECISIVE = ("answerable", "supported", "answers_the_question")
"""A "no" to one of these rejects a record; to the others it is a matter for a person."""

LEAST_SCORE = 6.0
"""Of a record that is confirmed; a record that is rejected has less."""
WORTHLESS = 3.0
"""A record with at most this score is rejected for any "no"."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verifier said of a record."""

    criteria: Mapping[str, Says]
    """By the names of CRITERIA, all of them."""
    score: float
    """1-10, one decimal."""
    words: tuple[str, ...] = ()
    """Of the answer, which the source does not support; each of them stands there."""
    reason: str = ""
    verifier: str = ""
    """The model that answered."""

    @property
    def refused(self) -> list[str]:
        """The criteria that got a "no"."""
        return [name for name in CRITERIA if self.criteria[name] == "no"]

    @property
    def ruling(self) -> Ruling:
        if all(said == "yes" for said in self.criteria.values()) and self.score >= LEAST_SCORE:
            return "confirmed"
        decisive = [name for name in self.refused if name in DECISIVE]
        if (decisive and self.score < LEAST_SCORE) or (self.refused and self.score <= WORTHLESS):
            return "rejected"
        return "doubted"

    @property
    def detail(self) -> str:
        """For a reviewer: the criteria that it does not meet, and the verifier's reason."""
        against = self.refused or [name for name, said in self.criteria.items() if said != "yes"]
        said = "; ".join(CRITERIA[name] for name in against)
        return ". ".join(part.rstrip(".") for part in (said, self.reason) if part)

    def to_json(self) -> dict[str, Any]:
        return {
            "ruling": self.ruling,
            "criteria": {**self.criteria},
            "score": self.score,
            "words": list(self.words),
            "reason": self.reason,
            "verifier": self.verifier,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Verification:
        return cls(stored["criteria"], stored["score"], tuple(stored["words"]), stored["reason"], stored["verifier"])
