"""What is found out about one line of a file, in whatever process it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from dataforge.errors import Invalid
from dataforge.formats import trainers
from dataforge.formats.trainers import Violation
from dataforge.quality import verdict
from dataforge.quality.findings import Finding
from dataforge.quality.passage_search import PassageIndex
from dataforge.quality.policy import STANDARD, Policy
from dataforge.quality.report_examples import SHOWN
from dataforge.training import jsonl
from dataforge.workflows.checking import file_records
from dataforge.workflows.checking.file_records import FileRecord

MOST_VIOLATIONS = 5
"""Of one line."""
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
    source: str = "none"
    """Where its source was found: own (in the line), named (by an id or a document), search, or none."""
    passage: int | None = None
    """The number of the passage, of those that were given."""
    violations: tuple[Violation, ...] = ()
    """What a trainer would refuse."""

    @property
    def outcome(self) -> Outcome:
        if self.problem:
            return "unreadable"
        if any(f.outcome == "reject" for f in self.findings):
            return "rejected"
        return "flagged" if self.findings else "accepted"

    def to_json(self) -> dict[str, Any]:
        """Without the text that is compared; of an accepted line without question and answer, which nobody shows."""
        made: dict[str, Any] = {"number": self.number}
        if self.problem:
            return made | {"problem": self.problem}
        made |= {"shape": self.shape, "probability": self.probability, "source": self.source, "passage": self.passage}
        if self.violations:
            made["violations"] = self.violations
        if self.findings:
            made["findings"] = [f.to_json() for f in self.findings]
            made |= {"question": self.question, "answer": self.answer}
        return made

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> CheckedLine:
        found = tuple(map(Finding.from_json, stored.get("findings", ())))
        violations = tuple(Violation(**v) for v in stored.get("violations", ()))
        return cls(**{**stored, "findings": found, "violations": violations})

    def with_findings(self, more: Sequence[Finding]) -> CheckedLine:
        return replace(self, findings=(*self.findings, *more)) if more else self


@dataclass(frozen=True, slots=True)
class LineChecker:
    """Looks at lines one by one; the same in every process."""

    policy: Policy = STANDARD
    sources: PassageIndex | None = None
    trainer: str | None = None
    """A key of `formats.trainers.TRAINERS`."""

    def look(self, number: int, line: bytes | None) -> CheckedLine:
        """line: of `jsonl.lines`, not blank."""
        row = jsonl.row(number, line)
        if row.value is None:
            return CheckedLine(number, row.problem or f"Line {number} was not read")
        try:
            record = file_records.read(row.value)
        except Invalid as problem:
            return CheckedLine(number, f"{problem.message} on line {number}")
        violations = tuple(trainers.TRAINERS[self.trainer].line(row.value)) if self.trainer else ()
        return self._checked(number, record, violations)

    def _checked(self, number: int, record: FileRecord, violations: tuple[Violation, ...]) -> CheckedLine:
        source, passage = self._source(record)
        checked = record.checked
        if passage is not None and self.sources:
            given = self.sources.passages[passage]
            checked = replace(checked, passage=given.text, headings=given.headings)
        found = verdict.judge(checked, self.policy)
        refused = [Finding("trainer", "reject", (v.field,), v.message) for v in violations[:MOST_VIOLATIONS]]
        return CheckedLine(
            number,
            shape=record.shape,
            findings=(*found.findings, *refused),
            probability=found.probability,
            compared=record.compared,
            question=record.checked.question[:SHOWN],
            answer=record.checked.answer[:SHOWN],
            source=source,
            passage=passage,
            violations=violations[:MOST_VIOLATIONS],
        )

    def _source(self, record: FileRecord) -> tuple[str, int | None]:
        """Where its source was found, and which of the given passages it is."""
        checked = record.checked
        if checked.passage is not None:
            return "own", None
        if self.sources is None:
            return "none", None
        if named := self.sources.by_ids(record.chunk_ids):
            return "named", named[0]
        found = self.sources.best(checked.request or checked.question, checked.answer, document=record.document)
        return ("none", None) if found is None else ("search", found)
