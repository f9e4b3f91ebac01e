"""How varied a dataset is: how far its records stand from their nearest neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dataforge.quality.odd_sketches import Grams, trigrams

_QUERIES_AT_MOST, _WORK_AT_MOST = 1000, 10_000_000


def diversity(texts: Iterable[str], count: int) -> float:
    """1 - mean trigram Jaccard of a record with its nearest other one: 1 all different, 0 all alike.

    texts: walked twice; count: of them, at least 2. Exact per record. Over about ten thousand texts the mean is taken
    over an even sample of them, each still against all; only the sample is held.
    """
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
