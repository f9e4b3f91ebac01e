"""Named parts of a dataset, so that what is measured on one was not learnt from another.

Records that belong together go to one part together: those of one source (a document, or a chunk where there are too
few documents), of sources that a multi-hop record joins, and those whose texts are nearly alike (`quality.duplicates`)
and about the same names and numbers.
Whole groups are given to the part that still lacks most, the largest group first; the seed decides among equals.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from dataforge.quality import repeats
from dataforge.text.normal_forms import normalise

if TYPE_CHECKING:
    from dataforge.quality.duplicates import Screen

MOST_COMPARED = 20_000
"""Records up to which texts that are nearly alike are found: an export is made while its caller waits."""
TOLERANCE = 0.05
"""Of all records: by how much a part may miss its share before documents are taken apart into chunks."""
_ROUNDS = 4
_BLOCK = 2048
LEVELS = ("documents", "chunks")


@dataclass(frozen=True, slots=True)
class Placed:
    """What tells where a record belongs."""

    text: str
    """Compared with the texts of others."""
    documents: tuple[str, ...]
    chunks: tuple[str, ...]
    """All that it was made from."""


Records = Callable[[], Iterable[Placed]]
"""All records in order, again at every call: they are never held at once."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """What two parts share; all of them 0 where the parts are apart."""

    documents: int
    """Only counts against a split by documents."""
    chunks: int
    similar: int
    """Records that are nearly like one of a part before theirs."""


@dataclass(slots=True)
class Splits:
    names: tuple[str, ...]
    parts: bytearray
    """Of each record the place of its part in `names`."""
    by: str = LEVELS[0]
    groups: int = 0
    notes: list[str] = field(default_factory=list)

    def count(self, name: str) -> int:
        return self.parts.count(self.names.index(name))


def joined(count: int, links: Iterable[tuple[int, int]]) -> list[int]:
    """Of each of `count` things the first one that it is linked to, in however many steps."""
    above = list(range(count))

    def first(thing: int) -> int:
        while above[thing] != thing:
            above[thing] = above[above[thing]]
            thing = above[thing]
        return thing

    for one, other in links:
        low, high = sorted((first(one), first(other)))
        above[high] = low
    return [first(thing) for thing in range(count)]


def same(keys: Iterable[tuple[int, Hashable]]) -> Iterator[tuple[int, int]]:
    """Links between things that share a key."""
    seen: dict[Hashable, int] = {}
    for thing, key in keys:
        if (other := seen.setdefault(key, thing)) != thing:
            yield other, thing


def split(records: Records, shares: Mapping[str, int], seed: int) -> Splits:
    """shares: by the name of the part, in any unit. By documents where that comes near the shares, else by chunks."""
    total = sum(1 for _ in records())
    alike = [*same((n, _digest(r.text)) for n, r in enumerate(records())), *(_near(records, total))]
    tried = []
    for level in LEVELS:
        keys = ((n, key) for n, r in enumerate(records()) for key in _keys(r, level))
        made = _assigned(joined(total, [*alike, *same(keys)]), shares, seed, level)
        tried.append(made)
        if _error(made, shares) <= TOLERANCE:
            break
    best = min(tried, key=lambda made: _error(made, shares))
    if total > MOST_COMPARED:
        best.notes.append(
            f"Of {total:,} records, texts were compared for being the same, not for being nearly the same: that is "
            f"done up to {MOST_COMPARED:,} records"
        )
    elif apart := _apart(records, best, shares, seed):
        best = apart
    best.notes += _about(best, shares)
    return best


def leaks(records: Records, made: Splits) -> Leaks:
    """Looks at every record again: what two parts have in common."""
    shared = [0, 0]
    for number, level in enumerate(LEVELS):
        part_of: dict[str, int] = {}
        keys = ((key, part) for r, part in zip(records(), made.parts, strict=True) for key in getattr(r, level))
        shared[number] = len({key for key, part in keys if part_of.setdefault(key, part) != part})
    similar = len(_similar(records, made)) if len(made.parts) <= MOST_COMPARED else 0
    return Leaks(documents=shared[0] if made.by == LEVELS[0] else 0, chunks=shared[1], similar=similar)


def _keys(record: Placed, level: str) -> tuple[tuple[str, str], ...]:
    """What holds a record together with others at this level; chunks always do."""
    found = tuple(("chunk", key) for key in record.chunks)
    return found + tuple(("document", key) for key in record.documents) if level == LEVELS[0] else found


def _assigned(groups: Sequence[int], shares: Mapping[str, int], seed: int, level: str) -> Splits:
    names = tuple(shares)
    sizes = Counter(groups)
    order = sorted(sizes)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda group: -sizes[group])
    whole = sum(shares.values())
    lacking = [len(groups) * share / whole for share in shares.values()]
    part_of: dict[int, int] = {}
    for left, group in zip(range(len(order), 0, -1), order, strict=True):
        empty = [n for n in range(len(names)) if n not in part_of.values()] if left <= len(names) else []
        chosen = empty if len(empty) >= left else range(len(names))
        part_of[group] = max(chosen, key=lambda n: lacking[n])
        lacking[part_of[group]] -= sizes[group]
    return Splits(names, bytearray(part_of[group] for group in groups), level, len(sizes))


def _error(made: Splits, shares: Mapping[str, int]) -> float:
    """The largest distance of a part from its share; 1 where one is empty."""
    total, whole = len(made.parts) or 1, sum(shares.values())
    if any(not made.count(name) for name in shares):
        return 1.0
    return max(abs(made.count(name) / total - share / whole) for name, share in shares.items())


def _apart(records: Records, made: Splits, shares: Mapping[str, int], seed: int) -> Splits | None:
    """The parts again, until no record is nearly like one of another part. `_near` compares with the first of those
    that are alike only (A like B, B like C, C not like A): what it missed is found here and joined."""
    links: list[tuple[int, int]] = []
    again: Splits | None = None
    for _ in range(_ROUNDS):
        found = _similar(records, again or made)
        if not found:
            return again
        links += found
        total = len(made.parts)
        alike = [*same((n, _digest(r.text)) for n, r in enumerate(records())), *_near(records, total), *links]
        keys = ((n, key) for n, r in enumerate(records()) for key in _keys(r, made.by))
        again = _assigned(joined(total, [*alike, *same(keys)]), shares, seed, made.by)
    return again


def _similar(records: Records, made: Splits) -> list[tuple[int, int]]:
    """Records of a part that are nearly like one of a part before it, with that one."""
    found: list[tuple[int, int]] = []
    for part in range(1, len(made.names)):
        earlier = [n for n, p in enumerate(made.parts) if p < part]
        screen = _screen(r.text for r, p in zip(records(), made.parts, strict=True) if p < part)
        mine = ((n, r.text) for n, (r, p) in enumerate(zip(records(), made.parts, strict=True)) if p == part)
        while block := list(islice(mine, _BLOCK)):
            found += [(block[d.index][0], earlier[d.of]) for d in screen.find([text for _, text in block])]
    return list(_of_one_fact(records, found))


def _near(records: Records, total: int) -> Iterator[tuple[int, int]]:
    if total > MOST_COMPARED:
        return
    screen = _screen(())
    texts = (r.text for r in records())
    found: list[tuple[int, int]] = []
    while block := list(islice(texts, _BLOCK)):
        found += [(d.index, d.of) for d in screen.check(block)]
    yield from _of_one_fact(records, found)


def _of_one_fact(records: Records, alike: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Without pairs of one form about two things, such as the rows of a table: another number or name stands there."""
    needed = {n for pair in alike for n in pair}
    said = {n: repeats.statement(r.text, "").asked for n, r in enumerate(records()) if n in needed}
    for one, other in alike:
        a, b = said[one], said[other]
        if not (repeats.replaced(a.values, b.values) or repeats.replaced(a.names, b.names)):
            yield one, other


def _about(made: Splits, shares: Mapping[str, int]) -> Iterator[str]:
    if made.by == "chunks":
        yield "By chunks: whole documents would miss the shares, so other chunks of a document are in another part"
    empty = [name for name in made.names if not made.count(name)]
    if empty:
        yield f"{', '.join(empty)}: no records, since there are only {made.groups} groups that may be taken apart"
    elif _error(made, shares) > TOLERANCE:
        yield "The shares are missed by more than 5 %: records that belong together are too many"


def _digest(text: str) -> bytes:
    return hashlib.blake2b(normalise(text).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _screen(against: Iterable[str]) -> Screen:
    from dataforge.quality.duplicates import Screen  # numpy: see text.normal_forms

    return Screen(against=against)
