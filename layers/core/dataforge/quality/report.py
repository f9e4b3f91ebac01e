"""The report of a run as plain data: what was asked, what came of it, how good and how varied it is."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from dataforge.quality.rulings import UNVERIFIED
from dataforge.quality.scoring import histogram

Line = Mapping[str, object]


def report(
    good: Tally,
    bad: Tally,
    *,
    diversity_score: float | None,
    requested: int,
    asked: int,
    failed: int,
    reasons: Mapping[str, Mapping[str, int]],
    chunks_planned: int,
    spread: Mapping[str, object] | None = None,
    verification: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """good, bad: of records.jsonl and rejected.jsonl; reasons: {"rejected": .., "failed": ..} to counts; spread: from
    `spread`; verification: from `verification`, where there was a verifier.

    `near_dup_rate` is the share of near-duplicates among the records that were written (good and bad). Averages and
    rates have four digits and are null when there is nothing to take them over.
    """
    written = len(good.quality) + len(bad.quality)
    return {
        "requested": requested,
        "asked": asked,
        "delivered": len(good.quality),
        "rejected": len(bad.quality),
        "failed": failed,
        "flagged": good.flagged,
        "flagged_by_check": descending(good.flags),
        "rejected_by_reason": descending(reasons.get("rejected", {})),
        "failed_by_reason": descending(reasons.get("failed", {})),
        "pass_rate": _share(len(good.quality), written),
        "near_dup_rate": _share(bad.near, written),
        "avg_quality_score": mean(good.quality),
        "avg_grounding_score": mean(good.grounding),
        "quality_histogram": histogram(good.quality),
        "diversity_score": diversity_score,
        "question_types": descending(good.types),
        "difficulty": descending(good.difficulty),
        "coverage": {
            "chunks_planned": chunks_planned,
            "chunks_used": len(good.chunks),
            "share": _share(len(good.chunks), chunks_planned),
        },
        "spread": spread or {},
        **({"verification": verification} if verification else {}),
    }


def verification(
    good: Tally, bad: Tally, chosen: Mapping[str, object], spent: Mapping[str, object]
) -> dict[str, object]:
    """What the verifier said, how often; unverified: records that it should have seen and did not. chosen: `verify` and
    `verifier`; spent: its own calls, tokens and dollars, which are part of the run's."""
    said = good.verified + bad.verified
    names = ("confirmed", "doubted", "rejected", UNVERIFIED)
    return {**chosen, **{name: said[name] for name in names}, **spent}


def spread(
    wanted: Mapping[str, Mapping[str, float]], asked: Mapping[str, Mapping[str, int]], good: Tally
) -> dict[str, object]:
    """Per dimension and value of the plan: the share that was wanted, the slots asked for it, the records delivered for
    it and their share. A record counts for what its slot asked, whatever its writer called it."""
    found: dict[str, object] = {}
    for name, weights in wanted.items():
        there, made = asked.get(name, {}), good.asked.get(name, Counter())
        found[name] = {
            value: {
                "share": round(weight, 4),
                "asked": there.get(value, 0),
                "delivered": made[value],
                "delivered_share": _share(made[value], len(good.quality)),
            }
            for value, weight in weights.items()
        }
    return found


def diversity_of(texts: Iterable[str], count: int) -> float | None:
    """See `quality.diversity`; texts: walked twice. None below two."""
    if count < 2:
        return None
    from dataforge.quality.diversity import diversity  # numpy: see text.normal_forms

    return diversity(texts, count)


@dataclass(slots=True)
class Tally:
    """What the report needs of many lines, in a few bytes for each."""

    quality: array[float] = field(default_factory=lambda: array("d"))
    grounding: array[float] = field(default_factory=lambda: array("d"))
    types: Counter[str] = field(default_factory=Counter)
    difficulty: Counter[str] = field(default_factory=Counter)
    chunks: set[str] = field(default_factory=set)
    asked: dict[str, Counter[str]] = field(default_factory=dict)
    """By dimension of the plan."""
    near: int = 0
    flagged: int = 0
    """Records with a flag."""
    flags: Counter[str] = field(default_factory=Counter)
    """Records by the check that flags them; one may count for several."""
    verified: Counter[str] = field(default_factory=Counter)
    """By ruling of the verifier, and `unverified`."""

    @classmethod
    def of(cls, lines: Iterable[Line]) -> Tally:
        made = cls()
        for line in lines:
            made.quality.append(cast(float, line["quality_score"]))
            made.grounding.append(cast(float, line["grounding_score"]))
            made.types[str(line["question_type"])] += 1
            made.difficulty[str(line["difficulty"])] += 1
            made.chunks.add(str(line["chunk_id"]))
            for name, value in cast(Mapping[str, str], line.get("asked") or {}).items():
                made.asked.setdefault(name, Counter())[value] += 1
            checks = {str(flag["check"]) for flag in cast(Sequence[Line], line.get("flags") or ())}
            made.flagged += bool(checks)
            made.flags.update(checks)
            made.verified.update(_verified(line))
            made.near += "near_duplicate" in cast(Sequence[str], line.get("reasons") or ())
        return made


def _verified(line: Line) -> Iterator[str]:
    if said := cast("Mapping[str, str] | None", line.get("verification")):
        yield said["ruling"]
    flags = cast("Sequence[Mapping[str, str]]", line.get("flags") or line.get("rejected_by") or ())
    if any(flag["check"] == UNVERIFIED for flag in flags):
        yield UNVERIFIED


@dataclass(frozen=True, slots=True)
class Texts:
    """What records are compared by, read anew each time."""

    lines: Iterable[Line]
    compared: Callable[[Line], str]

    def __iter__(self) -> Iterator[str]:
        return map(self.compared, self.lines)


def descending(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first; ties by name."""
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))


def mean(values: Sequence[float]) -> float | None:
    """Four digits; None of nothing."""
    return round(sum(values) / len(values), 4) if values else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
