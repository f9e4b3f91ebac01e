"""How many records have which score, in the buckets that the API shows."""

from __future__ import annotations

from collections.abc import Iterable

BUCKETS = (("0.9-1.0", 0.9), ("0.8-0.9", 0.8), ("0.7-0.8", 0.7), ("0.0-0.7", 0.0))
"""Label and inclusive lower edge, in the order that the API shows (contract A.4)."""


def histogram(scores: Iterable[float]) -> dict[str, int]:
    """How many scores fall into each bucket; all four are always there."""
    counts = {label: 0 for label, _ in BUCKETS}
    for score in scores:
        counts[next(label for label, low in BUCKETS if score >= low or low == 0.0)] += 1
    return counts
