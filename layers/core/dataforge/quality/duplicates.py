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

import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, islice
from struct import Struct
from typing import IO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataforge.text.normal_forms import normalise

Grams: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.intp]
Sizes: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.int64]
Sketch: TypeAlias = NDArray[np.uint64]

THRESHOLD = Fraction(7, 10)
_BLOCK, _TILE, _TILE_CELLS = 2048, 64, 1 << 16
_LEAST_WORDS, _MOST_WORDS = 1, 64
_SEGMENT = 4096
"""Records that are sorted together and read together."""
_MANY = 500
_IN_MEMORY = 4 << 20
"""Bytes that are held before they go to disk: of the texts, and of the sketches."""
_HEAD = Struct("<qq")
_FAR = np.iinfo(np.uint16).max
"""More bits than sketches differ at."""
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

    What is known of the kept records lies in temporary files once they are many: their texts, and sketches of 8 to 512
    bytes, as their like need. So memory does not grow with them.
    """

    def __init__(self, *, threshold: Fraction = THRESHOLD, against: Iterable[str] = ()) -> None:
        self._threshold, self._passed, self._known = threshold, 0, 0
        self._kept: _Kept | None = None
        against = iter(against)
        while texts := list(islice(against, _BLOCK)):
            block = [trigrams(text) for text in texts]
            kept = self._ready(block)
            places = [kept.shelf.put(-1 - self._known - n, text) for n, text in enumerate(texts)]
            kept.index(_by_size(block, kept.words, np.array(places, np.int64)))
            self._known += len(block)

    def check(self, texts: Sequence[str]) -> list[Duplicate]:
        """Those of the texts that repeat a kept one. `index` and `of` count all texts since the first check."""
        found: list[Duplicate] = []
        for start in range(0, len(texts), _BLOCK):
            some = texts[start : start + _BLOCK]
            block = [trigrams(text) for text in some]
            found += [
                Duplicate(self._passed + row, -1 - of if of < 0 else of, float(similarity), of < 0)
                for row, of, similarity in self._ready(block).screen(self._passed, block, some)
            ]
            self._passed += len(block)
        return found

    def find(self, texts: Sequence[str]) -> list[Duplicate]:
        """Those of the texts that repeat a kept one. They are neither kept nor compared with each other; `index` counts
        these texts only."""
        found: list[Duplicate] = []
        for start in range(0, len(texts), _BLOCK):
            block = [trigrams(text) for text in texts[start : start + _BLOCK]]
            kept = self._ready(block)
            best = kept.before(block, _by_size(block, kept.words, np.arange(len(block))))
            found += [
                Duplicate(start + row, -1 - b.name if b.name < 0 else b.name, float(b.jaccard), b.name < 0)
                for row, b in enumerate(best)
                if b
            ]
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
    """Some records, smallest first. `places` say where each is known; of two, the one that came first has the less."""

    sizes: Sizes
    places: Places
    sketches: Sketch
    folds: dict[int, Sketch] = field(default_factory=dict)
    """Of the sketches, made when they are asked for."""

    def folded(self, words: int) -> Sketch:
        if words not in self.folds:
            self.folds[words] = _fold(self.sketches, words)
        return self.folds[words]

    def joined(self, more: _BySize) -> _BySize:
        return _in_order(
            np.concatenate((self.sizes, more.sizes)),
            np.concatenate((self.places, more.places)),
            np.concatenate((self.sketches, more.sketches)),
        )


def _by_size(sets: Sequence[Grams], words: int, places: Places) -> _BySize:
    return _in_order(np.fromiter(map(len, sets), np.int64), places, np.stack([_sketch(g, words) for g in sets]))


def _in_order(sizes: Sizes, places: Places, sketches: Sketch) -> _BySize:
    order = np.argsort(sizes, kind="stable")
    return _BySize(sizes[order], places[order], sketches[order])


def _nothing(words: int) -> _BySize:
    return _BySize(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, words), np.uint64))


class _Candidate(NamedTuple):
    """A kept record that may be like the one at hand: where it lies, and at how many bits their sketches differ."""

    differing: int
    place: int
    size: int


class _Match(NamedTuple):
    """Ordered by what counts: the more similar, then the one that came first."""

    jaccard: Fraction
    earlier: int
    """Minus its place."""
    name: int

    def may_lose_to(self, other: _Candidate, size: int) -> bool:
        """size: of the record at hand. Sets that differ in d elements or more have J <= (x + y - d) / (x + y + d)."""
        both = other.size + size
        most = (both - other.differing) * self.jaccard.denominator
        least = self.jaccard.numerator * (both + other.differing)
        return most > least or (most == least and -other.place > self.earlier)


class _Kept:
    """The kept records, each known by its place on the shelf; `index` makes those findable that were put there."""

    def __init__(self, threshold: Fraction, words: int) -> None:
        self.p, self.q, self.words = threshold.numerator, threshold.denominator, words
        self.shelf, self.segments = _Shelf(), _Segments(words)
        self.recent = _nothing(words)
        """Those of no segment yet."""

    def index(self, records: _BySize) -> None:
        self.recent = self.recent.joined(records)
        if len(self.recent.sizes) >= _SEGMENT:
            self.segments.add(self.recent)
            self.recent = _nothing(self.words)

    def screen(self, start: int, block: Sequence[Grams], texts: Sequence[str]) -> Iterator[tuple[int, int, Fraction]]:
        """(row, name of the kept record, Jaccard) of every record of the block that repeats one; others are kept."""
        mine = _by_size(block, self.words, np.arange(len(block)))
        best = self.before(block, mine)
        inside = np.full((len(block), len(block)), _FAR, np.uint16)
        for row, column, bits in self._pairs(mine, mine):
            inside[mine.places[row], mine.places[column]] = bits
        sizes = np.fromiter(map(len, block), np.int64)
        places = np.full(len(block), -1, np.int64)
        """Of each row that is kept."""
        for at, grams in enumerate(block):
            near = np.flatnonzero((inside[at] != _FAR) & (places >= 0))
            for differing, place, size in sorted(
                zip(inside[at, near].tolist(), places[near].tolist(), sizes[near].tolist(), strict=True)
            ):
                best[at] = self._better(grams, _Candidate(differing, place, size), best[at])
            found = best[at]
            if found:
                yield at, found.name, found.jaccard
            else:
                places[at] = self.shelf.put(start + at, texts[at])
        kept = places[mine.places] >= 0
        self.index(_BySize(mine.sizes[kept], places[mine.places[kept]], mine.sketches[kept]))

    def before(self, block: Sequence[Grams], mine: _BySize) -> list[_Match | None]:
        """The most similar record of those kept before the block, for each of its rows that has one."""
        best: list[_Match | None] = [None] * len(block)
        for others in chain(self.segments, [self.recent]):
            for row, column, differing in self._pairs(mine, others):
                found = zip(
                    mine.places[row].tolist(),
                    differing.tolist(),
                    others.places[column].tolist(),
                    others.sizes[column].tolist(),
                    strict=True,
                )
                for at, *candidate in sorted(found):
                    best[at] = self._better(block[at], _Candidate(*candidate), best[at])
        return best

    def _better(self, grams: Grams, candidate: _Candidate, best: _Match | None) -> _Match | None:
        """`best` or the candidate, if that is above the threshold and better."""
        if best and not best.may_lose_to(candidate, len(grams)):
            return best
        name, other = self.shelf.get(candidate.place)
        both, overlap = len(grams) + len(other), len(np.intersect1d(grams, other, assume_unique=True))
        if (self.p + self.q) * overlap <= self.p * both:
            return best
        found = _Match(Fraction(overlap, both - overlap), -candidate.place, name)
        return max(best, found) if best else found

    def _pairs(self, some: _BySize, others: _BySize) -> Iterator[tuple[Rows, Rows, NDArray[np.uint16]]]:
        """Rows of `some` and `others` that the bounds cannot rule out, and at how many bits they differ, in batches."""
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
                differing = np.bitwise_count(some.sketches[row] ^ others.sketches[column]).sum(axis=1, dtype=np.uint16)
                close = differing < self._allowed(some.sizes[row], others.sizes[column])
                yield row[close], column[close], differing[close]

    def _allowed(self, x: Sizes, y: Sizes) -> NDArray[np.uint16]:
        """Exclusive limit on differing bits: (p+q) * differing < (q-p) * (x+y), as a whole number."""
        limit = -(-(x + y) * (self.q - self.p) // (self.p + self.q))
        whole: NDArray[np.uint16] = np.minimum(limit, np.iinfo(np.uint16).max).astype(np.uint16)
        return whole


class _Shelf:
    """Names and texts, in the order they came. Of texts trigrams are made again: few are asked for, and trigrams would
    take eight times the memory."""

    def __init__(self) -> None:
        self._file, self._end = _scratch(self), 0

    def put(self, name: int, text: str) -> int:
        """Its place: more than that of any before it."""
        place, stored = self._end, text.encode("utf-8", "surrogatepass")
        self._file.seek(place)
        self._end += self._file.write(_HEAD.pack(name, len(stored)) + stored)
        return place

    def get(self, place: int) -> tuple[int, Grams]:
        """The name, and the trigrams of the text."""
        self._file.seek(place)
        name, length = _HEAD.unpack(self._file.read(_HEAD.size))
        return name, trigrams(self._file.read(length).decode("utf-8", "surrogatepass"))


class _Segments:
    """Records that are kept and findable, sorted by size within each segment; read one segment at a time."""

    def __init__(self, words: int) -> None:
        self._file, self._words, self._lengths = _scratch(self), words, array("q")

    def add(self, records: _BySize) -> None:
        self._file.seek(sum(self._lengths) * self._row)
        for column in (records.sizes, records.places, records.sketches):
            self._file.write(column.tobytes())
        self._lengths.append(len(records.sizes))

    def __iter__(self) -> Iterator[_BySize]:
        at = 0
        for rows in self._lengths:
            self._file.seek(at)
            stored = self._file.read(rows * self._row)
            at += len(stored)
            sketches = np.frombuffer(stored, np.uint64, offset=16 * rows).reshape(rows, self._words)
            sizes, places = np.frombuffer(stored, np.int64, 2 * rows).reshape(2, rows)
            yield _BySize(sizes, places, sketches)

    @property
    def _row(self) -> int:
        """Bytes of a record: its size, its place and its sketch."""
        return 8 * (2 + self._words)


def _scratch(owner: object) -> IO[bytes]:
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  it goes with its owner
    weakref.finalize(owner, file.close)
    return file


def _sketch(grams: Grams, words: int) -> Sketch:
    bits = words * 64
    counts = np.bincount(((grams * _SPREAD) >> np.uint64(64 - bits.bit_length() + 1)).astype(np.intp), minlength=bits)
    return np.packbits((counts & 1).astype(np.uint8)).view(np.uint64)


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
