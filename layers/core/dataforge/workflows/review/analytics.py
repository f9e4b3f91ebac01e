"""What a project holds, in numbers that agree with its lists."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import compress

from dataforge.platform.ports import Item
from dataforge.quality.scoring import BUCKETS
from dataforge.store import documents as document_store
from dataforge.store import review_index
from dataforge.store import runs as run_store
from dataforge.store.projects import Project
from dataforge.store.review_facts import BLOCK, SCORE_UNIT, Facts, FactsOfBlocks
from dataforge.workflows.review import search


@dataclass(frozen=True, slots=True)
class Numbers:
    parsed: int
    failed: int
    chunk_types: dict[str, int]
    quality: dict[str, int]
    """Label of the bucket -> pairs in it, best first; together they are all pairs."""
    flagged: int
    flagged_pending: int
    by_flag: dict[str, int]
    """Check -> pairs that it flags, most first."""
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
    pairs = _pairs(project)
    return Numbers(
        parsed=parsing["parsed"],
        failed=parsing["failed"],
        chunk_types=dict(types),
        quality=pairs.quality,
        flagged=pairs.flagged.total(),
        flagged_pending=pairs.flagged["pending"],
        by_flag=dict(sorted((+pairs.by_flag).items(), key=lambda kv: (-kv[1], kv[0]))),
        runs=statuses.total(),
        runs_completed=statuses["completed"],
        runs_active=statuses["active"],
        runs_failed=statuses["failed"],
    )


@dataclass(slots=True)
class _Pairs:
    scores: Counter[int] = field(default_factory=Counter)
    flagged: Counter[str] = field(default_factory=Counter)
    """By status."""
    by_flag: Counter[str] = field(default_factory=Counter)

    def add(self, states: bytes, facts: Facts) -> None:
        """One block."""
        self.scores.update(
            score for score, code in zip(facts.scores, states, strict=True) if code in review_index.STATUSES
        )
        if not facts.flags:
            return
        there = search.bits(states.translate(search.THERE))
        for check, column in facts.flags.items():
            self.by_flag[check] += (there & search.bits(column)).bit_count()
        flagged = (there & search.flagged(facts)).to_bytes(BLOCK, "little")
        self.flagged.update(review_index.STATUSES[code] for code in compress(states, flagged))

    @property
    def quality(self) -> dict[str, int]:
        counts = {label: 0 for label, _ in BUCKETS}
        for score, n in self.scores.items():
            counts[next(label for label, edge in BUCKETS if score >= round(edge * SCORE_UNIT))] += n
        return counts


def _pairs(project: Project) -> _Pairs:
    found, facts = _Pairs(), FactsOfBlocks(project.project_id)
    for block in review_index.read(project.project_id):
        found.add(block.states, facts.of(block.run, block.number))
    return found


def _numbers(counts: Item) -> dict[str, int]:
    return {kind: n for kind, n in counts.items() if isinstance(n, int)}
