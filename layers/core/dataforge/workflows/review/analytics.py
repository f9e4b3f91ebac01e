"""What a project holds, in numbers that agree with its lists."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from dataforge.platform.ports import Item
from dataforge.quality.scoring import BUCKETS
from dataforge.store import documents as document_store
from dataforge.store import review_index
from dataforge.store import runs as run_store
from dataforge.store.projects import Project
from dataforge.store.review_index import SCORE_UNIT, FactsOfBlocks


@dataclass(frozen=True, slots=True)
class Numbers:
    parsed: int
    failed: int
    chunk_types: dict[str, int]
    quality: dict[str, int]
    """Label of the bucket -> pairs in it, best first; together they are all pairs."""
    runs: int
    runs_completed: int
    runs_active: int
    runs_failed: int


def of_project(project: Project) -> Numbers:
    """Parse and generate runs count alike; a cancelled one is in the total only (contract A.4)."""
    parsing: Counter[str] = Counter()
    types: Counter[str] = Counter()
    for document in document_store.briefs_of_project(project.project_id):
        parsing[document.parsing_status] += 1
        types.update(_numbers(document.chunk_types))
    statuses = Counter(
        "active" if r.status in run_store.ACTIVE else r.status for r in run_store.briefs_of_project(project.project_id)
    )
    return Numbers(
        parsed=parsing["parsed"],
        failed=parsing["failed"],
        chunk_types=dict(types),
        quality=_quality(project),
        runs=statuses.total(),
        runs_completed=statuses["completed"],
        runs_active=statuses["active"],
        runs_failed=statuses["failed"],
    )


def _quality(project: Project) -> dict[str, int]:
    scores: Counter[int] = Counter()
    facts = FactsOfBlocks(project.project_id)
    for block in review_index.read(project.project_id):
        there = (
            score
            for score, code in zip(facts.of(block).scores, block.states, strict=True)
            if code in review_index.STATUSES
        )
        scores.update(there)
    counts = {label: 0 for label, _ in BUCKETS}
    for score, n in scores.items():
        counts[next(label for label, edge in BUCKETS if score >= round(edge * SCORE_UNIT))] += n
    return counts


def _numbers(counts: Item) -> dict[str, int]:
    return {kind: n for kind, n in counts.items() if isinstance(n, int)}
