"""Find pairs by any combination of filters: the review index says which, and only the pairs of the page are read.

Search looks into one text file per run (a line per slot, in lower case) and into the texts edited since.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, compress, islice

from dataforge import ids
from dataforge.platform import current
from dataforge.records import DIFFICULTIES
from dataforge.store import blocks, pairs
from dataforge.store.blocks import BLOCK, CODES, SCORE_UNIT, Block, Facts
from dataforge.store.pairs import Pair, Place
from dataforge.store.projects import Project

SEARCH_FILE = "search.txt"
LONGEST_SEARCHED = 100_000
"""Characters of a pair that search looks at."""
_BETWEEN, _WITHIN = "\x1f", "\x1e"
"""Stand between the turns of a pair and for the line breaks in them, so that no hit crosses a turn."""
_PLAIN = str.maketrans({_BETWEEN: " ", _WITHIN: " ", "\n": _WITHIN})
_ONE = bytes(int(code in CODES.values()) for code in range(256))
_BY_STATUS = {status: bytes(int(c == code) for c in range(256)) for status, code in CODES.items()}


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
    complexity_level: str | None = None

    @property
    def looks_at_facts(self) -> bool:
        return replace(self, status=None, run_id=None, search=None) != PairFilter()


@dataclass(frozen=True, slots=True)
class Hits:
    """Which pairs a filter finds, block by block."""

    blocks: list[Block]
    masks: list[bytes]
    """Per block: 1 for every slot whose pair is found."""

    @property
    def total(self) -> int:
        return sum(m.count(1) for m in self.masks)

    def places(self, first: int, last: int) -> list[Place]:
        """Numbers `first` to `last` (exclusive) of the pairs found, in the order of their ids."""
        found: list[Place] = []
        passed = 0
        for block, mask in zip(self.blocks, self.masks, strict=True):
            here = mask.count(1)
            if passed + here > first and passed < last:
                slots = islice(compress(range(BLOCK), mask), max(0, first - passed), last - passed)
                found += [Place(block.run, block.number * BLOCK + n, blocks.STATUSES[block.states[n]]) for n in slots]
            passed += here
        return found


def page(project: Project, wanted: PairFilter, *, page: int, page_size: int) -> tuple[list[Pair], int]:
    """One page (1-based) and the exact number of pairs that match."""
    hits = find(project, wanted)
    found = pairs.fetch(project.project_id, hits.places((page - 1) * page_size, page * page_size))
    return found, hits.total


def find(project: Project, wanted: PairFilter) -> Hits:
    known = blocks.read(project.project_id, wanted.run_id)
    matcher = Matcher(project, wanted, known)
    return Hits(known, [matcher.mask(b) for b in known])


class Matcher:
    """One filter, ready for any block; what does not change (facts, search hits) is read once."""

    def __init__(self, project: Project, wanted: PairFilter, known: Sequence[Block]) -> None:
        self._wanted = wanted
        self._facts = blocks.read_facts(project.project_id, wanted.run_id) if wanted.looks_at_facts else {}
        self._hits = _searched(project, wanted, known) if wanted.search else None

    def mask(self, block: Block) -> bytes:
        """1 for every slot of the block whose pair is there and matches."""
        masks = [block.states.translate(_BY_STATUS[self._wanted.status] if self._wanted.status else _ONE)]
        place = (block.run, block.number)
        if self._hits is not None:
            masks.append(self._hits.get(place, bytes(BLOCK)))
        if self._wanted.looks_at_facts:
            masks += _factual(self._facts[place], self._wanted)
        return _all_of(masks)


def _all_of(masks: Sequence[bytes]) -> bytes:
    whole = int.from_bytes(masks[0], "little")
    for mask in masks[1:]:
        whole &= int.from_bytes(mask, "little")
    return whole.to_bytes(BLOCK, "little")


def _factual(facts: Facts, wanted: PairFilter) -> Iterator[bytes]:
    if wanted.min_quality_score is not None:
        least = math.ceil(round(wanted.min_quality_score * SCORE_UNIT, 4))
        yield bytes(score >= least for score in facts.scores)
    if wanted.max_quality_score is not None:
        most = math.floor(round(wanted.max_quality_score * SCORE_UNIT, 4))
        yield bytes(score <= most for score in facts.scores)
    if wanted.is_duplicate is not None:
        yield bytes((flag & 1) == wanted.is_duplicate for flag in facts.flags)
    if wanted.type is not None:
        many = wanted.type == "multi_turn"
        yield bytes((flag >> 1 & 1) == many for flag in facts.flags)
    if wanted.complexity_level is not None:
        level = DIFFICULTIES.index(wanted.complexity_level) + 1  # type: ignore[arg-type]  # the wire has checked it
        yield bytes((flag >> 2 & 3) == level for flag in facts.flags)
    if wanted.document_id is not None:
        yield _of_document(facts, wanted.document_id)
    if wanted.chunk_id is not None:
        stem, _, position = wanted.chunk_id.rpartition("_")
        at = int(position) if position.isascii() and position.isdigit() else -1
        yield _of_document(facts, f"doc_{ids.tail(stem)}")
        yield bytes(p == at for p in facts.positions)


def _of_document(facts: Facts, document_id: str) -> bytes:
    number = facts.names.index(document_id) if document_id in facts.names else -1
    return bytes(n == number for n in facts.documents)


def lines(texts: Mapping[int, str]) -> bytes:
    """The search file of a run: slot n's text is line n, empty where there is no pair."""
    return b"".join(
        chain.from_iterable((texts.get(n, "").encode(), b"\n") for n in range(max(texts, default=-1) + 1))
    )


def text_of(turns: Sequence[str]) -> str:
    """What search looks at: every turn, in lower case."""
    return _BETWEEN.join(turn.casefold().translate(_PLAIN) for turn in turns)[:LONGEST_SEARCHED]


def turns_of(pair: Pair) -> list[str]:
    return [pair.question, pair.answer]


def _searched(project: Project, wanted: PairFilter, known: Sequence[Block]) -> dict[tuple[str, int], bytes]:
    """(run, block) -> 1 for every slot whose text holds what is searched for."""
    needle = str(wanted.search).casefold().translate(_PLAIN)
    found: dict[str, set[int]] = {}
    for run in dict.fromkeys(b.run for b in known):
        found[run] = set(_matching_lines(_search_file(project, run), needle.encode()))
    for run, slot, text in blocks.edited_texts(project.project_id, wanted.run_id):
        of_run = found.setdefault(run, set())
        of_run.add(slot) if needle in text else of_run.discard(slot)
    masks: dict[tuple[str, int], bytearray] = {}
    for run, slots in found.items():
        for slot in slots:
            masks.setdefault((run, slot // BLOCK), bytearray(BLOCK))[slot % BLOCK] = 1
    return {place: bytes(mask) for place, mask in masks.items()}


def _search_file(project: Project, run: str) -> bytes:
    try:
        return current().files.read(f"{project.s3_prefix}/runs/gen_{run}/{SEARCH_FILE}")
    except FileNotFoundError:
        return b""


def _matching_lines(data: bytes, needle: bytes) -> Iterator[int]:
    """Numbers of the lines that hold the needle, ascending."""
    line, counted = 0, 0
    at = data.find(needle)
    while at >= 0:
        line += data.count(b"\n", counted, at)
        yield line
        counted = data.find(b"\n", at)
        at = data.find(needle, counted) if counted >= 0 else -1
