"""Exact near-duplicates: character-trigram Jaccard above 0.7 over all records, in order, first one stays.

No pair above the threshold is missed and none below it is reported: candidates come from bounds that can only err
towards "maybe", and every candidate is counted exactly, in integers. Three bounds, cheapest first, for trigram sets x
and y and a threshold p/q:

1. sizes: J <= min/max, so only sets within a factor p/q of each other can match;
2. odd sketches (Mitzenmacher, Pagh & Pham 2014): bit h(g) of x's bitmap is flipped once for every trigram g, so
   popcount(x ^ y) <= |x symmetric-difference y|, and a pair is out when (p+q) * popcount >= (q-p) * (|x| + |y|);
   bitmaps are XOR-folded to the width that still separates sets of the size at hand;
3. the intersection itself: J > p/q exactly when (p+q) * overlap > p * (|x| + |y|).

Records are compared with kept ones only, so a cluster of ten thousand look-alikes costs ten thousand comparisons.
"""

from __future__ import annotations

import hashlib
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataforge.quality.normal import normalise

Grams: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.intp]
Sizes: TypeAlias = NDArray[np.int64]
Sketch: TypeAlias = NDArray[np.uint64]

THRESHOLD = Fraction(7, 10)
_BLOCK, _TILE, _TILE_CELLS = 2048, 64, 1 << 16
_LEAST_WORDS, _MOST_WORDS = 1, 64
_MANY = 500
_IN_MEMORY = 4 << 20
"""Bytes of trigrams that are held before they go to disk."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SHORT = np.uint64(1 << 63)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """texts[index] repeats texts[of], or against[of] when `known`; similarity is their Jaccard, threshold < J <= 1.

    `of` is the most similar of all kept records before it; the earliest of those that tie.
    """

    index: int
    of: int
    similarity: float
    known: bool = False


def trigrams(text: str) -> Grams:
    """The distinct trigrams of the normalised text, sorted, each packed into 63 bits (three code points of 21).

    A text shorter than three characters is one gram, itself; so the empty text equals the empty text and nothing else.
    """
    points = np.frombuffer(normalise(text).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    if len(points) < 3:
        packed = np.uint64(0)
        for point in points:
            packed = (packed << np.uint64(21)) | (point + np.uint64(1))
        return np.array([packed | _SHORT], dtype=np.uint64)
    codes = (points[:-2] << np.uint64(42)) | (points[1:-1] << np.uint64(21)) | points[2:]
    codes.sort()
    return codes[np.concatenate(([True], codes[1:] != codes[:-1]))]


def near_duplicates(
    texts: Sequence[str], *, threshold: Fraction = THRESHOLD, against: Sequence[str] = ()
) -> list[Duplicate]:
    """The texts that repeat an earlier kept one or one of `against` (all of which count as kept), by index.

    A text that is reported is not kept, so later texts are not compared with it. threshold: 0 < threshold < 1.
    """
    return Screen(threshold=threshold, against=against).check(texts)


class Screen:
    """`near_duplicates` of texts that come bit by bit: each `check` goes on where the last one ended.

    The trigrams lie in a temporary file once they are many: memory grows by a sketch for each record (8 to 512 bytes,
    as its like need), by its folds, and by about a hundred bytes.
    """

    def __init__(self, *, threshold: Fraction = THRESHOLD, against: Iterable[str] = ()) -> None:
        self._threshold, self._passed, self._known = threshold, 0, 0
        self._kept: _Kept | None = None
        against = iter(against)
        while block := [trigrams(text) for text in islice(against, _BLOCK)]:
            kept = self._ready(block)
            for grams in block:
                self._known += 1
                kept.keep(-self._known, grams)
            kept.index(np.fromiter(map(len, block), np.int64), np.stack([kept.sketch(g) for g in block]))

    def check(self, texts: Sequence[str]) -> list[Duplicate]:
        """Those of the texts that repeat a kept one. `index` and `of` count all texts since the first check."""
        found: list[Duplicate] = []
        for start in range(0, len(texts), _BLOCK):
            block = [trigrams(text) for text in texts[start : start + _BLOCK]]
            found += [
                Duplicate(self._passed + row, -1 - of if of < 0 else of, float(similarity), of < 0)
                for row, of, similarity in self._ready(block).screen(self._passed, block)
            ]
            self._passed += len(block)
        return found

    def _ready(self, block: Sequence[Grams]) -> _Kept:
        """The sketches are as wide as the first block makes likely; sets that are larger still are told apart exactly,
        only with more work. The largest of many is nearly the largest of all; after a few, far larger ones may come."""
        if self._kept is None:
            largest = max(len(g) for g in block)
            self._kept = _Kept(self._threshold, _words(largest if len(block) >= _MANY else 2 * largest))
        return self._kept


def _words(largest: int) -> int:
    """Width of the widest sketch, in 64-bit words: a power of two, about 1.25 bits per trigram of the largest set."""
    words = _LEAST_WORDS
    while words < _MOST_WORDS and words * 64 < 1.25 * largest:
        words *= 2
    return words


@dataclass(slots=True)
class _BySize:
    """Sizes and sketches of some records, smallest record first; folds of the sketches are made once, when asked."""

    sizes: Sizes
    sketches: Sketch
    folds: dict[int, Sketch] = field(default_factory=dict)

    def folded(self, words: int) -> Sketch:
        if words not in self.folds:
            self.folds[words] = _fold(self.sketches, words)
        return self.folds[words]


class _Kept:
    """The kept records, numbered in the order they came: the known first.

    `names` say whose number it is: 0 and up for texts, -1 and below for known ones. `index` makes records findable
    that `keep` took in since.
    """

    def __init__(self, threshold: Fraction, words: int) -> None:
        self.p, self.q, self.words = threshold.numerator, threshold.denominator, words
        self.grams = _Shelf()
        self.names = array("q")
        self.all = _BySize(np.empty(0, np.int64), np.empty((0, words), np.uint64))
        self.numbers = np.empty(0, np.int64)
        """Of the records in `all`, in its order."""
        self.digests, self.owners = np.empty(0, np.uint64), np.empty(0, np.int64)
        """Ascending, and the number of the first record that has it."""
        self.newest: dict[int, int] = {}
        """Digest to number, of records that are not indexed yet."""

    def sketch(self, grams: Grams) -> Sketch:
        bits = self.words * 64
        counts = np.bincount(((grams * _SPREAD) >> np.uint64(64 - bits.bit_length() + 1)).astype(np.intp),
                             minlength=bits)
        return np.packbits((counts & 1).astype(np.uint8)).view(np.uint64)

    def keep(self, name: int, grams: Grams) -> int:
        """Its number."""
        self.grams.put(grams)
        self.names.append(name)
        number = len(self.names) - 1
        self.newest.setdefault(_digest(grams), number)
        return number

    def index(self, sizes: Sizes, sketches: Sketch) -> None:
        """Those of the newest records, in the order they were kept."""
        known = len(self.all.sizes)
        whole = np.concatenate((self.all.sizes, sizes))
        order = np.argsort(whole, kind="stable")
        self.all = _BySize(whole[order], _spread(self.all.sketches, sketches, order))
        self.numbers = np.concatenate((self.numbers, np.arange(known, len(whole))))[order]
        digests = np.concatenate((self.digests, np.fromiter(self.newest, np.uint64)))
        self.digests, at = np.unique(digests, return_index=True)
        self.owners = np.concatenate((self.owners, np.fromiter(self.newest.values(), np.int64)))[at]
        self.newest = {}

    def screen(self, start: int, block: Sequence[Grams]) -> Iterator[tuple[int, int, Fraction]]:
        """(row, name of the kept record, Jaccard) of every record of the block that repeats one; others are kept."""
        sketches = np.stack([self.sketch(g) for g in block])
        sizes = np.fromiter((len(g) for g in block), np.int64, len(block))
        order = np.argsort(sizes, kind="stable")
        mine = _BySize(sizes[order], sketches[order])
        before: dict[int, list[int]] = {}
        for row, column in self._pairs(mine, self.all):
            for i, j in zip(order[row].tolist(), self.numbers[column].tolist(), strict=True):
                before.setdefault(i, []).append(j)
        inside = np.zeros((len(block), len(block)), np.bool_)
        for row, column in self._pairs(mine, mine):
            inside[order[row], order[column]] = True
        number = np.full(len(block), -1, np.int64)
        """Of each row that is kept."""
        for at, grams in enumerate(block):
            earlier = number[inside[at] & (number >= 0)]
            best = self._best(grams, [*sorted(before.get(at, ())), *earlier.tolist()])
            if best:
                yield at, self.names[best[0]], best[1]
            else:
                number[at] = self.keep(start + at, grams)
        fresh = number >= 0
        self.index(sizes[fresh], sketches[fresh])

    def _best(self, grams: Grams, candidates: Sequence[int]) -> tuple[int, Fraction] | None:
        """Number and Jaccard; candidates: numbers, ascending."""
        same = self._same(_digest(grams))
        if same is not None and np.array_equal(self.grams.get(same), grams):
            return same, Fraction(1)
        best: tuple[int, Fraction] | None = None
        for number in candidates:
            other = self.grams.get(number)
            both = len(grams) + len(other)
            overlap = len(np.intersect1d(grams, other, assume_unique=True))
            if (self.p + self.q) * overlap > self.p * both:
                jaccard = Fraction(overlap, both - overlap)
                if best is None or jaccard > best[1]:
                    best = number, jaccard
        return best

    def _same(self, digest: int) -> int | None:
        """The first record with this digest: probably the same set, but that remains to be seen."""
        at = int(np.searchsorted(self.digests, np.uint64(digest)))
        if at < len(self.digests) and self.digests[at] == digest:
            return int(self.owners[at])
        return self.newest.get(digest)

    def _pairs(self, some: _BySize, others: _BySize) -> Iterator[tuple[Rows, Rows]]:
        """Places in `some` and in `others` that the bounds cannot rule out, in batches."""
        for at in range(0, len(some.sizes), _TILE):
            sizes = some.sizes[at : at + _TILE]
            least, most = sizes[0], sizes[-1]
            low = int(np.searchsorted(others.sizes, least * self.p // self.q, "right"))
            high = int(np.searchsorted(others.sizes, -(-most * self.q // self.p), "left"))
            words = min(self.words, _words(int(most)))
            rows, columns = _fold(some.sketches[at : at + _TILE], words), others.folded(words)
            step = max(1, _TILE_CELLS // len(sizes))
            for left in range(low, high, step):
                right = min(high, left + step)
                # The tile's rows are of nearly one size: its largest bounds them all, each exact bound comes after.
                likely = _differing(rows, columns[:, left:right]) < self._allowed(most, others.sizes[left:right])
                i, j = np.nonzero(likely)
                row, column = at + i, left + j
                allowed = self._allowed(some.sizes[row], others.sizes[column])
                wide = np.bitwise_count(some.sketches[row] ^ others.sketches[column]).sum(axis=1) < allowed
                yield row[wide], column[wide]

    def _allowed(self, x: Sizes, y: Sizes) -> NDArray[np.uint16]:
        """Exclusive limit on differing bits: (p+q) * differing < (q-p) * (x+y), as a whole number."""
        limit = -(-(x + y) * (self.q - self.p) // (self.p + self.q))
        whole: NDArray[np.uint16] = np.minimum(limit, np.iinfo(np.uint16).max).astype(np.uint16)
        return whole


class _Shelf:
    """Trigram sets by number, in the order they came; in a file that nobody else sees once they are many."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  it goes with the shelf
        weakref.finalize(self, self._file.close)
        self._ends = array("q", [0])
        """In bytes, the n-th of them where set n begins."""

    def put(self, grams: Grams) -> None:
        self._file.seek(self._ends[-1])
        self._file.write(grams.tobytes())
        self._ends.append(self._ends[-1] + grams.nbytes)

    def get(self, number: int) -> Grams:
        self._file.seek(self._ends[number])
        return np.frombuffer(self._file.read(self._ends[number + 1] - self._ends[number]), np.uint64)


def _digest(grams: Grams) -> int:
    return int.from_bytes(hashlib.blake2b(grams.tobytes(), digest_size=8).digest(), "big")


def _spread(old: Sketch, new: Sketch, order: Rows) -> Sketch:
    """(old, new)[order], where `order` keeps each part in its order; made within `old`, which is no use afterwards."""
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    known = len(old)
    old.resize((len(order), old.shape[1]), refcheck=False)
    for end in range(known, 0, -_BLOCK):  # from the end: nothing moves down, so nothing is overwritten before it moves
        start = max(0, end - _BLOCK)
        old[place[start:end]] = old[start:end].copy()
    old[place[known:]] = new
    return old


def _fold(sketches: Sketch, words: int) -> Sketch:
    """XOR of the parts: still an odd sketch, of fewer bits. Words x records, so that scans are straight."""
    while sketches.shape[1] > words:
        half = sketches.shape[1] // 2
        sketches = sketches[:, :half] ^ sketches[:, half:]
    return np.ascontiguousarray(sketches.T)


def _differing(rows: Sketch, columns: Sketch) -> NDArray[np.uint16]:
    """Differing bits of every row against every column."""
    shape = (rows.shape[1], columns.shape[1])
    total, bits, counts = np.zeros(shape, np.uint16), np.empty(shape, np.uint64), np.empty(shape, np.uint8)
    for word in range(rows.shape[0]):
        np.bitwise_xor(rows[word][:, None], columns[word][None, :], out=bits)
        np.bitwise_count(bits, out=counts)
        total += counts
    return total
