"""Pairs that people review one by one.

| question                            | access                                                       |
|---|---|
| one pair                            | get pairs (project_id, pair_id); the id carries project, run and slot |
| the pairs of a page                 | batch_get pairs                                              |
| many neighbours                     | query pairs (project_id, begins `pair_<project>_<run>_<thousands>`) |
| which pairs there are, their status | the review index (`store.review_index`)                      |
| an edit                             | transact: the pair and its block, each where nobody else did |

A pair's item holds its texts; its status stands in the review index, and a pair that is not in the index is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from dataforge import clock, ids
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item, Key, Put, Update
from dataforge.store import item_codec, projects, review_facts, review_index
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.projects import Project
from dataforge.store.review_facts import BLOCK, Marked
from dataforge.store.review_index import Change

STATUSES = ("pending", "accepted", "rejected", "edited")

EXPORTABLE = ("accepted", "edited")

_PROBED = 100
"""More than any backend writes at once."""

_FEW = 200
"""Up to so many pairs of a block are fetched by their keys; more are read as neighbours."""

_TRIES = 50


@dataclass(frozen=True, slots=True)
class Pair:
    project_id: str
    pair_id: str
    run_id: str
    chunk_id: str
    document_id: str
    question: str
    answer: str
    quality_score: float
    grounding_score: float
    difficulty: str
    question_type: str
    created_at: str
    type: str = "single_turn"
    system_prompt: str | None = None
    is_duplicate: bool = False
    flags: list[Item] = field(default_factory=list)
    """Why a person should look at it: findings of the checks, `quality.findings.Finding.to_json`."""
    rejected_by: list[Item] = field(default_factory=list)
    """All findings of a pair that a check rejected, whatever a person decided since; it has no `flags`."""
    evidence: list[Item] = field(default_factory=list)
    """Spans of the chunk that support the answer: {start, end, text}, their place in the document, and the page."""
    reviewer_notes: str | None = None
    metadata: Item = field(default_factory=dict)
    between: list[Item] = field(default_factory=list)
    """What is said in a conversation after `question` and before `answer`: {role, content} each."""
    material_at: int | None = None
    """Where in `question` the text begins that it brings along, up to its end; None: it brings none, or the pair is of
    before this was kept."""
    lineage: Item = field(default_factory=dict)
    """The call that wrote it, see `workflows.lineage`; empty for a pair of before there was any."""
    updated_at: str | None = None
    revision: int = 0
    """Counts the edits; `store.revisions` makes of it what clients see."""
    last_edit: str | None = None
    """Which request made the last edit, see `store.revisions.edit_key`."""
    status: str = "pending"
    """From the review index; never stored with the pair."""


@dataclass(frozen=True, slots=True)
class PairPlace:
    """Where a pair stands in the review index."""

    run: str
    """The ulid of its run."""
    slot: int
    status: str


def get(project_id: str, pair_id: str) -> Pair:
    """Raises NotFound, also for a deleted pair."""
    return _read(project_id, pair_id)[0]


def write_new(project_id: str, pairs: Sequence[Pair]) -> None:
    """Pairs that are there already stay as they are: a state that runs again must not undo an edit.

    Pass them in the same order each time: if none of the first is there, nothing is. They are visible only once
    `add_round` has put them into the index.
    """
    tables = current().tables
    keys: list[Key] = [{"project_id": project_id, "pair_id": p.pair_id} for p in pairs]
    there: set[object] = set()
    if tables.batch_get("pairs", keys[:_PROBED]):
        there = {i["pair_id"] for i in tables.batch_get("pairs", keys)}
    tables.batch_put("pairs", (_row(p) for p in pairs if p.pair_id not in there))


def add_round(project: Project, run_id: str, round_number: int, pairs: Sequence[Pair]) -> None:
    """Written pairs into the index and the project's counters, once per round."""
    review_index.add_round(project, run_id, round_number, marks(pairs))


def marks(pairs: Sequence[Pair]) -> list[Marked]:
    """What the index needs to know of them."""
    return [
        Marked(
            slot=ids.slot_of_pair(p.pair_id),
            status=p.status,
            score=p.quality_score,
            document_id=p.document_id,
            chunk_id=p.chunk_id,
            difficulty=p.difficulty,
            is_duplicate=p.is_duplicate,
            multi_turn=p.type == "multi_turn",
            rejected=bool(p.rejected_by),
            flags=sorted({str(f["check"]) for f in p.flags}),
        )
        for p in pairs
    ]


def add_flags(project: Project, pair_id: str, found: Sequence[Item]) -> Pair:
    """Findings that a later record brought up, onto a pair that is in the index; its status stays. Safe to repeat.

    Only the assessment of a run of the project may call it. Raises NotFound for a pair that is not there.
    """
    for attempt in range(_TRIES):
        pair, _ = _read(project.project_id, pair_id)
        fresh = [f for f in found if f not in pair.flags]
        after = replace(pair, flags=[*pair.flags, *fresh], revision=pair.revision + bool(fresh))
        try:
            if fresh:
                current().tables.transact([Put("pairs", _row(after), where={"revision": pair.revision})])
        except ConditionFailed:
            review_index.pause(attempt)
            continue
        slot, checks = ids.slot_of_pair(pair_id), [str(f["check"]) for f in found]
        review_facts.add_flags(project.project_id, ids.run_of_pair(pair_id), slot, checks)
        return after
    raise Conflict(f"Pair {pair_id} is being changed by many at once; try again", code="BUSY")


def change(
    project: Project,
    pair_id: str,
    edit: Callable[[Pair], Pair],
    search_text: Callable[[Pair], str],
    *,
    exact: bool = False,
) -> Pair:
    """Write what `edit` makes of the pair, status and counters with it. When someone else changed the pair or its
    neighbours meanwhile, it is read and edited again. Raises NotFound for a pair that is not there.

    edit: gives the very same pair back when it changes nothing. exact: its status, too, must be as `edit` saw it, also
    where the edit leaves it alone.
    """
    for attempt in range(_TRIES):
        pair, block = _read(project.project_id, pair_id)
        edited = edit(pair)
        after = replace(edited, updated_at=clock.now(), revision=pair.revision + (edited is not pair))
        writes: list[Put | Update] = [Put("pairs", _row(after), where={"revision": pair.revision})]
        slot = ids.slot_of_pair(pair_id)
        if after.status != pair.status:
            states = bytearray(block.states)
            states[slot % BLOCK] = review_index.CODES[after.status]
            changed = Change(block, bytes(states))
            key = {"org_id": project.org_id, "project_id": project.project_id}
            writes += [
                review_index.put(project.project_id, changed),
                Update("projects", key, add=review_index.counters(changed)),
            ]
        elif exact:
            writes.append(review_index.unchanged(project.project_id, block))
        if (text := search_text(after)) != search_text(pair):
            writes.append(review_index.keep_text(project.project_id, block.run, slot, text))
        try:
            current().tables.transact(writes)
        except ConditionFailed:
            projects.get(project.org_id, project.project_id)
            review_index.pause(attempt)
        else:
            return after
    raise Conflict(f"Pair {pair_id} is being changed by many at once; try again", code="BUSY")


def fetch(project_id: str, places: Sequence[PairPlace]) -> list[Pair]:
    """In the order asked; a pair that was removed meanwhile is left out."""
    statuses = {ids.pair_id(project_id, p.run, p.slot): p.status for p in places}
    keys: list[Key] = [{"project_id": project_id, "pair_id": pair_id} for pair_id in statuses]
    return [_pair(item, statuses[str(item["pair_id"])]) for item in current().tables.batch_get("pairs", keys)]


def walk(project_id: str, statuses: Iterable[str] = STATUSES) -> Iterator[Pair]:
    """Every pair of these statuses in the order of their ids, as the index is at the first step; in constant memory,
    whatever the size of the project."""
    wanted = {review_index.CODES[s]: s for s in statuses}
    for block in review_index.read(project_id):
        places = [
            PairPlace(block.run, block.number * BLOCK + n, wanted[code])
            for n, code in enumerate(block.states)
            if code in wanted
        ]
        yield from fetch(project_id, places) if len(places) <= _FEW else _neighbours(project_id, block, places)


def _neighbours(project_id: str, block: review_index.Block, places: Sequence[PairPlace]) -> Iterator[Pair]:
    statuses = {ids.pair_id(project_id, p.run, p.slot): p.status for p in places}
    prefix = ids.pair_id(project_id, block.run, block.number * BLOCK)[:-3]
    for item in item_codec.items_of("pairs", {"project_id": project_id}, begins=("pair_id", prefix)):
        status = statuses.get(str(item["pair_id"]))
        if status is not None:
            yield _pair(item, status)


def _read(project_id: str, pair_id: str) -> tuple[Pair, review_index.Block]:
    """The pair, with its status, and the block that says so."""
    item = current().tables.get("pairs", {"project_id": project_id, "pair_id": pair_id})
    block = review_index.of_pair(project_id, ids.run_of_pair(pair_id), ids.slot_of_pair(pair_id)) if item else None
    status = review_index.STATUSES.get(block.states[ids.slot_of_pair(pair_id) % BLOCK]) if block else None
    if item is None or block is None or status is None:
        raise NotFound(f"Pair {pair_id} not found")
    return _pair(item, status), block


_DIFFICULTY = "complexity_level"
"""The stored name of a pair's difficulty, from the first release on."""


def _row(pair: Pair) -> Item:
    item = to_item(pair)
    del item["status"]
    item[_DIFFICULTY] = item.pop("difficulty")
    return item


def _pair(item: Item, status: str) -> Pair:
    """item: as `_row` made it; the status is the review index's."""
    return from_item(Pair, {**item, "difficulty": item[_DIFFICULTY], "status": status})
