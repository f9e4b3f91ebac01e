"""What is found out about one line of a file, in whatever process it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from dataforge.errors import Invalid
from dataforge.quality import verdict
from dataforge.quality.findings import Finding
from dataforge.quality.policy import STANDARD, Policy
from dataforge.quality.report_examples import SHOWN
from dataforge.training import jsonl
from dataforge.workflows.checking import file_records
from dataforge.workflows.checking.file_records import FileRecord

Outcome: TypeAlias = Literal["accepted", "flagged", "rejected", "unreadable"]


@dataclass(frozen=True, slots=True)
class CheckedLine:
    number: int
    """From 1, blank lines counted."""
    problem: str = ""
    """Why it cannot be read; then all below is empty."""
    shape: str = ""
    findings: tuple[Finding, ...] = ()
    probability: float = 0.0
    compared: str = ""
    question: str = ""
    answer: str = ""
    """Their beginnings."""

    @property
    def outcome(self) -> Outcome:
        if self.problem:
            return "unreadable"
        if any(f.outcome == "reject" for f in self.findings):
            return "rejected"
        return "flagged" if self.findings else "accepted"

    def to_json(self) -> dict[str, Any]:
        """Without the text that is compared; of an accepted line without question and answer, which nobody shows."""
        made: dict[str, Any] = {"number": self.number, "shape": self.shape, "probability": self.probability}
        if self.problem:
            return made | {"problem": self.problem}
        if self.findings:
            made["findings"] = [f.to_json() for f in self.findings]
            made |= {"question": self.question, "answer": self.answer}
        return made

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> CheckedLine:
        found = tuple(map(Finding.from_json, stored.get("findings", ())))
        return cls(**{**stored, "findings": found})

    def with_findings(self, more: Sequence[Finding]) -> CheckedLine:
        return replace(self, findings=(*self.findings, *more)) if more else self


@dataclass(frozen=True, slots=True)
class LineChecker:
    """Looks at lines one by one; the same in every process."""

    policy: Policy = STANDARD

    def look(self, number: int, line: bytes | None) -> CheckedLine:
        """line: of `jsonl.lines`, not blank."""
        row = jsonl.row(number, line)
        if row.value is None:
            return CheckedLine(number, row.problem or f"Line {number} was not read")
        try:
            record = file_records.read(row.value)
        except Invalid as problem:
            return CheckedLine(number, f"{problem.message} on line {number}")
        return self._checked(number, record)

    def _checked(self, number: int, record: FileRecord) -> CheckedLine:
        found = verdict.judge(record.checked, self.policy)
        return CheckedLine(
            number,
            shape=record.shape,
            findings=found.findings,
            probability=found.probability,
            compared=record.compared,
            question=record.checked.question[:SHOWN],
            answer=record.checked.answer[:SHOWN],
        )
