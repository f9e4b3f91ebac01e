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
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, groupby, islice
from operator import itemgetter
from os import SEEK_END
from struct import Struct
from typing import IO, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataforge.quality import odd_sketches
from dataforge.quality.odd_sketches import Grams, Rows, Sizes, Sketch, trigrams

Places: TypeAlias = NDArray[np.int64]

THRESHOLD = Fraction(7, 10)
_BLOCK = 2048
"""Records that are compared with all that came before them in one go."""
_CLOSE = 4096
"""Pairs whose whole sketches are compared at once."""
_SEGMENT = 4096
"""Records that are sorted together and read together."""
_MANY, _LONGEST = 500, 16
_IN_MEMORY, _WAITING = 4 << 20, 1 << 16
"""Bytes that are held before they go to disk: of the texts, and of the sketches; and of the texts that are written in
one go."""
_HEAD = Struct("<qq")
_FAR = np.iinfo(np.uint16).max
"""More bits than sketches differ at."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """texts[index] repeats texts[of], or against[of] when `known`; similarity is their Jaccard, threshold < J <= 1.

    `of` is the most similar of all kept records before it; the earliest of those that tie.
    """

    index: int
    of: int
    similarity: float
    known: bool = False


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
            kept = self._ready(texts)
            places = [kept.shelf.put(-1 - self._known - n, text) for n, text in enumerate(texts)]
            kept.index(_by_size(texts, kept.words, np.array(places, np.int64)))
            self._known += len(texts)

    def check(self, texts: Sequence[str]) -> list[Duplicate]:
        """Those of the texts that repeat a kept one. `index` and `of` count all texts since the first check."""
        found: list[Duplicate] = []
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            found += [
                Duplicate(self._passed + row, -1 - of if of < 0 else of, float(similarity), of < 0)
                for row, of, similarity in self._ready(block).screen(self._passed, block)
            ]
            self._passed += len(block)
        return found

    def find(self, texts: Sequence[str]) -> list[Duplicate]:
        """Those of the texts that repeat a kept one. They are neither kept nor compared with each other; `index` counts
        these texts only."""
        found: list[Duplicate] = []
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            kept = self._ready(block)
            best = kept.before(block, _by_size(block, kept.words, np.arange(len(block))))
            found += [
                Duplicate(start + row, -1 - b.name if b.name < 0 else b.name, float(b.jaccard), b.name < 0)
                for row, b in enumerate(best)
                if b
            ]
        return found

    def _ready(self, block: Sequence[str]) -> _Kept:
        """The sketches are as wide as the first block makes likely; sets that are larger still are told apart exactly,
        only with more work. The largest of many is nearly the largest of all; after a few, far larger ones may come."""
        if self._kept is None:
            largest = max(len(trigrams(text)) for text in sorted(block, key=len)[-_LONGEST:])
            words = 1
            while words < odd_sketches.words_for(largest if len(block) >= _MANY else 2 * largest):
                words *= 2
            self._kept = _Kept(self._threshold, words)
        return self._kept


@dataclass(slots=True)
class _BySize:
    """Some records, smallest first. `places` say where each is known; of two, the one that came first has the less."""

    sizes: Sizes
    places: Places
    sketches: Sketch

    def joined(self, more: _BySize) -> _BySize:
        return _in_order(
            np.concatenate((self.sizes, more.sizes)),
            np.concatenate((self.places, more.places)),
            np.concatenate((self.sketches, more.sketches)),
        )


def _by_size(texts: Sequence[str], words: int, places: Places) -> _BySize:
    sizes, sketches = zip(*odd_sketches.sketched(texts, words), strict=True)
    return _in_order(np.concatenate(sizes), places, np.concatenate(sketches))


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

    def screen(self, start: int, block: Sequence[str]) -> Iterator[tuple[int, int, Fraction]]:
        """(row, name of the kept record, Jaccard) of every record of the block that repeats one; others are kept."""
        mine = _by_size(block, self.words, np.arange(len(block)))
        best, inside = self.before(block, mine), self._inside(mine)
        doubtful = (inside != _FAR).any(axis=1)
        sizes = np.empty(len(block), np.int64)
        sizes[mine.places] = mine.sizes
        places = np.full(len(block), -1, np.int64)
        """Of each row that is kept."""
        for at, text in enumerate(block):
            if doubtful[at]:
                near = np.flatnonzero((inside[at] != _FAR) & (places >= 0))
                rivals = zip(inside[at, near].tolist(), places[near].tolist(), sizes[near].tolist(), strict=True)
                best[at] = self._best(text, sorted(rivals), best[at])
            found = best[at]
            if found:
                yield at, found.name, found.jaccard
            else:
                places[at] = self.shelf.put(start + at, text)
        kept = places[mine.places] >= 0
        self.index(_BySize(mine.sizes[kept], places[mine.places[kept]], mine.sketches[kept]))

    def _inside(self, mine: _BySize) -> NDArray[np.uint16]:
        """At how many bits each row differs from those before it, where that may be few enough."""
        inside = np.full((len(mine.sizes), len(mine.sizes)), _FAR, np.uint16)
        for row, column, bits in self._pairs(mine, mine):
            one, other = mine.places[row], mine.places[column]
            inside[np.maximum(one, other), np.minimum(one, other)] = bits
        return inside

    def before(self, block: Sequence[str], mine: _BySize) -> list[_Match | None]:
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
                for at, rivals in groupby(sorted(found), key=itemgetter(0)):
                    best[at] = self._best(block[at], (rival[1:] for rival in rivals), best[at])
        return best

    def _best(self, text: str, rivals: Iterable[tuple[int, int, int]], best: _Match | None) -> _Match | None:
        """`best`, or what is better of the rivals, given as differing bits, place and size."""
        grams = trigrams(text)
        for rival in rivals:
            best = self._better(grams, _Candidate(*rival), best)
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
        """Rows of `some` and `others` that the bounds cannot rule out, and at how many bits they differ, in batches.
        Of two rows of one table, and of a row and itself, once."""
        scratch = odd_sketches.Comparison()
        for words, tiles in groupby(range(0, len(some.sizes), odd_sketches.TILE), lambda at: self._words_for(some, at)):
            windows = [(at, *self._window(some, others, at)) for at in tiles]
            top, first, last = windows[0][0], windows[0][1], windows[-1][2]
            rows = odd_sketches.fold(some.sketches[top : windows[-1][0] + odd_sketches.TILE], words)
            columns = odd_sketches.fold(others.sketches[first:last], words)
            for at, low, high in windows:
                # The tile's rows are of nearly one size: its largest bounds them all, each exact bound comes after.
                limits = self._allowed(some.sizes[at : at + odd_sketches.TILE][-1], others.sizes[low:high])
                tile = rows[:, at - top : at - top + odd_sketches.TILE]
                row, column = scratch.closer(tile, columns[:, low - first : high - first], limits)
                row, column = row + at, column + low
                if some is others:
                    ahead = row < column
                    row, column = row[ahead], column[ahead]
                for left in range(0, len(row), _CLOSE):
                    i, j = (
                        row[left : left + _CLOSE],
                        column[left : left + _CLOSE],
                    )
                    bits = np.bitwise_count(some.sketches[i] ^ others.sketches[j]).sum(axis=1, dtype=np.uint16)
                    close = bits < self._allowed(some.sizes[i], others.sizes[j])
                    yield i[close], j[close], bits[close]

    def _words_for(self, some: _BySize, at: int) -> int:
        """Of the sketches by which a tile is compared."""
        return min(self.words, odd_sketches.words_for(int(some.sizes[at : at + odd_sketches.TILE][-1])))

    def _window(self, some: _BySize, others: _BySize, at: int) -> tuple[int, int]:
        """The rows of `others` whose sizes allow a repeat of one of the tile's; behind the tile if it is their own."""
        sizes = some.sizes[at : at + odd_sketches.TILE]
        low = at if some is others else int(np.searchsorted(others.sizes, sizes[0] * self.p // self.q, "right"))
        return low, max(low, int(np.searchsorted(others.sizes, -(-sizes[-1] * self.q // self.p), "left")))

    def _allowed(self, x: Sizes, y: Sizes) -> NDArray[np.uint16]:
        """Exclusive limit on differing bits: (p+q) * differing < (q-p) * (x+y), as a whole number."""
        limit = -(-(x + y) * (self.q - self.p) // (self.p + self.q))
        whole: NDArray[np.uint16] = np.minimum(limit, np.iinfo(np.uint16).max).astype(np.uint16)
        return whole


class _Shelf:
    """Names and texts, in the order they came. Of texts trigrams are made again: few are asked for, and trigrams would
    take eight times the memory."""

    def __init__(self) -> None:
        self._file, self._waiting, self._end = _scratch(self), bytearray(), 0

    def put(self, name: int, text: str) -> int:
        """Its place: more than that of any before it."""
        place, stored = self._end, text.encode("utf-8", "surrogatepass")
        self._waiting += _HEAD.pack(name, len(stored)) + stored
        self._end += _HEAD.size + len(stored)
        if len(self._waiting) > _WAITING:
            self._write()
        return place

    def get(self, place: int) -> tuple[int, Grams]:
        """The name, and the trigrams of the text."""
        if place >= self._end - len(self._waiting):
            self._write()
        self._file.seek(place)
        name, length = _HEAD.unpack(self._file.read(_HEAD.size))
        return name, trigrams(self._file.read(length).decode("utf-8", "surrogatepass"))

    def _write(self) -> None:
        self._file.seek(0, SEEK_END)
        self._file.write(self._waiting)
        self._waiting.clear()


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
