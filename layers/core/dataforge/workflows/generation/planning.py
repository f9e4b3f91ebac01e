"""The first state of a run over documents, and of each top-up: which slots are promised over which chunks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from dataforge.platform.ports import Item
from dataforge.recipes import planning as planner
from dataforge.recipes import relating, spreading
from dataforge.records import Passage, Slot
from dataforge.store import chunks, documents, run_log
from dataforge.store.chunks import StoredChunk
from dataforge.store.runs import Run
from dataforge.teachers.ports import Teacher
from dataforge.workflows import run_files
from dataforge.workflows.engine import batches
from dataforge.workflows.engine import config as engine_config
from dataforge.workflows.engine.batches import RoundPlan
from dataforge.workflows.engine.rounds import max_slots
from dataforge.workflows.generation import config as generation_config
from dataforge.workflows.generation import lineage, redacting
from dataforge.workflows.generation.config import GenerationConfig
from dataforge.workflows.generation.redacting import Redactor
from dataforge.workflows.state_input import StateInput


def plan(run: Run, e: StateInput) -> Item:
    """Promise slots over the chosen chunks and write them as batches. Deterministic."""
    config = generation_config.of(run)
    used = Counter(s.chunk_id for s in promised(run, e.round))
    if e.round == 0:
        redactor = redacting.number(run, config, _stored(run, config))
    else:
        redactor = redacting.of_run(run, config)
    slots: Sequence[Slot] = [] if run.cancel_requested else _slots(run, config, e.round, used, redactor)
    if e.round == 0:
        lineage.keep_sources(run)
    chunks_asked = len({s.chunk_id for s in slots})
    return batches.write_round(
        run,
        e,
        RoundPlan(
            slots=slots,
            calls=lambda: planner.calls(slots, config.recipe.slots_per_call),
            slots_before=used.total(),
            subject=lambda count: f"{count} pairs from {chunks_asked} chunks",
            document_names={
                d.document_id: redactor.text(d.name, d.document_id).text for d in documents.of_project(run.project_id)
            },
        ),
    )


def promised(run: Run, rounds: int) -> Iterator[Slot]:
    """The slots of the first `rounds` rounds."""
    for n in range(rounds):
        yield from (Slot(**s) for s in batches.planned_slots(run, n))


def _slots(
    run: Run, config: GenerationConfig, round_number: int, used: Counter[str], redactor: Redactor
) -> planner.Plan:
    """used: how often each chunk was asked about in earlier rounds."""
    wanted = run.requested - run.delivered
    if round_number:
        wanted = min(wanted, max_slots(run.requested) - used.total())
    have = _delivered(run) if round_number == 1 else {}
    teacher = engine_config.teacher_of(run)
    sources = [
        planner.Source(c.chunk_id, c.tokens, used[c.chunk_id], _capacity(config, teacher, redactor.chunk(c)))
        for c in _stored(run, config)
    ]
    return planner.plan(
        sources,
        max(0, wanted),
        pairs_per_chunk=None if round_number else config.records_per_chunk,
        dimensions=dimensions(config, offline=teacher.can.offline),
        have=have,
        links=_links(run, config, round_number, max(0, wanted), have),
        first_index=used.total(),
        seed=config.seed,
    )


def _links(
    run: Run, config: GenerationConfig, round_number: int, wanted: int, have: dict[str, Counter[str]]
) -> list[planner.Link]:
    """The passages of each multi-hop slot of the round: related ones that were not asked about together before."""
    shares = hops(config)
    if not shares or not wanted:
        return []
    count = spreading.allocation(wanted, shares, have.get("passages", {}), random.Random(round_number))[MULTI]
    before = {frozenset(s.chunk_ids) for s in promised(run, round_number) if s.further}
    places = ((relating.ChunkPlace(c.chunk_id, c.document_id, c.position), c.content) for c in _stored(run, config))
    found = [link for link in relating.related(places) if frozenset(link) not in before][:count]
    if len(found) < count:
        message = f"Only {len(found)} of {count} multi-hop pairs can be asked for: no more chunks are related"
        run_log.write(run.run_id, "planning", f"{message}; the others ask about one chunk each", level="warning")
    return list(found)


SINGLE, MULTI = "1", "2"
"""How many passages a record needs, as `asked` holds it."""


def hops(config: GenerationConfig) -> dict[str, float]:
    """The shares of records by the passages that they need; empty: all need one."""
    share = config.multi_hop_share
    return {SINGLE: 1 - share, MULTI: share} if share else {}


def dimensions(config: GenerationConfig, *, offline: bool) -> dict[str, dict[str, float]]:
    """What the run spreads over its slots, by their fields: each value with its share.

    offline: its teacher takes questions as the text offers them.
    """
    recipe = config.recipe
    found: dict[str, dict[str, float]] = {}
    for name in recipe.spreads:
        wanted = config.spreads.get(name)
        if wanted is None and name == "question_types" and not offline:
            wanted = list(recipe.varieties)
        if wanted:
            found[spreading.DIMENSIONS[name].slot] = spreading.shares(name, wanted)
    return {**found, "difficulty": {**config.difficulty_distribution}}


def _delivered(run: Run) -> dict[str, Counter[str]]:
    """What the first round delivered of each, so that the first top-up asks for what is missing. Later ones begin
    anew: what cannot be made of these documents must not keep a run from its number."""
    found: dict[str, Counter[str]] = {}
    for line in run_files.read_lines(run, "records.jsonl"):
        for name, value in {"passages": SINGLE, **(line.get("asked") or {})}.items():
            found.setdefault(name, Counter())[value] += 1
    return found


def _capacity(config: GenerationConfig, teacher: Teacher, chunk: StoredChunk) -> int:
    """What the teacher knows it can make of the chunk; else what anybody could."""
    passage = passage_of(chunk)
    if teacher.can.capacity is None:
        return config.recipe.max_records(passage, chunk.tokens, config.options)
    return teacher.can.capacity(config.recipe.question(passage, (), config.options))


def _stored(run: Run, config: GenerationConfig) -> Iterator[StoredChunk]:
    chosen = config.chunk_ids
    if chosen is None:
        found = chunks.of_project(run.project_id)
    else:
        pages = (chunks.get_many(run.project_id, chosen[i : i + 100]) for i in range(0, len(chosen), 100))
        found = chain.from_iterable(pages)
    return (c for c in found if not c.excluded)


def passage_of(chunk: StoredChunk, document_name: str = "") -> Passage:
    return Passage(chunk.content, tuple(chunk.heading_path), chunk.content_type, document_name)  # type: ignore[arg-type]
