"""How often each reason occurred, with a few examples of each: bounded, however many records go by."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dataforge.quality import privacy
from dataforge.quality.checks import CHECKS

T = TypeVar("T")

EXAMPLES = 3
"""Of each reason."""
MOST_REASONS = 200
"""Of which examples are kept; the others are counted."""
SAMPLES = 4
SHOWN = 400
"""Characters of a question or an answer that an example shows."""

SAYS = {
    "near_duplicate": "Says nearly the same as an earlier record",
    "ungrounded": "The passage does not support the answer",
    "single_source": "One of its passages was not needed",
    "trainer": "The trainer would refuse the line",
    "format_invalid": "The record is not well formed",
    "low_margin": "The better answer is hardly better than the worse one",
    "too_similar": "The two answers are nearly the same",
    "judge_rejected": "The judge found it not good enough",
    "invariant_violated": "It breaks a rule that was asked for",
    "unreadable_reply": "No record could be read from the model's replies",
    "teacher_unreachable": "The model could not be reached",
    "teacher_busy": "The model was busy for too long",
    "teacher_refused": "The model's server refused every request",
    "prompt_refused": "The model's server refused this request",
    "passage_exhausted": "There was nothing more to ask about the passage",
    "batch_failed": "The provider's batch job failed",
    "internal_error": "A defect of this service; the log has more",
    "chunk_deleted": "The passage was deleted meanwhile",
    "chunk_excluded": "The passage was excluded meanwhile",
    "cancelled": "The run was cancelled before",
    "run_failed": "The run failed before",
    "budget_reached": "More would have cost more than was allowed",
    "monthly_budget_reached": "The month's budget is used up",
}
"""What is wrong, of reasons that are no check of a single record."""


def says(reason: str) -> str:
    """One sentence for people; empty for a reason that nobody explained."""
    check = CHECKS.get(reason)
    return check.says if check else SAYS.get(reason.rpartition(": ")[2], "")


@dataclass(slots=True)
class Examples(Generic[T]):
    """counts: of each reason in its group (rejected, flagged, failed); shown: the first few examples of each."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    shown: dict[str, dict[str, list[T]]] = field(default_factory=dict)
    samples: list[T] = field(default_factory=list)
    """Of the good ones: each has the same chance."""
    _rng: random.Random = field(default_factory=lambda: random.Random(0))
    _good: int = 0

    def count(self, group: str, reason: str, make: Callable[[], T]) -> None:
        self.counts.setdefault(group, Counter())[reason] += 1
        shown = self.shown.setdefault(group, {})
        if reason in shown or len(shown) < MOST_REASONS:
            kept = shown.setdefault(reason, [])
            if len(kept) < EXAMPLES:
                kept.append(make())

    def sample(self, make: Callable[[], T]) -> None:
        self._good += 1
        if len(self.samples) < SAMPLES:
            self.samples.append(make())
        elif (place := self._rng.randrange(self._good)) < SAMPLES:
            self.samples[place] = make()

    def of(self, group: str, reason: str) -> Sequence[T]:
        return self.shown.get(group, {}).get(reason, ())


def shown(text: str, most: int = SHOWN) -> str:
    """The beginning of a text, without the personal data and the secrets that can be found in it."""
    text = text if len(text) <= most else f"{text[: most - 3]}..."
    found = privacy.find(text)
    return privacy.redact(text, found).text if found else text


def descending(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first; ties by name."""
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))
