"""Which records a verifier is asked about, and what its ruling does to their verdicts.

The doubt is gone, the record is rejected, or it stays flagged. A verifier settles doubts about support and about the
question; on gates that it is not asked about (personal data, secrets, decontamination) it has no say.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypeAlias

from dataforge.quality import findings, verdict
from dataforge.quality.checks import gates
from dataforge.quality.findings import Finding
from dataforge.quality.record_scoring import RecordScore
from dataforge.quality.verification import Ruling, Verification

Verify: TypeAlias = Literal["off", "uncertain", "all"]
VERIFY: tuple[Verify, ...] = ("off", "uncertain", "all")
"""`config.verify`: whom a verifier is asked about."""

REJECTED, DOUBTED, UNVERIFIED = "verifier_rejected", "verifier_doubts", "unverified"
"""The names of the findings that a verifier leaves: a reason, and two flags."""
NOT_ASKED = frozenset({*gates.CHECKS, "contaminated"})
"""Checks whose flags stay, since no verifier is asked about them."""

MARGIN = 0.3
"""Log odds: a record without flags is uncertain where so much speaks against it. Measured in
`benchmarks/verdicts_with_verifier.py`, which shows what other margins would send."""
ODDS: dict[Ruling, float] = {"confirmed": 9.0, "rejected": 1 / 9, "doubted": 1 / 3}
"""How a ruling changes the odds that a reviewer would accept the record: those of a verifier that is right nine times
in ten; a doubt says less."""
CLEARED_FROM, REJECTED_BELOW = 0.75, 0.25
"""Probabilities after the verifier has spoken: it is wrong at times, too, so neither a record against which much speaks
loses its flags by its word alone, nor is one lost for which much speaks."""
_FLOOR = 0.02
"""No probability of the checks counts as more certain than this."""


def is_asked(score: RecordScore, verify: Verify) -> bool:
    """Whether a verifier is asked about a record that the checks left so."""
    if verify == "off" or score.reasons:
        return False
    return verify == "all" or score.score < clear_from() or any(map(can_settle, score.flags))


def clear_from(margin: float = MARGIN) -> float:
    """The probability from which a record without flags is not uncertain."""
    return 1 / (1 + math.exp(verdict.fitted().bias + margin))


def applied(score: RecordScore, found: Verification) -> RecordScore:
    """The score of a record that the checks did not reject, once a verifier has spoken."""
    ruling, probability = found.ruling, updated(score.score, found.ruling)
    if ruling == "confirmed":
        is_clear = probability >= CLEARED_FROM
        left = tuple(f for f in score.findings if not (is_clear and can_settle(f)))
    elif ruling == "rejected" and probability < REJECTED_BELOW:
        left = (*score.findings, Finding(REJECTED, "reject", found.words, found.detail))
    else:
        left = (*score.findings, Finding(DOUBTED, "review", found.words, found.detail))
    return replace(score, score=probability, findings=left, reasons=findings.reasons(left), verification=found)


def unverified(score: RecordScore, why: str) -> RecordScore:
    """Of a record that a verifier should have looked at and did not. why: for people, without a full stop."""
    return replace(score, findings=(*score.findings, Finding(UNVERIFIED, "review", (), f"Not verified: {why}")))


def can_settle(found: Finding) -> bool:
    """Whether a verifier that confirms the record takes this doubt away."""
    return found.outcome == "review" and found.check not in NOT_ASKED


def updated(probability: float, ruling: Ruling) -> float:
    """0-1, four digits, by Bayes' rule."""
    within = min(max(probability, _FLOOR), 1 - _FLOOR)
    odds = within / (1 - within) * ODDS[ruling]
    return round(odds / (1 + odds), 4)
