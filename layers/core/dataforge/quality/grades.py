"""The rubric: letters from A to D for pass rate, diversity and the judge's mean, and the report that carries them.

The overall grade is the median of the letters there are, the lower one where two stand in the middle: the sample report
of the public document (B, A, A -> A) comes out as printed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dataforge.quality.report import diversity_of

VERSION = "1.0"
REASONS = (
    "format_invalid",
    "near_duplicate",
    "low_margin",
    "too_similar",
    "judge_rejected",
    "invariant_violated",
)
RUBRIC: dict[str, tuple[tuple[str, float], ...]] = {
    "pass_rate": (("A", 0.95), ("B", 0.85), ("C", 0.70)),
    "diversity": (("A", 0.80), ("B", 0.60), ("C", 0.40)),
    "judge": (("A", 8.0), ("B", 7.0), ("C", 5.0)),
}
PUBLISHED: dict[str, dict[str, float]] = {
    "fast": {"diversity_pct": 80, "avg_output_chars": 612, "near_dup_pct": 20},
    "balanced": {"diversity_pct": 94, "avg_output_chars": 600, "near_dup_pct": 6},
    "diverse": {"diversity_pct": 98, "avg_output_chars": 1085, "near_dup_pct": 2},
    "deep": {"diversity_pct": 82, "avg_output_chars": 1955, "near_dup_pct": 18},
}
"""The vendor's own figures for 1,000 records of instruction_v1 over ten domains: to compare with, not a promise."""


def letter(measure: str, value: float) -> str:
    return next((grade for grade, least in RUBRIC[measure] if value >= least), "D")


def overall(pass_rate: float, diversity_score: float | None, mean_judge_score: float | None) -> str:
    """Measures that were not taken do not count."""
    given = {"pass_rate": pass_rate, "diversity": diversity_score, "judge": mean_judge_score}
    letters = sorted(letter(measure, value) for measure, value in given.items() if value is not None)
    return letters[len(letters) // 2]


def quality_report(
    *,
    accepted: int,
    rejected: Mapping[str, int],
    texts: Iterable[str],
    judge_scores: Sequence[float] | None,
    answers: Sequence[int] = (),
    tier: str | None = None,
) -> dict[str, object]:
    """texts: what the accepted records are compared by, walked twice. judge_scores: overall of every accepted record;
    None: phase 1. answers: lengths in characters of what a model would write.
    """
    total_rejected = sum(rejected.values())
    total = accepted + total_rejected
    pass_rate = round(accepted / total, 3) if total else 0.0
    found = diversity_of(texts, accepted)
    score = None if found is None else round(found, 3)
    mean = round(sum(judge_scores) / len(judge_scores), 2) if judge_scores else None
    return {
        "version": VERSION,
        "phase": 1 if judge_scores is None else 2,
        "total_generated": total,
        "total_accepted": accepted,
        "total_rejected": total_rejected,
        "pass_rate": pass_rate,
        "diversity_score": score,
        "mean_judge_score": mean,
        "overall_grade": overall(pass_rate, score, mean),
        "rejection_breakdown": {r: rejected[r] for r in sorted(rejected) if rejected[r]},
        "benchmark": benchmark(total, rejected.get("near_duplicate", 0), answers, tier),
    }


def benchmark(total: int, near_duplicates: int, answers: Sequence[int], tier: str | None) -> dict[str, object]:
    """This job in the terms of the public benchmark table, beside the row of its tier."""
    share = round(100 * near_duplicates / total, 1) if total else None
    return {
        "diversity_pct": None if share is None else round(100 - share, 1),
        "near_dup_pct": share,
        "avg_output_chars": round(sum(answers) / len(answers)) if answers else None,
        "published": PUBLISHED.get(tier or ""),
    }
