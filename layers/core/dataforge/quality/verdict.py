"""From the signals of all checks to a verdict: the findings, and the probability that a reviewer would accept.

The probability is one logistic function of the signals' strengths, with weights that can only speak against a record.
They are fitted offline (`benchmarks/verdicts.py --fit`) on labelled records and stand in `weights.json`; a check
without a weight there does not move the probability.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from dataforge.quality.checks import CHECKS
from dataforge.quality.checks.check import Signal
from dataforge.quality.checks.record import CheckedRecord
from dataforge.quality.findings import Finding
from dataforge.quality.policy import STANDARD, Policy

CERTAIN = 0.9
"""Strength that one signal at least has to have where signals that only weigh reject a record together."""
MOST_SHOWN = 3
"""Signals that only weigh, strongest first, that a doubtful record is flagged with."""


@dataclass(frozen=True, slots=True)
class Verdict:
    findings: tuple[Finding, ...]
    probability: float
    """0-1, four digits: that a careful reviewer would accept the record."""


@dataclass(frozen=True, slots=True)
class Weights:
    """bias: log odds that a record without any signal is bad. by_check: added for a signal of strength 1, each >= 0."""

    bias: float
    by_check: Mapping[str, float]


def judge(record: CheckedRecord, policy: Policy = STANDARD) -> Verdict:
    """Every check that the policy does not turn off looks at the record."""
    return decide(signals(record, policy), policy)


def signals(record: CheckedRecord, policy: Policy = STANDARD) -> dict[str, Signal]:
    """By the name of the check, in the order of CHECKS."""
    wanted = (name for name in CHECKS if policy.single.get(name) != "off")
    return {name: signal for name in wanted if (signal := CHECKS[name].look(record)) is not None}


def decide(found: Mapping[str, Signal], policy: Policy = STANDARD, weights: Weights | None = None) -> Verdict:
    weights = weights or fitted()
    probability = acceptance(found, weights)
    findings = [_finding(name, signal, outcome) for name, signal in found.items() if (outcome := _own(name, policy))]
    if all(f.outcome != "reject" for f in findings):
        findings += _together(found, probability, policy, weights)
    return Verdict(tuple(findings), round(probability, 4))


def acceptance(found: Mapping[str, Signal], weights: Weights) -> float:
    """The probability that a reviewer would accept a record of which the checks say this."""
    against = weights.bias + sum(weights.by_check.get(name, 0.0) * s.strength for name, s in found.items())
    return 1 / (1 + math.exp(min(against, 500.0)))


def _own(name: str, policy: Policy) -> str | None:
    """What the check's signal means by itself; None: it only weighs."""
    setting = policy.single.get(name) or CHECKS[name].weight
    return None if setting == "weigh" else setting


def _together(found: Mapping[str, Signal], probability: float, policy: Policy, weights: Weights) -> list[Finding]:
    """The strongest of the signals that only weigh, once all together pass a line. What flags a record by itself does
    not help to reject it: it is doubtful, not wrong, for that."""
    lines = policy.lines
    if probability >= lines.flag_below:
        return []
    weighing = [name for name in found if _own(name, policy) is None and weights.by_check.get(name)]
    certain = any(found[name].strength >= CERTAIN for name in weighing)
    alone = acceptance({name: found[name] for name in weighing}, weights)
    outcome = "reject" if certain and alone < lines.reject_below else "review"
    weighing.sort(key=lambda name: -weights.by_check[name] * found[name].strength)
    return [_finding(name, found[name], outcome) for name in weighing[:MOST_SHOWN]]


def _finding(name: str, signal: Signal, outcome: str) -> Finding:
    return Finding(
        name, "reject" if outcome == "reject" else "review", signal.words, signal.detail or CHECKS[name].says
    )


@cache
def fitted() -> Weights:
    stored = json.loads((files("dataforge.quality") / "weights.json").read_text())
    return Weights(stored["bias"], stored["weights"])
