"""What the pairs of a block can be filtered by: score, document, chunk, kind, and what the checks said of them.

| question                                  | access                                                       |
|---|---|
| the facts of every block, or of a run's   | query reviews (project_id, begins `facts#[<run>#]`)          |
| those of one block                        | get reviews (project_id, `facts#<run>#<block>`)              |

Facts never change: only the assessment of a run writes them, so their writes need no condition. Blocks of releases
before there were flags have none.
"""

from __future__ import annotations

import base64
import sys
import zlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import DIFFICULTIES
from dataforge.store import item_codec

BLOCK = 1000
"""Slots in a block."""
SCORE_UNIT = 10_000
"""Scores have four digits: whole numbers of this unit add up without drift."""
DUPLICATE, MULTI_TURN, DIFFICULTY, REJECTED = 1, 2, 12, 16
"""Bits of `Facts.bits`; the difficulty is counted from 1."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Columns of little-endian numbers, zeros in slots without a pair."""

    quality: bytes
    """Two bytes a slot: the score in ten-thousandths."""
    bits: bytes
    """One byte a slot: DUPLICATE, MULTI_TURN, DIFFICULTY, and REJECTED: by a check of the run."""
    documents: bytes
    """Two bytes a slot: index into `names`."""
    positions: bytes
    """Four bytes a slot: the position of the chunk in its document."""
    names: tuple[str, ...]
    """Document ids."""
    flags: Mapping[str, bytes] = field(default_factory=dict)
    """By check: one byte a slot, 1 where the pair is flagged by it. Only those that flag a pair of the block."""

    @property
    def scores(self) -> array[int]:
        return _numbers("H", self.quality)


@dataclass(frozen=True, slots=True)
class Marked:
    """What the index needs to know of a new pair."""

    slot: int
    status: str
    score: float
    document_id: str
    chunk_id: str
    difficulty: str
    is_duplicate: bool
    multi_turn: bool
    rejected: bool = False
    """By a check, whatever people make of it later."""
    flags: Sequence[str] = ()
    """The checks that flag it."""


def read(project_id: str) -> dict[tuple[str, int], Facts]:
    """By run and block number."""
    return {
        place_of(i): _facts(i)
        for i in item_codec.items_of("reviews", {"project_id": project_id}, begins=("block", "facts#"))
    }


class FactsOfBlocks:
    """The facts of one block after the other, read as they are needed.

    In the order of the blocks, which is that of `review_index.read`, a page of them is in memory; any other is read by
    itself.
    """

    def __init__(self, project_id: str, run: str | None = None) -> None:
        """run: the ulid of one run."""
        prefix = f"facts#{run}#" if run else "facts#"
        self._project_id = project_id
        self._following = item_codec.items_of("reviews", {"project_id": project_id}, begins=("block", prefix))
        self._at: tuple[str, int] | None = None
        self._facts: Facts | None = None

    def of(self, run: str, number: int) -> Facts:
        wanted = (run, number)
        while self._facts is None or (self._at is not None and self._at < wanted):
            item = next(self._following, None)
            if item is None:
                break
            self._at, self._facts = place_of(item), _facts(item)
        if self._facts is not None and self._at == wanted:
            return self._facts
        return self._by_itself(run, number)

    def _by_itself(self, run: str, number: int) -> Facts:
        name = item_key("facts", run, number)
        item = current().tables.get("reviews", {"project_id": self._project_id, "block": name})
        if item is None:
            raise KeyError(f"there are no {name}")
        return _facts(item)


def add(project_id: str, run: str, made: Mapping[int, Sequence[Marked]]) -> None:
    """made: by block number, all that a round has of each."""
    keys = [{"project_id": project_id, "block": item_key("facts", run, n)} for n in made]
    known = {place_of(i)[1]: _facts(i) for i in current().tables.batch_get("reviews", keys)}
    current().tables.batch_put(
        "reviews",
        (
            {"project_id": project_id, "block": item_key("facts", run, n), **_merged(known.get(n), of_block)}
            for n, of_block in made.items()
        ),
    )


def add_flags(project_id: str, run: str, slot: int, checks: Sequence[str]) -> None:
    """Onto a pair that is in the index. Safe to repeat."""
    name = item_key("facts", run, slot // BLOCK)
    item = current().tables.get("reviews", {"project_id": project_id, "block": name})
    if item is None:
        raise KeyError(f"there are no {name}")
    flags = {check: bytearray(column) for check, column in _facts(item).flags.items()}
    for check in checks:
        flags.setdefault(check, bytearray(BLOCK))[slot % BLOCK] = 1
    current().tables.batch_put("reviews", [{**item, **_stored_flags(flags)}])


def flagged(project_id: str, run: str) -> tuple[int, dict[str, int]]:
    """Pairs of a run that a check flags, and how many each check does; deleted ones count, too."""
    total, by_check = 0, dict[str, int]()
    for item in item_codec.items_of("reviews", {"project_id": project_id}, begins=("block", f"facts#{run}#")):
        any_of = 0
        for check, column in _facts(item).flags.items():
            any_of |= int.from_bytes(column, "little")
            by_check[check] = by_check.get(check, 0) + column.count(1)
        total += any_of.bit_count()
    return total, dict(sorted(by_check.items(), key=lambda kv: (-kv[1], kv[0])))


def item_key(kind: str, run: str, number: int) -> str:
    """The sort key of a block's item: kind is `state` or `facts`."""
    return f"{kind}#{run}#{number:04d}"


def place_of(item: Item) -> tuple[str, int]:
    """Run and block number of an item."""
    _, run, number = str(item["block"]).split("#")
    return run, int(number)


def _merged(known: Facts | None, made: Sequence[Marked]) -> Item:
    scores = _numbers("H", known.quality if known else bytes(2 * BLOCK))
    bits = bytearray(known.bits if known else bytes(BLOCK))
    documents = _numbers("H", known.documents if known else bytes(2 * BLOCK))
    positions = _numbers("I", known.positions if known else bytes(4 * BLOCK))
    names = {name: n for n, name in enumerate(known.names if known else ())}
    flags = {check: bytearray(column) for check, column in (known.flags if known else {}).items()}
    for one in made:
        at = one.slot % BLOCK
        scores[at] = round(one.score * SCORE_UNIT)
        bits[at] = _bits(one)
        documents[at] = names.setdefault(one.document_id, len(names))
        positions[at] = int(one.chunk_id.rpartition("_")[2])
        for column in flags.values():
            column[at] = 0
        for check in one.flags:
            flags.setdefault(check, bytearray(BLOCK))[at] = 1
    item: Item = {
        "columns": _packed(_bytes(scores), bits, _bytes(documents), _bytes(positions)),
        "names": list(names),
    }
    return {**item, **_stored_flags(flags)}


def _stored_flags(flags: Mapping[str, bytearray]) -> Item:
    return {"checks": list(flags), "flags": _packed(*flags.values())} if flags else {}


def _bits(one: Marked) -> int:
    level = next((n for n, d in enumerate(DIFFICULTIES, 1) if d == one.difficulty), 0)
    return DUPLICATE * one.is_duplicate | MULTI_TURN * one.multi_turn | level << 2 | REJECTED * one.rejected


def _facts(item: Item) -> Facts:
    raw, names, checks = _unpacked(item["columns"]), item["names"], item.get("checks")
    flags = _unpacked(item["flags"]) if isinstance(checks, list) else b""
    return Facts(
        quality=raw[: 2 * BLOCK],
        bits=raw[2 * BLOCK : 3 * BLOCK],
        documents=raw[3 * BLOCK : 5 * BLOCK],
        positions=raw[5 * BLOCK :],
        names=tuple(map(str, names if isinstance(names, list) else ())),
        flags={
            str(check): flags[n * BLOCK : (n + 1) * BLOCK]
            for n, check in enumerate(checks if isinstance(checks, list) else ())
        },
    )


def _packed(*columns: bytes | bytearray) -> str:
    return base64.b64encode(zlib.compress(b"".join(columns), 6)).decode("ascii")


def _unpacked(columns: object) -> bytes:
    return zlib.decompress(base64.b64decode(str(columns)))


def _numbers(kind: str, column: bytes) -> array[int]:
    found = array(kind, column)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def _bytes(column: array[int]) -> bytes:
    return _numbers(column.typecode, column.tobytes()).tobytes()
