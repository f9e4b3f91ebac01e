"""Pairs that people review one by one, and the exports made of them.

| question                            | access                                                       |
|---|---|
| one pair                            | get pairs (project_id, pair_id); the id carries the project  |
| all pairs in order                  | query pairs (project_id)                                     |
| a run's pairs                       | query by_run (run_id), keys only, then batch_get             |
| pairs of one status                 | query by_status (<project>#<status>), keys only, then batch_get |
| an export                           | get exports (project_id, version)                            |

A pair's status and the project's counters move in one transaction, so they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dataforge import clock
from dataforge.errors import ConditionFailed, Conflict, NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item, Key, Put, Update
from dataforge.store.projects import Project
from dataforge.store.rows import from_item, to_item

STATUSES = ("pending", "accepted", "rejected", "edited")
EXPORTABLE = ("accepted", "edited")
_PROBED = 100
"""More than any wall writes at once."""


@dataclass(frozen=True, slots=True)
class Pair:
    project_id: str
    pair_id: str
    run_id: str
    project_status: str
    """`<project_id>#<status>`: the review status and the key of the by_status index in one."""
    chunk_id: str
    document_id: str
    question: str
    answer: str
    quality_score: float
    grounding_score: float
    complexity_level: str
    question_type: str
    created_at: str
    type: str = "single_turn"
    system_prompt: str | None = None
    is_duplicate: bool = False
    evidence: list[Item] = field(default_factory=list)
    """Spans of the chunk that support the answer: {start, end, text}, and the page."""
    reviewer_notes: str | None = None
    metadata: Item = field(default_factory=dict)
    turns: list[Item] = field(default_factory=list)
    """Every user and assistant message of a conversation; empty for one question and its answer."""
    updated_at: str | None = None
    revision: int = 0

    @property
    def status(self) -> str:
        return self.project_status.rpartition("#")[2]


@dataclass(frozen=True, slots=True)
class Export:
    project_id: str
    version: int
    format: str
    s3_key: str
    pair_count: int
    file_size: int
    include_system_prompt: bool
    created_at: str
    min_quality_score: float | None = None


def get(project_id: str, pair_id: str) -> Pair:
    item = current().tables.get("pairs", {"project_id": project_id, "pair_id": pair_id})
    if item is None:
        raise NotFound(f"Pair {pair_id} not found")
    return from_item(Pair, item)


def write_new(project_id: str, pairs: Sequence[Pair]) -> None:
    """Pairs that are there already stay as they are: a state that runs again must not undo a review.

    Pass them in the same order each time: if none of the first is there, nothing is.
    """
    tables = current().tables
    keys: list[Key] = [{"project_id": project_id, "pair_id": p.pair_id} for p in pairs]
    there: set[object] = set()
    if tables.batch_get("pairs", keys[:_PROBED]):
        there = {i["pair_id"] for i in tables.batch_get("pairs", keys)}
    tables.batch_put("pairs", (to_item(p) for p in pairs if p.pair_id not in there))


def count_in(project: Project, run_key: Key, assessed_round: int, pairs: Iterable[Pair], values: Item) -> bool:
    """Add the new pairs to the project's counters and close the round, once; False when it was closed before."""
    add: dict[str, int | float] = {}
    for pair in pairs:
        add[pair.status] = add.get(pair.status, 0) + 1
        add["scored"] = add.get("scored", 0) + 1
        add["score_sum"] = round(add.get("score_sum", 0.0) + pair.quality_score, 6)
    key = {"org_id": project.org_id, "project_id": project.project_id}
    try:
        current().tables.transact([
            Update("runs", run_key, set={**values, "assessed_round": assessed_round},
                   where={"assessed_round": assessed_round - 1}),
            Update("projects", key, add=add),
        ])
    except ConditionFailed:
        return False
    return True


def change(project: Project, pair: Pair, values: Item, status: str) -> Pair:
    """Edit a pair and move the counters with its status. Raises Conflict when someone else changed it meanwhile."""
    after = replace(
        from_item(Pair, {**to_item(pair), **values}),
        project_status=f"{pair.project_id}#{status}", updated_at=clock.now(),
        revision=pair.revision + 1,
    )
    writes: list[Put | Update] = [Put("pairs", to_item(after), where={"revision": pair.revision})]
    if status != pair.status:
        key = {"org_id": project.org_id, "project_id": project.project_id}
        writes.append(Update("projects", key, add={pair.status: -1, status: 1}))
    try:
        current().tables.transact(writes)
    except ConditionFailed:
        raise Conflict(f"Pair {pair.pair_id} was changed by someone else; read it again and retry") from None
    return after


def walk(project_id: str, *, status: str | None = None, run_id: str | None = None) -> Iterator[Pair]:
    """Pairs in order of their ids (by run, then slot), filtered."""
    if run_id is not None:
        found = _fetch(project_id, _keys({"run_id": run_id}, "by_run"))
    elif status is not None:
        found = _fetch(project_id, _keys({"project_status": f"{project_id}#{status}"}, "by_status"))
    else:
        found = (from_item(Pair, i) for i in _query({"project_id": project_id}, None))
    return (
        p for p in found if p.project_id == project_id and (status is None or p.status == status)
    )


def put_export(export: Export) -> None:
    current().tables.put_new("exports", to_item(export))


def get_export(project_id: str, version: int) -> Export:
    item = current().tables.get("exports", {"project_id": project_id, "version": version})
    if item is None:
        raise NotFound(f"Export version {version} not found")
    return from_item(Export, item)


def exports_of(project_id: str) -> list[Export]:
    return [from_item(Export, i) for i in _query({"project_id": project_id}, None, table="exports")]


def _keys(hash_key: Mapping[str, str], index: str) -> Iterator[str]:
    return (str(i["pair_id"]) for i in _query(hash_key, index))


def _query(hash_key: Mapping[str, str], index: str | None, *, table: str = "pairs") -> Iterator[Item]:
    cursor = None
    while True:
        page = current().tables.query_page(table, hash_key, index=index, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _fetch(project_id: str, pair_ids: Iterator[str]) -> Iterator[Pair]:
    batch: list[Key] = []
    for pair_id in pair_ids:
        batch.append({"project_id": project_id, "pair_id": pair_id})
        if len(batch) == 100:
            yield from (from_item(Pair, i) for i in current().tables.batch_get("pairs", batch))
            batch = []
    yield from (from_item(Pair, i) for i in current().tables.batch_get("pairs", batch))
