"""Which passages belong together: they share rare terms, and are neither neighbours nor copies of each other.

Terms count by their rarity (idf); those of many passages are dropped, and of the rest each passage keeps its rarest, so
that an inverted index gives every passage a bounded number of candidates: the work grows with the number of passages,
not with its square. Texts are read once and not kept: a passage takes 4 bytes a term.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zlib import crc32

from dataforge.text.claims import content_words

MOST_OF_A_TERM = 24
"""A term of more passages does not tell which of them belong together."""
RAREST = 24
"""Terms by which a passage is looked up."""
LEAST_SHARED = 2
PARTNERS = 4
"""Pairs that a passage brings in; it may be in more that others bring."""
COPIED = 0.5
"""Jaccard of all terms, above which two passages say the same."""
MOST_USES = 8
"""Pairs that one passage may be part of."""
_BUCKETS = 1 << 22
"""Terms are known by their hash: two that share one are taken for the same, which is rare and harmless."""


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    chunk_id: str
    document_id: str
    position: int
    """The how-manieth of its document."""


@dataclass(frozen=True, slots=True)
class _Pair:
    score: float
    one: int
    other: int


def related(passages: Iterable[tuple[ChunkPlace, str]]) -> list[tuple[str, str]]:
    """Pairs of chunk ids, the most promising first, and evenly over the passages: none is in a second pair before all
    that can be are in one. The same passages in the same order give the same pairs."""
    places: list[ChunkPlace] = []
    terms: list[array[int]] = []
    for place, text in passages:
        places.append(place)
        terms.append(_terms(text))
    frequency = array("I", bytes(4 * _BUCKETS)) if places else array("I")
    for found in terms:
        for term in found:
            frequency[term] += 1
    pairs = _pairs(places, terms, frequency)
    return [(places[p.one].chunk_id, places[p.other].chunk_id) for p in _evenly(pairs, len(places))]


def _terms(text: str) -> array[int]:
    """Each once, in the order of their numbers. Numbers and single letters are no terms: they meet by chance."""
    words = {w for w in content_words(text) if not w[0].isdigit() and (len(w) > 2 or not w.isascii())}
    return array("I", sorted({crc32(w.encode()) % _BUCKETS for w in words}))


def _pairs(places: Sequence[ChunkPlace], terms: Sequence[array[int]], frequency: array[int]) -> list[_Pair]:
    """Every passage against those before it."""
    most = min(MOST_OF_A_TERM, max(2, len(places) // 4))
    index: dict[int, list[int]] = {}
    found: list[_Pair] = []
    for i, own in enumerate(terms):
        rare = sorted((t for t in own if 2 <= frequency[t] <= most), key=lambda t: (frequency[t], t))[:RAREST]
        score, shared = Counter[int](), Counter[int]()
        for term in rare:
            weight = math.log(len(places) / frequency[term])
            for j in index.setdefault(term, []):
                score[j] += weight  # type: ignore[assignment]  # a Counter of floats
                shared[j] += 1
            index[term].append(i)
        fitting = ((s, -j) for j, s in score.items() if shared[j] >= LEAST_SHARED and not _near(places[i], places[j]))
        best = heapq.nlargest(3 * PARTNERS, fitting)
        apart = [(s, -j) for s, j in best if not _copies(own, terms[-j])]
        found += [_Pair(s, j, i) for s, j in apart[:PARTNERS]]
    return sorted(found, key=lambda p: (-p.score, p.one, p.other))


def _near(one: ChunkPlace, other: ChunkPlace) -> bool:
    return one.document_id == other.document_id and abs(one.position - other.position) <= 1


def _copies(one: array[int], other: array[int]) -> bool:
    both = len(set(one).intersection(other))
    return both > COPIED * (len(one) + len(other) - both)


def _evenly(pairs: Sequence[_Pair], count: int) -> list[_Pair]:
    """Best first, in turns: in the n-th turn no passage gets beyond n pairs."""
    uses = [0] * count
    chosen: list[_Pair] = []
    left = list(pairs)
    for turn in range(1, MOST_USES + 1):
        later: list[_Pair] = []
        for pair in left:
            if uses[pair.one] < turn and uses[pair.other] < turn:
                uses[pair.one] += 1
                uses[pair.other] += 1
                chosen.append(pair)
            else:
                later.append(pair)
        left = later
    return chosen
