"""The score of a draft: is it well formed, does its passage support it, how good does it look.

Each kind of record has a scorer of its own (`recipes.Recipe.score`), made of what stands here and in `scoring`,
`grounding` and `format_checks`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from dataforge.quality import findings, format_checks, grounding, scoring
from dataforge.quality.findings import Finding
from dataforge.quality.sources import Joined
from dataforge.quality.verification import Verification
from dataforge.records import Draft, Grounding

LEAST_GROUNDING = 0.35
"""What its passage supports less than this is rejected as ungrounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringCase:
    """A draft with what it is scored by."""

    draft: Draft
    passage: str
    headings: Sequence[str] = ()
    system_prompt: str = ""
    finish_reason: str = "stop"
    labels: Sequence[str] = ()
    further: Sequence[str] = ()
    """More passages, all of which it has to need."""

    def check(self, draft: Draft, *without: str) -> list[str]:
        return format_checks.check(
            draft,
            passage=self.passage,
            system_prompt=self.system_prompt,
            finish_reason=self.finish_reason,
            without=without,
        )


@dataclass(frozen=True, slots=True)
class RecordScore:
    grounding: Grounding
    score: float
    """0-1, four digits."""
    reasons: tuple[str, ...]
    """Why it is rejected; empty: it is delivered."""
    findings: tuple[Finding, ...] = ()
    """What the checks say, those that reject among them."""
    verification: Verification | None = None
    """What a verifier said; None: none was asked, or it gave no answer."""

    @property
    def flags(self) -> tuple[Finding, ...]:
        """Why a person should look at it."""
        return findings.flags(self.findings)


Scorer: TypeAlias = Callable[[ScoringCase], RecordScore]
"""Of a record of one passage."""


def score(scorer: Scorer, case: ScoringCase) -> RecordScore:
    """A record of several passages is scored over all; it is `single_source` when one of them was not needed."""
    if not case.further:
        return scorer(case)
    joined = Joined((case.passage, *case.further))
    draft = replace(case.draft, evidence=joined.in_turns(case.draft.evidence))
    found = scorer(replace(case, draft=draft, passage=joined.text, further=()))
    spans = joined.apart(found.grounding.spans)
    reasons = found.reasons or (() if joined.all_needed(draft, spans) else ("single_source",))
    return replace(found, grounding=replace(found.grounding, spans=spans), reasons=reasons)


def combined(found: Grounding, manner: float, reasons: Sequence[str], *, least: float) -> RecordScore:
    """The root of grounding x manner (both 0-1); `ungrounded` when nothing else is wrong and grounding is below
    `least`."""
    if not reasons and found.score < least:
        reasons = ["ungrounded"]
    return RecordScore(found, round(math.sqrt(found.score * manner), 4), tuple(dict.fromkeys(reasons)))


def score_pair(case: ScoringCase) -> RecordScore:
    """A question with its answer: every format check, the answer grounded, the manner of `scoring`."""
    draft = case.draft
    found = grounding.ground(draft.answer, case.passage, question=draft.question, quoted=draft.evidence)
    manner = scoring.manner(draft, found, passage=case.passage).total
    return combined(found, manner, case.check(draft), least=LEAST_GROUNDING)
