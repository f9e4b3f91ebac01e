"""Base model against tuned model on held-out lines: shares and means with their 95 % intervals, whole and per topic.

| figure                                    | interval                                                      |
|---|---|
| exact match, a share of lines             | Wilson score (Wilson 1927)                                    |
| F1, ROUGE: means of values 0 to 1         | bootstrap of the lines, percentiles (Efron 1979)              |
| a topic less all other lines              | of shares, from both Wilson intervals (Newcombe 1998, no. 10) |
| two models on the same lines              | bootstrap of the differences; exact McNemar test beside it    |
| wins of the tuned model, a tie half a win | bootstrap of the lines                                        |

Resampling is seeded: the same lines give the same intervals. Of more than MOST_RESAMPLED lines the interval of a mean
is taken from its standard error, which says the same then and takes no time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

EXACT = "exact_match"
MEASURES = (EXACT, "f1", "rouge1", "rouge2", "rougeL")
Z = 1.959963984540054
"""Of a two-sided interval of 95 %."""
RESAMPLES = 500
MOST_RESAMPLED = 500
MOST_EXACT = 500
"""Changed lines up to which McNemar's test is summed up exactly."""
SEED = 42
FEWEST = 5
"""Lines of a topic below which nothing is said of it but its counts."""
MOST_TOPICS = 100
"""Topics that are looked at, those with the most lines."""


@dataclass(frozen=True, slots=True)
class Interval:
    """value: the figure itself; low <= value <= high, but for the bootstrap of very few lines."""

    value: float
    low: float
    high: float

    def to_item(self) -> dict[str, float]:
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


@dataclass(frozen=True, slots=True)
class Compared:
    """A held-out line: what both models scored on it, 0 to 1, by measure; only measures that both have."""

    line: str
    """Tells it apart from the others."""
    base: Mapping[str, float]
    tuned: Mapping[str, float]
    topics: Mapping[str, str] = field(default_factory=dict)
    """What it is about, by kind of topic: topic, document, section, question_type."""


def of_prediction(row: Mapping[str, Any], number: int, topics: Mapping[str, str] | None = None) -> Compared:
    """A line of predictions.jsonl. number: its place, its name where it has no id. topics: besides its own `topic`."""
    scores: dict[str, dict[str, float]] = {"base": {}, "tuned": {}}
    for side, found in scores.items():
        values = {EXACT: row.get(f"exact_{side}"), **{m: row.get(f"{m}_{side}") for m in MEASURES if m != EXACT}}
        found |= {m: float(v) for m, v in values.items() if isinstance(v, bool | int | float) and 0 <= v <= 1}
    both = scores["base"].keys() & scores["tuned"].keys()
    named = {"topic": row["topic"]} if isinstance(row.get("topic"), str) and row["topic"] else {}
    identifier = row.get("id")
    return Compared(
        line=str(number if identifier is None else identifier),
        base={m: scores["base"][m] for m in MEASURES if m in both},
        tuned={m: scores["tuned"][m] for m in MEASURES if m in both},
        topics={**named, **(topics or {})},
    )


def wilson(count: int, of: int) -> Interval:
    """Of the share count / of; 0 <= count <= of. Of no line: nothing is known."""
    if of == 0:
        return Interval(0.0, 0.0, 1.0)
    share, square = count / of, Z * Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return Interval(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def newcombe(one: Interval, other: Interval) -> Interval:
    """Of the difference of two independent shares, from their Wilson intervals."""
    gap = one.value - other.value
    below = math.hypot(one.value - one.low, other.high - other.value)
    above = math.hypot(one.high - one.value, other.value - other.low)
    return Interval(gap, max(-1.0, gap - below), min(1.0, gap + above))


def bootstrap(values: Sequence[float], *, seed: int = SEED) -> Interval:
    """Of the mean of the values. Raises ValueError without any."""
    if not values:
        raise ValueError("no values")
    if len(set(values)) == 1:
        return Interval(values[0], values[0], values[0])
    mean = math.fsum(values) / len(values)
    if len(values) > MOST_RESAMPLED:
        half = Z * _standard_error(values, mean)
        return Interval(mean, max(min(values), mean - half), min(max(values), mean + half))
    means = sorted(_resampled(values, random.Random(seed)))
    return Interval(mean, min(mean, _quantile(means, 0.025)), max(mean, _quantile(means, 0.975)))


def bootstrap_gap(one: Sequence[float], other: Sequence[float], *, seed: int = SEED) -> Interval:
    """Of the difference of the means of two independent lists, neither empty."""
    means = [math.fsum(values) / len(values) for values in (one, other)]
    gap = means[0] - means[1]
    if max(len(one), len(other)) > MOST_RESAMPLED:
        half = Z * math.hypot(_standard_error(one, means[0]), _standard_error(other, means[1]))
        return Interval(gap, gap - half, gap + half)
    rng = random.Random(seed)
    gaps = sorted(a - b for a, b in zip(_resampled(one, rng), _resampled(other, rng), strict=True))
    return Interval(gap, min(gap, _quantile(gaps, 0.025)), max(gap, _quantile(gaps, 0.975)))


def _standard_error(values: Sequence[float], mean: float) -> float:
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / max(1, len(values) - 1) / len(values))


def _resampled(values: Sequence[float], rng: random.Random) -> list[float]:
    """The mean of each resample, in the order in which they were drawn."""
    return [math.fsum(rng.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES)]


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between the two nearest values."""
    at = share * (len(ordered) - 1)
    low = math.floor(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p-value: whether lines that changed changed one way more often than chance would have it.

    gained: lines that only the second model answers; lost: lines that only the first one does."""
    changed = gained + lost
    if changed == 0:
        return 1.0
    if changed > MOST_EXACT:
        return _from_normal(gained, lost)
    tail = sum(math.comb(changed, k) for k in range(min(gained, lost) + 1))
    return min(1.0, float(2 * tail) / float(2**changed))


def _from_normal(gained: int, lost: int) -> float:
    """With continuity correction: of so many lines the sum would be of numbers with hundreds of digits."""
    return math.erfc(max(0.0, abs(gained - lost) - 1) / math.sqrt(2 * (gained + lost)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """How much better the second model does than the first on the same lines."""

    measure: str
    lines: int
    gained: int
    """Lines on which it scores higher."""
    lost: int
    difference: Interval
    p_value: float

    @property
    def is_noise(self) -> bool:
        """Nothing shows that it is better: the interval of the difference reaches 0, or the test says chance."""
        return self.difference.low <= 0 or self.p_value > 0.05

    def to_item(self) -> dict[str, Any]:
        return {
            "measure": self.measure,
            "lines": self.lines,
            "gained": self.gained,
            "lost": self.lost,
            "difference": self.difference.to_item(),
            "p_value": round(self.p_value, 6),
            "is_noise": self.is_noise,
        }


def gain(before: Sequence[float], after: Sequence[float], measure: str = EXACT) -> Gain:
    """before, after: scores of two models on the same lines, in the same order. Raises ValueError for other lines."""
    if len(before) != len(after) or not before:
        raise ValueError("two models are compared on the same lines, one at least")
    gaps = [b - a for a, b in zip(before, after, strict=True)]
    gained, lost = sum(g > 0 for g in gaps), sum(g < 0 for g in gaps)
    return Gain(
        measure=measure,
        lines=len(gaps),
        gained=gained,
        lost=lost,
        difference=bootstrap(gaps),
        p_value=mcnemar(gained, lost),
    )


def summary(lines: Sequence[Compared]) -> dict[str, Any]:
    """{"lines", "base": {measure: interval}, "tuned": {...}, "gain": {...} or None}; measures that every line has."""
    known = [m for m in MEASURES if lines and all(m in line.base for line in lines)]
    made: dict[str, Any] = {"lines": len(lines)}
    for side in ("base", "tuned"):
        made[side] = {m: _measured([getattr(line, side)[m] for line in lines], m).to_item() for m in known}
    main = measure_of(lines)
    made["gain"] = gain([x.base[main] for x in lines], [x.tuned[main] for x in lines], main).to_item() if main else None
    return made


def measure_of(lines: Sequence[Compared]) -> str | None:
    """What models are compared by: exact match, or F1 where neither ever says the very words. None: nothing known."""
    known = [m for m in MEASURES if lines and all(m in line.base for line in lines)]
    never = EXACT in known and not any(line.base[EXACT] or line.tuned[EXACT] for line in lines)
    return "f1" if never and "f1" in known else known[0] if known else None


def _measured(values: Sequence[float], measure: str) -> Interval:
    return wilson(sum(map(round, values)), len(values)) if measure == EXACT else bootstrap(values)


def by_topic(lines: Sequence[Compared]) -> list[dict[str, Any]]:
    """`summary` of the lines of each topic, {"by": kind of topic, "topic", ..., "against_rest": interval or None,
    "is_weak"}, the weakest first; at most MOST_TOPICS.

    against_rest: the tuned model on these lines less that on all others; is_weak: the whole of it is below 0."""
    groups: dict[tuple[str, str], list[Compared]] = {}
    for line in lines:
        for kind, topic in line.topics.items():
            groups.setdefault((kind, topic), []).append(line)
    main = measure_of(lines)
    found = []
    for (kind, topic), own in sorted(groups.items(), key=lambda g: -len(g[1]))[:MOST_TOPICS]:
        inside = {id(line) for line in own}
        rest = [line for line in lines if id(line) not in inside]
        gap = _against(own, rest, main) if main and rest and len(own) >= FEWEST else None
        found.append(
            {
                "by": kind,
                "topic": topic,
                **summary(own),
                "against_rest": gap.to_item() if gap else None,
                "is_weak": gap is not None and gap.high < 0,
            }
        )
    found.sort(key=lambda t: (t["against_rest"]["value"] if t["against_rest"] else 0.0, -t["lines"], t["topic"]))
    return found


def _against(own: Sequence[Compared], rest: Sequence[Compared], measure: str) -> Interval:
    here, there = ([line.tuned[measure] for line in part] for part in (own, rest))
    if measure == EXACT:
        return newcombe(_measured(here, measure), _measured(there, measure))
    return bootstrap_gap(here, there)


WIN, LOSS, TIE = 1.0, 0.0, 0.5


def win_rate(verdicts: Mapping[str, Iterable[float | None]]) -> dict[str, Any]:
    """verdicts: of each line, of every order in which its answers were shown: WIN of the tuned model, LOSS or TIE; None
    where the verifier's reply could not be read. A line that was won in one order and lost in the other is a tie; one
    without any verdict is not counted, and `unreadable` tells how many verdicts are missing."""
    told = {line: list(given) for line, given in verdicts.items()}
    read = {line: known for line, given in told.items() if (known := [v for v in given if v is not None])}
    return {
        **_wins([math.fsum(known) / len(known) for known in read.values()]),
        "verdicts": sum(map(len, read.values())),
        "unreadable": sum(v is None for given in told.values() for v in given),
        "contradicted": sum(WIN in known and LOSS in known for known in read.values()),
    }


def win_rate_by_topic(
    verdicts: Mapping[str, Iterable[float | None]], topics: Mapping[str, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """Wins, ties, losses and win rate of the lines of each topic, {"by": kind of topic, "topic", ...}, the least won
    first; at most MOST_TOPICS. No win rate of fewer than FEWEST lines. topics: of each line, by kind."""
    groups: dict[tuple[str, str], list[float]] = {}
    for line, given in verdicts.items():
        known = [v for v in given if v is not None]
        for kind, topic in topics.get(line, {}).items() if known else ():
            groups.setdefault((kind, topic), []).append(math.fsum(known) / len(known))
    largest = sorted(groups.items(), key=lambda g: -len(g[1]))[:MOST_TOPICS]
    found = [{"by": kind, "topic": topic, **_wins(points, least=FEWEST)} for (kind, topic), points in largest]
    found.sort(key=lambda t: (t["win_rate"]["value"] if t["win_rate"] else 1.0, -t["lines"], t["topic"]))
    return found


def _wins(points: Sequence[float], *, least: int = 1) -> dict[str, Any]:
    return {
        "lines": len(points),
        "wins": sum(p > TIE for p in points),
        "ties": sum(p == TIE for p in points),
        "losses": sum(p < TIE for p in points),
        "win_rate": bootstrap(points).to_item() if len(points) >= least else None,
    }
