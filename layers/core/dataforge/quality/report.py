"""The report of a run as plain data: what was asked, what came of it, how good and how varied it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import cast

from dataforge.quality.scoring import histogram
from dataforge.quality.verdict import compared
from dataforge.recipes.drafts import from_json

_QUERIES_AT_MOST, _WORK_AT_MOST = 1000, 10_000_000


def report(
    delivered: Sequence[Mapping[str, object]], rejected: Sequence[Mapping[str, object]], *, requested: int, asked: int,
    failed: int, reasons: Mapping[str, Mapping[str, int]], chunks_planned: int, kind: str = "qa",
) -> dict[str, object]:
    """delivered, rejected: the lines of records.jsonl and rejected.jsonl; reasons: {"rejected": .., "failed": ..} to
    counts.

    `near_dup_rate` is the share of near-duplicates among the records that were written (delivered + rejected).
    Averages and rates have four digits and are null when there is nothing to take them over.
    """
    written = len(delivered) + len(rejected)
    quality = [cast(float, d["quality_score"]) for d in delivered]
    near = sum("near_duplicate" in cast(Sequence[str], r.get("reasons") or ()) for r in rejected)
    used = len({d["chunk_id"] for d in delivered})
    return {
        "requested": requested, "asked": asked, "delivered": len(delivered), "rejected": len(rejected),
        "failed": failed, "rejected_by_reason": _descending(reasons.get("rejected", {})),
        "failed_by_reason": _descending(reasons.get("failed", {})),
        "pass_rate": _share(len(delivered), written), "near_dup_rate": _share(near, written),
        "avg_quality_score": _mean(quality),
        "avg_grounding_score": _mean([cast(float, d["grounding_score"]) for d in delivered]),
        "quality_histogram": histogram(quality),
        "diversity_score": diversity([compared(kind, from_json(d)) for d in delivered]),
        "question_types": _descending(Counter(str(d["question_type"]) for d in delivered)),
        "difficulty": _descending(Counter(str(d["difficulty"]) for d in delivered)),
        "coverage": {"chunks_planned": chunks_planned, "chunks_used": used, "share": _share(used, chunks_planned)},
    }


def diversity(texts: Sequence[str]) -> float | None:
    """1 - mean trigram Jaccard of a record with its nearest other one: 1 all different, 0 all alike. None below two.

    Exact per record. Over about ten thousand texts the mean is taken over an even sample of them, each still against
    all.
    """
    if len(texts) < 2:
        return None
    import numpy as np  # what costs a cold start 0.1 s: not for a run that made nothing

    from dataforge.quality.duplicates import trigrams

    sets = [trigrams(text) for text in texts]
    sizes = np.fromiter((len(s) for s in sets), np.int64, len(sets))
    grams, columns = np.unique(np.concatenate(sets), return_inverse=True)
    owners = np.repeat(np.arange(len(sets)), sizes)[np.argsort(columns, kind="stable")]
    bounds = np.concatenate(([0], np.cumsum(np.bincount(columns, minlength=len(grams)))))
    starts = np.concatenate(([0], np.cumsum(sizes)))
    queries = max(2, min(len(texts), _QUERIES_AT_MOST, _WORK_AT_MOST // len(texts)))
    nearest = []
    for at in np.linspace(0, len(texts) - 1, queries).astype(np.intp):
        mine = columns[starts[at] : starts[at + 1]]
        shared = np.bincount(np.concatenate([owners[bounds[g] : bounds[g + 1]] for g in mine]), minlength=len(sets))
        jaccard = shared / (sizes[at] + sizes - shared)
        jaccard[at] = 0.0
        nearest.append(float(jaccard.max()))
    return round(1 - float(np.mean(nearest)), 4)


def _descending(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first; ties by name."""
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
