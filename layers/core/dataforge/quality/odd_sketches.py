"""Odd sketches of sets of character trigrams: bitmaps in which a set's every member flips one bit (Mitzenmacher, Pagh &
Pham 2014). Two sketches differ at no more bits than their sets differ in members, so they can rule a pair out for
certain, and folded ones can too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dataforge.text.normal_forms import normalise

Grams: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.intp]
Sizes: TypeAlias = NDArray[np.int64]
Sketch: TypeAlias = NDArray[np.uint64]
Counts: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

TILE, STEP = 64, 512
"""Rows and columns that are compared at once: so few that what is computed of them stays in the processor's cache."""
AT_ONCE = 1 << 18
"""Characters, or bits of sketches, that are made into sketches in one go."""
BITS_PER_GRAM = 0.95
"""Of the sketches that are compared first: fewer let too many pairs through, more take longer than they spare."""
MOST_WORDS = 64
_ALL_BUT_PLACE = np.uint64(64 - 12)
"""Bits of a spread trigram that do not say where it lies in the widest sketch."""
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_POINT = np.uint32((1 << 21) - 1)
_NONE: Rows = np.empty(0, np.intp)
_FULL = np.iinfo(np.uint8).max


def trigrams(text: str) -> Grams:
    """The distinct trigrams of the normalised text, sorted, each packed into 63 bits (three code points of 21).

    A text shorter than three characters is one gram, itself; so the empty text equals the empty text and nothing else.
    """
    codes = _codes(_points(text))
    codes.sort()
    return codes[np.concatenate(([True], codes[1:] != codes[:-1]))]


def _points(text: str) -> bytes:
    """Four bytes for each code point of the normalised text; filled up to three points by what is no code point."""
    stored = normalise(text).encode("utf-32-le", "surrogatepass")
    return stored if len(stored) >= 12 else stored.ljust(12, b"\xff")


def _codes(stored: bytes) -> Grams:
    """The trigrams in order. Of texts one behind the other: two codes between any two of them belong to neither."""
    points = (np.frombuffer(stored, np.uint32) & _POINT).astype(np.uint64)
    codes: Grams = (points[:-2] << np.uint64(42)) | (points[1:-1] << np.uint64(21)) | points[2:]
    return codes


def words_for(largest: int) -> int:
    """Words of 64 bits that tell sets of this size apart: a power of two, or three quarters of one."""
    words = 1
    while words < MOST_WORDS and words * 64 < BITS_PER_GRAM * largest:
        words *= 2
    return words * 3 // 4 if words > 2 and words * 48 >= BITS_PER_GRAM * largest else words


def sketched(texts: Sequence[str], words: int) -> Iterator[tuple[Sizes, Sketch]]:
    """Sizes and sketches of the texts' sets of trigrams, some texts at a time."""
    waiting: list[bytes] = []
    characters = 0
    for text in texts:
        waiting.append(_points(text))
        characters += len(text)
        if max(characters, len(waiting) * words * 64) >= AT_ONCE:
            yield _sizes_and_sketches(waiting, words * 64)
            waiting, characters = [], 0
    if waiting:
        yield _sizes_and_sketches(waiting, words * 64)


def _sizes_and_sketches(texts: Sequence[bytes], bits: int) -> tuple[Sizes, Sketch]:
    lengths = np.fromiter((len(text) // 4 for text in texts), np.int64, len(texts))
    ends = np.cumsum(lengths) - 2
    starts = ends + 2 - lengths
    codes = _codes(b"".join(texts))
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        codes[start:end].sort()
    first = np.empty(len(codes), bool)
    np.not_equal(codes[1:], codes[:-1], out=first[1:])
    first[starts] = True
    first[ends[:-1]] = first[ends[:-1] + 1] = False
    sizes = np.add.reduceat(first, starts, dtype=np.int64)
    flips = codes[first]
    flips *= _SPREAD
    flips >>= _ALL_BUT_PLACE
    flips &= np.uint64(bits - 1)
    words = (flips >> np.uint64(6)).astype(np.int64)
    words += np.repeat(np.arange(len(texts)) * (bits // 64), sizes)
    flips &= np.uint64(63)
    sketches = np.zeros(len(texts) * bits // 64, np.uint64)
    np.bitwise_xor.at(sketches, words, np.left_shift(np.uint64(1), flips, out=flips))
    return sizes, sketches.reshape(len(texts), bits // 64)


def fold(sketches: Sketch, words: int) -> Sketch:
    """XOR of the parts: still an odd sketch, of fewer bits. Words x records, so that scans are straight."""
    while sketches.shape[1] >= 2 * words:
        half = sketches.shape[1] // 2
        sketches = sketches[:, :half] ^ sketches[:, half:]
    folded = sketches.T
    if len(folded) > words:  # three quarters: the last two become one
        folded = np.concatenate(
            (folded[: words - len(folded) // 4], folded[words - len(folded) // 4 : words] ^ folded[words:])
        )
    return np.ascontiguousarray(folded)


class Comparison:
    """What is computed of a tile, in memory that is used again."""

    def __init__(self) -> None:
        self._bits = np.empty((TILE, STEP), np.uint64)
        self._counts, self._sums = np.empty((2, TILE, STEP), np.uint8)
        self._totals = np.empty((TILE, STEP), np.uint16)

    def closer(self, rows: Sketch, columns: Sketch, limits: Counts) -> tuple[Rows, Rows]:
        """Rows and columns that differ at fewer bits than the column's limit.

        Line s of what is computed compares column c with row s + c, modulo their number: so that both are read
        straight. numpy takes twice as long where one of two operands is a single value for a whole line.
        """
        words, many = rows.shape
        repeated = np.concatenate([rows] * (-(-STEP // many) + 1), axis=1)
        shifted = np.ndarray((words, many, STEP), np.uint64, repeated, strides=(repeated.strides[0], 8, 8))
        few = words * 64 <= _FULL + 1 and limits.max(initial=0) <= _FULL
        if few:
            limits = limits.astype(np.uint8)
        close: list[tuple[Rows, Rows]] = [(_NONE, _NONE)]
        for left in range(0, columns.shape[1], STEP):
            some = columns[:, left : left + STEP]
            lines = shifted[:, :, : some.shape[1]]
            differing = self._few(lines, some) if few else self._many(lines, some)
            (found,) = (differing < limits[left : left + STEP]).ravel().nonzero()
            if len(found):
                line, column = np.divmod(found, some.shape[1])
                close.append(((line + column) % many, left + column))
        return np.concatenate([row for row, _ in close]), np.concatenate([column for _, column in close])

    def _few(self, rows: Sketch, columns: Sketch) -> NDArray[np.uint8]:
        """Differing bits, of which there are 256 at most; all of 256 count as none, which is no limit's loss."""
        many, width = rows.shape[1:]
        bits, counts, sums = self._bits[:many, :width], self._counts[:many, :width], self._sums[:many, :width]
        for word, (row, column) in enumerate(zip(rows, columns, strict=True)):
            np.bitwise_xor(row, column, out=bits)
            np.bitwise_count(bits, out=counts if word else sums)
            if word:
                np.add(sums, counts, out=sums)
        return sums

    def _many(self, rows: Sketch, columns: Sketch) -> NDArray[np.uint16]:
        """The same of wider sketches, three words at a time: their sum is one byte."""
        totals = self._totals[: rows.shape[1], : rows.shape[2]]
        totals[:] = 0
        for word in range(0, len(rows), 3):
            np.add(totals, self._few(rows[word : word + 3], columns[word : word + 3]), out=totals)
        return totals
