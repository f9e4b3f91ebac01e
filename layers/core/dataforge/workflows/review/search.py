"""Find pairs by any combination of filters: the review index says which, and only the pairs of the page are read.

Search looks into one text file per run (a line per slot, in lower case and NFC) and into the texts edited since.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import compress, islice
from operator import or_

from dataforge import ids
from dataforge.formats import conversation
from dataforge.platform import current
from dataforge.records import DIFFICULTIES
from dataforge.store import pairs, review_facts, review_index
from dataforge.store.pairs import Pair, PairPlace
from dataforge.store.projects import Project
from dataforge.store.review_facts import BLOCK, SCORE_UNIT, Facts, FactsOfBlocks
from dataforge.store.review_index import CODES, Block

SEARCH_FILE = "search.txt"
LONGEST_SEARCHED = 100_000
"""Characters of a pair that search looks at."""
_BETWEEN, _WITHIN = "\x1f", "\x1e"
"""Stand between the turns of a pair and for the line breaks in them, so that no hit crosses a turn."""
_PLAIN = str.maketrans({_BETWEEN: " ", _WITHIN: " ", "\n": _WITHIN})
THERE = bytes(int(code in CODES.values()) for code in range(256))
"""For bytes.translate: 1 for a state of a pair that is there."""


@dataclass(frozen=True, slots=True)
class PairFilter:
    """All that are given must hold; without any, every pair does."""

    status: str | None = None
    run_id: str | None = None
    search: str | None = None
    """Substring of a turn, whatever its case."""
    document_id: str | None = None
    chunk_id: str | None = None
    min_quality_score: float | None = None
    max_quality_score: float | None = None
    is_duplicate: bool | None = None
    type: str | None = None
    difficulty: str | None = None
    flagged: bool | None = None
    """By any check."""
    flag: str | None = None
    """The check that flags it."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Which pairs a filter finds, block by block."""

    blocks: list[Block]
    masks: list[bytes]
    """Per block: 1 for every slot whose pair is found."""

    @property
    def total(self) -> int:
        return sum(m.count(1) for m in self.masks)

    def places(self, first: int, last: int) -> list[PairPlace]:
        """Numbers `first` to `last` (exclusive) of the pairs found, in the order of their ids."""
        found: list[PairPlace] = []
        passed = 0
        for block, mask in zip(self.blocks, self.masks, strict=True):
            here = mask.count(1)
            if passed + here > first and passed < last:
                slots = islice(compress(range(BLOCK), mask), max(0, first - passed), last - passed)
                found += [
                    PairPlace(block.run, block.number * BLOCK + n, review_index.STATUSES[block.states[n]])
                    for n in slots
                ]
            passed += here
        return found


def page(project: Project, wanted: PairFilter, *, page: int, page_size: int) -> tuple[list[Pair], int]:
    """One page (1-based) and the exact number of pairs that match."""
    result = find(project, wanted)
    found = pairs.fetch(project.project_id, result.places((page - 1) * page_size, page * page_size))
    return found, result.total


def find(project: Project, wanted: PairFilter) -> SearchResult:
    known = review_index.read(project.project_id, wanted.run_id)
    matcher = Matcher(project, wanted, known)
    return SearchResult(known, [matcher.mask(b) for b in known])


class Matcher:
    """One filter, ready for any block; what does not change (facts, search results) is read once per block, and of the
    facts only the result is kept."""

    def __init__(self, project: Project, wanted: PairFilter, known: Sequence[Block]) -> None:
        self._states = _table(CODES[wanted.status]) if wanted.status else THERE
        self._tests = list(_tests(wanted))
        run = review_index.run_of(wanted.run_id) if wanted.run_id else None
        self._facts = FactsOfBlocks(project.project_id, run)
        self._passing: dict[tuple[str, int], int] = {}
        self._found = _searched(project, wanted, known) if wanted.search else None

    def mask(self, block: Block) -> bytes:
        """1 for every slot of the block whose pair is there and matches."""
        mask = bits(block.states.translate(self._states))
        place = (block.run, block.number)
        if self._found is not None:
            mask &= bits(self._found.get(place, b""))
        if self._tests:
            mask &= self._tested(block)
        return mask.to_bytes(BLOCK, "little")

    def _tested(self, block: Block) -> int:
        """1 for every slot whose facts pass all tests: facts never change."""
        place = (block.run, block.number)
        if place not in self._passing:
            facts = self._facts.of(*place)
            mask = EVERY
            for test in self._tests:
                mask &= test(facts)
            self._passing[place] = mask
        return self._passing[place]


# A mask is a whole number with one byte per slot, 0 or 1: and, or and byte tables work on a thousand slots at once.

Test = Callable[[Facts], int]


def bits(mask: bytes) -> int:
    """A mask of bytes as a whole number."""
    return int.from_bytes(mask, "little")


EVERY = bits(b"\x01" * BLOCK)


def _table(*values: int) -> bytes:
    """For bytes.translate: 1 for these bytes, 0 for all others."""
    return bytes(int(byte in values) for byte in range(256))


def _tests(wanted: PairFilter) -> Iterator[Test]:
    if wanted.min_quality_score is not None:
        yield _at_least(math.ceil(round(wanted.min_quality_score * SCORE_UNIT, 4)))
    if wanted.max_quality_score is not None:
        above = _at_least(math.floor(round(wanted.max_quality_score * SCORE_UNIT, 4)) + 1)
        yield lambda facts: above(facts) ^ EVERY
    if wanted.is_duplicate is not None:
        yield _with_bits(review_facts.DUPLICATE, review_facts.DUPLICATE * wanted.is_duplicate)
    if wanted.type is not None:
        yield _with_bits(review_facts.MULTI_TURN, review_facts.MULTI_TURN * (wanted.type == "multi_turn"))
    if wanted.difficulty is not None:
        yield _with_bits(review_facts.DIFFICULTY, (DIFFICULTIES.index(wanted.difficulty) + 1) << 2)
    if wanted.flagged is not None:
        yield flagged if wanted.flagged else lambda facts: flagged(facts) ^ EVERY
    if (check := wanted.flag) is not None:
        yield lambda facts: bits(facts.flags.get(check, b""))
    if wanted.document_id is not None:
        yield _of_document(wanted.document_id)
    if wanted.chunk_id is not None:
        stem, _, position = wanted.chunk_id.rpartition("_")
        at = int(position) if re.fullmatch("[0-9]{1,9}", position) else 2**32 - 1
        yield _of_document(f"doc_{ids.tail(stem)}")
        yield lambda facts: _equal(facts.positions, 4, at)


def _at_least(score: int) -> Test:
    """By the high byte, and by the low byte where the high ones are equal."""
    high, low = divmod(score, 256)
    above, same, enough = _table(*range(high + 1, 256)), _table(high), _table(*range(low, 256))

    def test(facts: Facts) -> int:
        highs, lows = facts.quality[1::2], facts.quality[::2]
        return bits(highs.translate(above)) | bits(highs.translate(same)) & bits(lows.translate(enough))

    return test


def _with_bits(which: int, value: int) -> Test:
    table = _table(*(byte for byte in range(256) if byte & which == value))
    return lambda facts: bits(facts.bits.translate(table))


def with_bits(facts: Facts, which: int) -> int:
    """Slots that have all of these bits."""
    return _with_bits(which, which)(facts)


def flagged(facts: Facts) -> int:
    """Slots whose pair a check flags."""
    return reduce(or_, map(bits, facts.flags.values()), 0)


def _of_document(document_id: str) -> Test:
    def test(facts: Facts) -> int:
        known = document_id in facts.names
        return _equal(facts.documents, 2, facts.names.index(document_id)) if known else 0

    return test


def _equal(column: bytes, width: int, value: int) -> int:
    mask = EVERY
    for at, byte in enumerate(value.to_bytes(width, "little")):
        mask &= bits(column[at::width].translate(_EQUAL[byte]))
    return mask


_EQUAL = [_table(byte) for byte in range(256)]


def line(text: str, skipped: int) -> bytes:
    """The next slot's line of a run's search file, after `skipped` slots without a pair: slot n's text is line n."""
    return b"\n" * skipped + text.encode() + b"\n"


def text_of(turns: Sequence[str]) -> str:
    """What search looks at: every turn, as `_folded` makes it."""
    return _BETWEEN.join(map(_folded, turns))[:LONGEST_SEARCHED]


def _folded(text: str) -> str:
    """In lower case and NFC: an accented letter is found whether it is stored as one character or as two."""
    return unicodedata.normalize("NFC", text.casefold()).translate(_PLAIN)


def turns_of(pair: Pair) -> list[str]:
    return [m.content for m in conversation.messages(pair.question, pair.answer, pair.between)]


def _searched(project: Project, wanted: PairFilter, known: Sequence[Block]) -> dict[tuple[str, int], bytes]:
    """(run, block) -> 1 for every slot whose text holds what is searched for."""
    needle = _folded(str(wanted.search))
    masks: dict[tuple[str, int], bytearray] = {}

    def mark(run: str, slot: int, found: bool) -> None:
        place = (run, slot // BLOCK)
        if found or place in masks:
            masks.setdefault(place, bytearray(BLOCK))[slot % BLOCK] = found

    for run in dict.fromkeys(b.run for b in known):
        for slot in _matching_lines(_search_file(project, run), needle.encode()):
            mark(run, slot, True)
    for run, slot, text in review_index.edited_texts(project.project_id, wanted.run_id):
        mark(run, slot, needle in text)
    return {place: bytes(mask) for place, mask in masks.items()}


def _search_file(project: Project, run: str) -> Iterator[bytes]:
    try:
        return current().files.stream(f"{project.s3_prefix}/runs/gen_{run}/{SEARCH_FILE}")
    except FileNotFoundError:
        return iter(())


def _matching_lines(parts: Iterable[bytes], needle: bytes) -> Iterator[int]:
    """Numbers of the lines that hold the needle, ascending; a part and one line are in memory."""
    line, rest = 0, b""
    for part in parts:
        whole, newline, rest = (rest + part).rpartition(b"\n")
        yield from (line + n for n in _lines_with(whole + newline, needle))
        line += part.count(b"\n")
    yield from (line + n for n in _lines_with(rest, needle))


def _lines_with(data: bytes, needle: bytes) -> Iterator[int]:
    line, counted = 0, 0
    at = data.find(needle)
    while at >= 0:
        line += data.count(b"\n", counted, at)
        yield line
        counted = data.find(b"\n", at)
        at = data.find(needle, counted) if counted >= 0 else -1
