"""The review index: which pairs of a project exist, and what reviewers decided.

A block stands for 1,000 consecutive slots of one run. Its state is a string with one letter per slot (`ppar.e...`), so
a hundred blocks tell the status of 100,000 pairs, and accepting all of them is a hundred small writes.

| question                                  | access                                                       |
|---|---|
| the status of every pair, or of a run's   | query reviews (project_id, begins `state#[<run>#]`)          |
| the status of one pair                    | get reviews (project_id, `state#<run>#<block>`)              |
| texts edited after the run wrote them     | query reviews (project_id, begins `text#[<run>#]`)           |

The state is the truth about a pair's status. It moves in one transaction with the project's counters, on the condition
that its revision is the one that was read, so status and counters cannot drift apart. What pairs can be filtered by
stands beside it (`review_facts`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from dataforge import ids
from dataforge.errors import ConditionFailed, Conflict
from dataforge.platform import current
from dataforge.platform.ports import ABSENT, Item, Put, Update
from dataforge.store import item_codec, projects, review_facts
from dataforge.store.projects import Project
from dataforge.store.review_facts import BLOCK, SCORE_UNIT, Marked, item_key, place_of

CODES = {"pending": ord("p"), "accepted": ord("a"), "rejected": ord("r"), "edited": ord("e")}
NOTHING, DELETED = ord("."), ord("d")
"""No pair was made in this slot; a pair was, and is deleted, but may still be brought back."""
STATUSES = {code: status for status, code in CODES.items()}
LONGEST = 20.0
"""Seconds that a bulk change tries to get past other writers."""
_GROUP = 40
"""Blocks in one transaction, which holds at most 100 writes."""


@dataclass(frozen=True, slots=True)
class Block:
    """The state of slots [number * 1000, number * 1000 + 1000) of a run."""

    run: str
    """The ulid of the run id."""
    number: int
    states: bytes
    """One code per slot."""
    revision: int = 0
    """0: not written yet."""
    rounds: tuple[int, ...] = ()
    """The run's rounds whose pairs are in."""

    @property
    def key(self) -> str:
        """Its name in the table."""
        return item_key("state", self.run, self.number)


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a block. score: ten-thousandths that come or go with pairs that appear or vanish."""

    block: Block
    states: bytes
    score: int = 0
    rounds: tuple[int, ...] | None = None


def run_of(run_id: str) -> str:
    return ids.tail(run_id)


def read(project_id: str, run_id: str | None = None) -> list[Block]:
    """In the order of pair ids: by run, then slot."""
    prefix = f"state#{run_of(run_id)}#" if run_id else "state#"
    return [_block(i) for i in _query(project_id, prefix)]


def read_named(project_id: str, names: Iterable[str]) -> list[Block]:
    """In the order asked; what is not there is left out."""
    keys = [{"project_id": project_id, "block": name} for name in names]
    return [_block(i) for i in current().tables.batch_get("reviews", keys)]


def name_of(run: str, slot: int) -> str:
    """Of the block that holds a slot."""
    return item_key("state", run, slot // BLOCK)


def text_name(run: str, slot: int) -> str:
    """Of the item that holds the text of an edited pair."""
    return f"text#{run}#{slot:06d}"


def of_pair(project_id: str, run: str, slot: int) -> Block | None:
    """None when the slot's block was never written."""
    item = current().tables.get("reviews", {"project_id": project_id, "block": name_of(run, slot)})
    return _block(item) if item else None


def rewrite(project: Project, blocks: Sequence[Block], change: Callable[[Block], Change | None]) -> int:
    """Give every block to `change` and write what it wants, counters with it; how many pairs changed.

    A block that someone else wrote meanwhile is read and given again, in ever smaller groups, so that many writers do
    not keep each other out. Raises NotFound when the project is gone, Conflict (BUSY) after LONGEST seconds.
    """
    changed, lost, until = 0, 0, time.monotonic() + LONGEST
    waiting: list[Sequence[Block]] = [blocks[i : i + _GROUP] for i in range(0, len(blocks), _GROUP)]
    while waiting:
        group = waiting.pop()
        wanted = [c for b in group if (c := change(b)) is not None]
        if _write(project, wanted):
            changed, lost = changed + sum(_differing(c.block.states, c.states) for c in wanted), 0
            continue
        if time.monotonic() > until:
            raise Conflict("These pairs are being changed by many at once; try again", code="BUSY")
        pause(lost)
        lost += 1
        now = {b.key: b for b in read_named(project.project_id, [b.key for b in group])}
        fresh = [now.get(b.key, b) for b in group]  # one that is not there yet is new, and nobody else's
        half = (len(fresh) + 1) // 2
        waiting += [part for part in (fresh[half:], fresh[:half]) if part]
    return changed


def add_round(project: Project, run_id: str, round_number: int, made: Sequence[Marked]) -> None:
    """A round's new pairs become visible and are counted, once, however often this is repeated. A part of a round must
    hold all that the round has of each of its blocks."""
    run = run_of(run_id)
    by_block: dict[int, list[Marked]] = {}
    for one in made:
        by_block.setdefault(one.slot // BLOCK, []).append(one)
    review_facts.add(project.project_id, run, by_block)
    known = {b.number: b for b in read_named(project.project_id, [item_key("state", run, n) for n in by_block])}
    touched = [known.get(n) or Block(run, n, bytes([NOTHING]) * BLOCK) for n in sorted(by_block)]
    rewrite(
        project, touched, lambda b: None if round_number in b.rounds else _with(b, round_number, by_block[b.number])
    )


def counters(change: Change) -> dict[str, int | float]:
    """What the change adds to the project's counters."""
    added = {status: change.states.count(code) - change.block.states.count(code) for status, code in CODES.items()}
    whole: dict[str, int | float] = {**added, "scored": sum(added.values()), "score_sum": change.score}
    return {name: n for name, n in whole.items() if n}


def put(project_id: str, change: Change) -> Put:
    """The write of one change, on the condition that nobody else wrote the block."""
    block = change.block
    item: Item = {
        "project_id": project_id,
        "block": block.key,
        "states": change.states.decode("ascii"),
        "revision": block.revision + 1,
        "rounds": list(block.rounds if change.rounds is None else change.rounds),
    }
    return Put("reviews", item, where={"revision": block.revision} if block.revision else {"block": ABSENT})


def unchanged(project_id: str, block: Block) -> Update:
    """Writes nothing; states that the block is as it was read."""
    return Update("reviews", {"project_id": project_id, "block": block.key}, where={"revision": block.revision})


def keep_text(project_id: str, run: str, slot: int, text: str) -> Put:
    """The write of an edited pair's text, which search looks at instead of the run's file."""
    return Put("reviews", {"project_id": project_id, "block": text_name(run, slot), "text": text})


def edited_texts(project_id: str, run_id: str | None = None) -> Iterator[tuple[str, int, str]]:
    """(run, slot, text)"""
    prefix = f"text#{run_of(run_id)}#" if run_id else "text#"
    for item in _query(project_id, prefix):
        _, run, slot = str(item["block"]).split("#")
        yield run, int(slot), str(item["text"])


def pause(attempt: int) -> None:
    """Before the next try of a write that lost against another one: full jitter, 2 ms doubling up to 0.1 s."""
    time.sleep(random.uniform(0, min(0.1, 0.002 * 2 ** min(attempt, 10))))


def _write(project: Project, changes: Sequence[Change]) -> bool:
    """False when a block is not as it was read."""
    if not changes:
        return True
    add: dict[str, int | float] = {}
    for change in changes:
        for name, n in counters(change).items():
            add[name] = add.get(name, 0) + n
    key = {"org_id": project.org_id, "project_id": project.project_id}
    counted = Update("projects", key, add={name: n for name, n in add.items() if n})
    try:
        current().tables.transact([*(put(project.project_id, c) for c in changes), counted])
    except ConditionFailed:
        projects.get(project.org_id, project.project_id)
        return False
    return True


def _with(block: Block, round_number: int, made: Sequence[Marked]) -> Change:
    states = bytearray(block.states)
    for one in made:
        states[one.slot % BLOCK] = CODES[one.status]
    score = sum(round(one.score * SCORE_UNIT) for one in made)
    return Change(block, bytes(states), score, (*block.rounds, round_number))


def _block(item: Item) -> Block:
    run, number = place_of(item)
    rounds = item["rounds"]
    return Block(
        run,
        number,
        str(item["states"]).encode("ascii"),
        int(str(item["revision"])),
        tuple(int(str(r)) for r in rounds) if isinstance(rounds, list) else (),
    )


def _differing(a: bytes, b: bytes) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def _query(project_id: str, prefix: str) -> Iterator[Item]:
    return item_codec.items_of("reviews", {"project_id": project_id}, begins=("block", prefix))
