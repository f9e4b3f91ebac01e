"""The report of a checked file as plain data: counts, reasons, scores, the grade, a few examples of everything.

The grade of a file is the lowest of its letters, by RUBRIC: one number that is bad makes a file that should not be
trained on as it is. A line that cannot be read counts as rejected.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dataforge.quality import grades
from dataforge.quality.checks import CHECKS
from dataforge.workflows.checking.line_checks import CheckedLine

RUBRIC: dict[str, tuple[tuple[str, float], ...]] = {
    **{name: grades.RUBRIC[name] for name in ("pass_rate", "diversity")},
    "mean_score": (("A", 0.70), ("B", 0.55), ("C", 0.40)),
}
"""Least values of a letter; below the last it is D. Share not rejected, variety, probability of acceptance."""
SAYS = {"near_duplicate": "Says nearly the same as an earlier line"}
"""What is wrong, of the checks over several lines."""
EXAMPLES = 3
"""Of each reason."""
MOST_PROBLEMS = 100
BUCKETS = 10


@dataclass(slots=True)
class Summary:
    """Sees every line once, in order; a few bytes of each are kept. samples: some lines that may be shown as good."""

    samples: Sequence[CheckedLine] = ()

    lines: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    by_check: dict[str, Counter[str]] = field(default_factory=lambda: {"rejected": Counter(), "flagged": Counter()})
    scores: array[float] = field(default_factory=lambda: array("f"))
    problems: list[dict[str, Any]] = field(default_factory=list)
    examples: dict[str, dict[str, list[dict[str, Any]]]] = field(
        default_factory=lambda: {"rejected": {}, "flagged": {}}
    )
    says: dict[str, str] = field(default_factory=dict)

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
        if outcome in self.by_check:
            wanted = "reject" if outcome == "rejected" else "review"
            for name in dict.fromkeys(f.check for f in line.findings if f.outcome == wanted):
                self._count(outcome, name, line)

    def _count(self, outcome: str, check: str, line: CheckedLine) -> None:
        self.by_check[outcome][check] += 1
        shown = self.examples[outcome].setdefault(check, [])
        if len(shown) < EXAMPLES:
            finding = next(f for f in line.findings if f.check == check)
            shown.append(_example(line, finding.words[:10], finding.detail))
            self.says.setdefault(check, CHECKS[check].says if check in CHECKS else SAYS.get(check, ""))

    @property
    def readable(self) -> int:
        return self.lines - self.outcomes["unreadable"]

    def report(self, diversity: float | None) -> dict[str, Any]:
        kept = self.outcomes["accepted"] + self.outcomes["flagged"]
        pass_rate = round(kept / self.lines, 4) if self.lines else 0.0
        mean = round(sum(self.scores) / len(self.scores), 4) if self.scores else None
        letters = _letters({"pass_rate": pass_rate, "diversity": diversity, "mean_score": mean})
        return {
            "lines": self.lines,
            **{name: self.outcomes[name] for name in ("accepted", "flagged", "rejected", "unreadable")},
            "shapes": _descending(self.shapes),
            "rejected_by_check": _descending(self.by_check["rejected"]),
            "flagged_by_check": _descending(self.by_check["flagged"]),
            "pass_rate": pass_rate,
            "mean_score": mean,
            "score_histogram": self._histogram(),
            "diversity_score": diversity,
            "grade": max(letters.values()),
            "grades": letters,
            "problems": self.problems,
            "examples": {**self.examples, "accepted": [_example(one) for one in self.samples]},
            "checks": {name: self.says[name] for name in sorted(self.says)},
        }

    def _histogram(self) -> dict[str, int]:
        counts = Counter(min(int(score * BUCKETS), BUCKETS - 1) for score in self.scores)
        return {f"{n / BUCKETS:.1f}-{(n + 1) / BUCKETS:.1f}": counts[n] for n in range(BUCKETS)}


def _example(line: CheckedLine, words: Sequence[str] = (), detail: str = "") -> dict[str, Any]:
    return {
        "line": line.number,
        "question": line.question,
        "answer": line.answer,
        "score": line.probability,
        "words": list(words),
        "detail": detail,
    }


def _letters(measured: Mapping[str, float | None]) -> dict[str, str]:
    """Measures that were not taken have none."""
    return {
        name: next((letter for letter, least in RUBRIC[name] if value >= least), "D")
        for name, value in measured.items()
        if value is not None
    }


def _descending(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first; ties by name."""
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))
