"""From a draft to its score: what the checks say of it, and where its passages support it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from dataforge.quality import findings, grounding, verdict
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.findings import Finding
from dataforge.quality.policy import STANDARD, Policy
from dataforge.quality.sources import Joined
from dataforge.quality.verification import Verification
from dataforge.records import Draft, Grounding

SINGLE_SOURCE = Finding("single_source", "reject", detail="One of the passages was not needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringCase:
    """A draft with what it is scored by."""

    draft: Draft
    passage: str
    kind: str = "qa"
    headings: Sequence[str] = ()
    system_prompt: str = ""
    finish_reason: str = "stop"
    labels: Sequence[str] = ()
    further: Sequence[str] = ()
    """More passages, all of which it has to need."""
    wanted_language: str | None = None

    @property
    def record(self) -> CheckedRecord:
        """As the checks see it."""
        draft = self.draft
        return CheckedRecord(
            question=draft.question,
            answer=draft.answer,
            kind=self.kind,
            passage=self.passage,
            headings=tuple(self.headings),
            turns=draft.turns,
            evidence=draft.evidence,
            material_at=draft.material_at,
            system_prompt=self.system_prompt,
            finish_reason=self.finish_reason,
            labels=tuple(self.labels),
            question_type=draft.question_type,
            wanted_language=self.wanted_language,
        )


@dataclass(frozen=True, slots=True)
class RecordScore:
    grounding: Grounding
    score: float
    """0-1, four digits: the probability that a careful reviewer would accept the record."""
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


Grounder: TypeAlias = Callable[[ScoringCase], Grounding]
"""Of a record of one passage: where the passage supports it, and what of the answer it does not hold."""


def score(case: ScoringCase, ground: Grounder, policy: Policy = STANDARD) -> RecordScore:
    """A record of several passages is scored over all; it is `single_source` when one of them was not needed."""
    if not case.further:
        found = verdict.judge(case.record, policy)
        return _scored(ground(case), found.probability, found.findings)
    joined = Joined((case.passage, *case.further))
    draft = replace(case.draft, evidence=joined.in_turns(case.draft.evidence))
    whole = replace(case, draft=draft, passage=joined.text, further=())
    found = verdict.judge(whole.record, policy)
    support = ground(whole)
    spans = joined.apart(support.spans)
    alone = not findings.reasons(found.findings) and not joined.all_needed(draft, spans)
    against = (*found.findings, SINGLE_SOURCE) if alone else found.findings
    return _scored(replace(support, spans=spans), found.probability, against)


def _scored(support: Grounding, probability: float, against: tuple[Finding, ...]) -> RecordScore:
    return RecordScore(support, probability, findings.reasons(against), against)


def ground_pair(case: ScoringCase) -> Grounding:
    """Of a question with its answer."""
    return grounding.ground(case.draft.answer, case.passage, question=case.draft.question, quoted=case.draft.evidence)
