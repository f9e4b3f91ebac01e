"""The report of a checked file as plain data: counts, reasons, scores, the grade, a few examples of everything.

The grade of a file is the lowest of its letters, by RUBRIC: one number that is bad makes a file that should not be
trained on as it is; one that the trainer would refuse has D. A line that cannot be read counts as rejected.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dataforge.formats import trainers
from dataforge.quality import grades, report_examples
from dataforge.quality.html_report import tenths
from dataforge.quality.passage_search import SourcePassage
from dataforge.quality.report_examples import Examples, shown
from dataforge.workflows.checking.line_checks import CheckedLine
from dataforge.workflows.checking.source_files import Sources

RUBRIC: dict[str, tuple[tuple[str, float], ...]] = {
    **{name: grades.RUBRIC[name] for name in ("pass_rate", "diversity")},
    "accepted": (("A", 0.90), ("B", 0.75), ("C", 0.50)),
}
"""Least values of a letter; below the last it is D. Share not rejected, variety, share without any flag."""
MOST_PROBLEMS = 100
MOST_ROWS = 200


@dataclass(slots=True)
class Summary:
    """Sees every line once, in order; a few bytes of each are kept. samples: some lines that may be shown as good."""

    samples: Sequence[CheckedLine] = ()
    given: Sources | None = None
    """What the lines are checked against."""
    trainer: str | None = None
    origins: Counter[str] = field(default_factory=Counter)
    per_passage: Counter[int] = field(default_factory=Counter)
    violations: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    """Lines that the trainer would refuse."""

    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    scores: array[float] = field(default_factory=lambda: array("f"))
    problems: list[dict[str, Any]] = field(default_factory=list)
    found: Examples[dict[str, Any]] = field(default_factory=Examples)

    def see(self, line: CheckedLine) -> None:
        self.lines += 1
        outcome = line.outcome
        self.outcomes[outcome] += 1
        if outcome == "unreadable":
            if len(self.problems) < MOST_PROBLEMS:
                self.problems.append({"line": line.number, "message": line.problem})
            return
        self.shapes[line.shape] += 1
        self.scores.append(line.probability)
        self.origins[line.source] += 1
        if line.passage is not None:
            self.per_passage[line.passage] += 1
        self.refused += bool(line.violations)
        if len(self.violations) < MOST_PROBLEMS:
            self.violations += [{"line": line.number, "field": v.field, "message": v.message} for v in line.violations]
        if outcome == "accepted":
            return
        wanted = "reject" if outcome == "rejected" else "review"
        for finding in {f.check: f for f in reversed(line.findings) if f.outcome == wanted}.values():
            self.found.count(outcome, finding.check, partial(_example, line, finding.words[:10], finding.detail))

    @property
    def readable(self) -> int:
        return self.lines - self.outcomes["unreadable"]

    def report(self, diversity: float | None) -> dict[str, Any]:
        kept = self.outcomes["accepted"] + self.outcomes["flagged"]
        pass_rate = round(kept / self.lines, 4) if self.lines else 0.0
        mean = round(sum(self.scores) / len(self.scores), 4) if self.scores else None
        accepted = round(self.outcomes["accepted"] / self.lines, 4) if self.lines else 0.0
        letters = _letters({"pass_rate": pass_rate, "accepted": accepted, "diversity": diversity})
        trainer = self._trainer()
        grade = "D" if trainer and not trainer["accepted"] else max(letters.values())
        return {
            "lines": self.lines,
            **{name: self.outcomes[name] for name in ("accepted", "flagged", "rejected", "unreadable")},
            "shapes": report_examples.descending(self.shapes),
            "rejected_by_check": report_examples.descending(self._counts("rejected")),
            "flagged_by_check": report_examples.descending(self._counts("flagged")),
            "pass_rate": pass_rate,
            "accepted_rate": accepted,
            "mean_score": mean,
            "score_histogram": tenths(self.scores),
            "diversity_score": diversity,
            "grade": grade,
            "grades": letters,
            "problems": self.problems,
            "trainer": trainer,
            "sources": self._sources(),
            "examples": {
                **{name: self.found.shown.get(name, {}) for name in ("rejected", "flagged")},
                "accepted": [_example(one) for one in self.samples],
            },
            "checks": {
                name: report_examples.says(name) for group in self.found.counts.values() for name in sorted(group)
            },
        }

    def _trainer(self) -> dict[str, Any] | None:
        """A trainer refuses a file for one bad line."""
        if self.trainer is None:
            return None
        whole = trainers.of_file(self.trainer, self.lines, self.shapes)
        unread = self.outcomes["unreadable"]
        return {
            "name": self.trainer,
            "accepted": not whole and not self.refused and not unread,
            "file": whole,
            "refused_lines": self.refused + unread,
            "violations": self.violations,
        }

    def _sources(self) -> dict[str, Any]:
        """Which lines have a source and, of the documents that were given, how much of each is covered."""
        found: dict[str, Any] = {"lines": {name: self.origins[name] for name in ("own", "named", "search", "none")}}
        if self.given is not None:
            passages = self.given.passages
            by_document, by_section = (_coverage(passages, self.per_passage, named) for named in (_document, _section))
            found |= {"passages": len(passages), "failed": self.given.failed[:MOST_PROBLEMS]}
            found |= {"documents": by_document, "sections": by_section}
        return found

    def _counts(self, outcome: str) -> Counter[str]:
        return self.found.counts.get(outcome, Counter())


def _example(line: CheckedLine, words: Sequence[str] = (), detail: str = "") -> dict[str, Any]:
    return {
        "line": line.number,
        "question": shown(line.question),
        "answer": shown(line.answer),
        "score": line.probability,
        "words": [shown(word, 60) for word in words],
        "detail": shown(detail),
    }


def _document(passage: SourcePassage) -> str:
    return passage.document or "(without a name)"


def _section(passage: SourcePassage) -> str:
    return f"{_document(passage)}: {' > '.join(passage.headings[:2])}" if passage.headings else _document(passage)


def _coverage(
    passages: Sequence[SourcePassage], used: Counter[int], named: Callable[[SourcePassage], str]
) -> list[dict[str, Any]]:
    """By name: passages, those that a line was made from, and these lines; the largest first."""
    rows: dict[str, list[int]] = {}
    for number, passage in enumerate(passages):
        row = rows.setdefault(named(passage), [0, 0, 0])
        row[0] += 1
        row[1] += bool(used[number])
        row[2] += used[number]
    largest = sorted(rows.items(), key=lambda kv: (-kv[1][0], kv[0]))[:MOST_ROWS]
    return [{"name": n, "passages": a, "used": b, "lines": c} for n, (a, b, c) in largest]


def _letters(measured: Mapping[str, float | None]) -> dict[str, str]:
    """Measures that were not taken have none."""
    return {
        name: next((letter for letter, least in RUBRIC[name] if value >= least), "D")
        for name, value in measured.items()
        if value is not None
    }
