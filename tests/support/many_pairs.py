"""Projects with many pairs, written as the assessment of a run writes them, without asking anyone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dataforge import clock, ids
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import pairs, projects
from dataforge.store.pairs import Pair
from dataforge.store.projects import Project
from dataforge.workflows.review import search

WORDS = [
    "anchor",
    "buoy",
    "cargo",
    "deck",
    "ebb",
    "ferry",
    "gale",
    "harbour",
    "inlet",
    "jetty",
    "keel",
    "lock",
    "mast",
    "net",
    "oar",
    "pier",
    "quay",
    "rudder",
    "sail",
    "tide",
    "vessel",
    "winch",
    "yacht",
    "chart",
    "berth",
    "crane",
]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the pairs of one run are made."""

    count: int
    documents: int = 3
    seed: int = 0
    words: int = 60
    """In an answer."""
    accepted: float = 0.0
    """Share of pairs born accepted."""
    gaps: bool = False
    """Every seventh slot failed: no pair there."""
    flagged: float = 0.0
    """Share of the pairs that a check flags; as many more are rejected by one."""


def fill(project: Project, shape: Shape) -> tuple[str, list[Pair]]:
    """One run's pairs, its search file, index and counters; the run id and what was written."""
    run_id = ids.new("gen")
    made = list(_pairs(project, run_id, shape))
    write(project, run_id, made)
    return run_id, made


def write(project: Project, run_id: str, made: Sequence[Pair]) -> None:
    searched, after = [], 0
    for pair in made:
        slot = ids.slot_of_pair(pair.pair_id)
        searched.append(search.line(search.text_of(search.turns_of(pair)), slot - after))
        after = slot + 1
    current().files.write(f"{project.s3_prefix}/runs/{run_id}/{search.SEARCH_FILE}", b"".join(searched))
    pairs.write_new(project.project_id, made)
    pairs.add_round(projects.get(project.org_id, project.project_id), run_id, 0, made)


def _pairs(project: Project, run_id: str, shape: Shape) -> Iterator[Pair]:
    rng = random.Random(shape.seed)
    documents = [ids.new("doc") for _ in range(shape.documents)]
    now, slot = clock.now(), -1
    for _ in range(shape.count):
        slot += 1
        if shape.gaps and slot % 7 == 3:
            slot += 1
        document = rng.choice(documents)
        duplicate = rng.random() < 0.1
        flags, rejected_by = _findings(rng, shape) if shape.flagged and not duplicate else ([], [])
        waits = flags or rng.random() >= shape.accepted
        status = "rejected" if duplicate or rejected_by else "pending" if waits else "accepted"
        yield Pair(
            project.project_id,
            ids.pair_id(project.project_id, run_id, slot),
            run_id,
            ids.chunk_id(document, rng.randrange(40)),
            document,
            f"What about {' '.join(rng.choices(WORDS, k=5))} {slot}?",
            f"The {' '.join(rng.choices(WORDS, k=shape.words))}, Number{slot}.",
            round(rng.random(), 4),
            round(rng.random(), 4),
            rng.choice(("easy", "medium", "hard")),
            "factual",
            now,
            type=rng.choice(("single_turn", "single_turn", "multi_turn")),
            is_duplicate=duplicate,
            flags=flags,
            rejected_by=rejected_by,
            status=status,
        )


def _findings(rng: random.Random, shape: Shape) -> tuple[list[Item], list[Item]]:
    """Flags of a pair, and what rejected it: one of the two at most."""
    drawn = rng.random()
    if drawn < shape.flagged:
        checks = rng.sample(("vague", "truncated", "dangling"), rng.randint(1, 2))
        return [{"check": c, "outcome": "review", "words": ["it"], "detail": "It is not said what"} for c in checks], []
    if drawn < 2 * shape.flagged:
        return [], [{"check": "gibberish", "outcome": "reject", "words": ["asdf"]}]
    return [], []
