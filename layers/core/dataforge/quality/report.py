"""The report of a run as plain data: what was asked, what came of it, how good and how varied it is."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dataforge.quality.duplicates import Grams, trigrams
from dataforge.quality.scoring import histogram
from dataforge.quality.verdict import compared
from dataforge.recipes.drafts import from_json

_QUERIES_AT_MOST, _WORK_AT_MOST = 1000, 10_000_000


Line = Mapping[str, object]


def report(
    delivered: Iterable[Line], rejected: Iterable[Line], *, requested: int, asked: int, failed: int,
    reasons: Mapping[str, Mapping[str, int]], chunks_planned: int, kind: str = "qa",
) -> dict[str, object]:
    """delivered, rejected: the lines of records.jsonl and rejected.jsonl, walked several times and never held together;
    reasons: {"rejected": .., "failed": ..} to counts.

    `near_dup_rate` is the share of near-duplicates among the records that were written (delivered + rejected).
    Averages and rates have four digits and are null when there is nothing to take them over.
    """
    good, bad = _Tally.of(delivered), _Tally.of(rejected)
    written = len(good.quality) + len(bad.quality)
    return {
        "requested": requested, "asked": asked, "delivered": len(good.quality), "rejected": len(bad.quality),
        "failed": failed, "rejected_by_reason": _descending(reasons.get("rejected", {})),
        "failed_by_reason": _descending(reasons.get("failed", {})),
        "pass_rate": _share(len(good.quality), written), "near_dup_rate": _share(bad.near, written),
        "avg_quality_score": _mean(good.quality), "avg_grounding_score": _mean(good.grounding),
        "quality_histogram": histogram(good.quality),
        "diversity_score": diversity(_Texts(delivered, kind)),
        "question_types": _descending(good.types), "difficulty": _descending(good.difficulty),
        "coverage": {"chunks_planned": chunks_planned, "chunks_used": len(good.chunks),
                     "share": _share(len(good.chunks), chunks_planned)},
    }


@dataclass(slots=True)
class _Tally:
    """What the report needs of many lines, in a few bytes for each."""

    quality: array[float] = field(default_factory=lambda: array("d"))
    grounding: array[float] = field(default_factory=lambda: array("d"))
    types: Counter[str] = field(default_factory=Counter)
    difficulty: Counter[str] = field(default_factory=Counter)
    chunks: set[str] = field(default_factory=set)
    near: int = 0

    @classmethod
    def of(cls, lines: Iterable[Line]) -> _Tally:
        made = cls()
        for line in lines:
            made.quality.append(cast(float, line["quality_score"]))
            made.grounding.append(cast(float, line["grounding_score"]))
            made.types[str(line["question_type"])] += 1
            made.difficulty[str(line["difficulty"])] += 1
            made.chunks.add(str(line["chunk_id"]))
            made.near += "near_duplicate" in cast(Sequence[str], line.get("reasons") or ())
        return made


@dataclass(frozen=True, slots=True)
class _Texts:
    """What records are compared by, each time anew."""

    lines: Iterable[Line]
    kind: str

    def __iter__(self) -> Iterator[str]:
        return (compared(self.kind, from_json(line)) for line in self.lines)


def diversity(texts: Iterable[str]) -> float | None:
    """1 - mean trigram Jaccard of a record with its nearest other one: 1 all different, 0 all alike. None below two.

    texts: walked three times. Exact per record. Over about ten thousand texts the mean is taken over an even sample of
    them, each still against all; only the sample is held.
    """
    count = sum(1 for _ in texts)
    if count < 2:
        return None
    queries = max(2, min(count, _QUERIES_AT_MOST, _WORK_AT_MOST // count))
    chosen = {int(at): n for n, at in enumerate(np.linspace(0, count - 1, queries).astype(np.intp))}
    sample = _Sample([trigrams(text) for at, text in enumerate(texts) if at in chosen])
    nearest = np.zeros(len(chosen))
    for at, text in enumerate(texts):
        jaccard = sample.jaccard(trigrams(text))
        if at in chosen:
            jaccard[chosen[at]] = 0.0
        np.maximum(nearest, jaccard, out=nearest)
    return round(1 - float(np.mean(nearest)), 4)


class _Sample:
    """Some trigram sets, turned round: which of them hold a trigram."""

    def __init__(self, sets: Sequence[Grams]) -> None:
        self.sizes = np.fromiter((len(s) for s in sets), np.int64, len(sets))
        self.grams, columns = np.unique(np.concatenate(sets), return_inverse=True)
        self.owners = np.repeat(np.arange(len(sets)), self.sizes)[np.argsort(columns, kind="stable")]
        self.bounds = np.concatenate(([0], np.cumsum(np.bincount(columns, minlength=len(self.grams)))))

    def jaccard(self, grams: Grams) -> NDArray[np.float64]:
        """Of the given set with each of the sample."""
        places = np.minimum(np.searchsorted(self.grams, grams), len(self.grams) - 1)
        found = places[self.grams[places] == grams]
        first, many = self.bounds[found], self.bounds[found + 1] - self.bounds[found]
        steps = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        shared = np.bincount(self.owners[np.repeat(first, many) + steps], minlength=len(self.sizes))
        return np.asarray(shared / (self.sizes + len(grams) - shared))


def _descending(counts: Mapping[str, int]) -> dict[str, int]:
    """Most frequent first; ties by name."""
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1], kv[0])))


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
