"""The first state of a generate run (and of each top-up): promise slots, group them into calls and batches."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain, islice

import orjson

from dataforge import clock, settings
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.recipes import RECIPES, Recipe, relating, spreading
from dataforge.recipes import planning as planner
from dataforge.recipes.options import GenerationOptions
from dataforge.recipes.planning import check_distribution
from dataforge.records import Passage, Slot
from dataforge.store import chunks, documents, run_log, run_status, runs
from dataforge.store.chunks import StoredChunk
from dataforge.store.runs import Run
from dataforge.teachers.ports import Teacher
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.documents import parsing
from dataforge.workflows.engine import run_models
from dataforge.workflows.engine.rounds import max_slots
from dataforge.workflows.generation import lineage
from dataforge.workflows.generation.config import options_of


def plan_run(raw: Item) -> Item:
    """Either kind of run; the answer says how many batches there are and where their array lies."""
    e = state_input.read(raw)
    run = lifecycle.run_of(e)
    return parsing.plan(run, e) if run.kind == "parse" else plan(run, e)


def plan(run: Run, e: state_input.StateInput) -> Item:
    """Deterministic, so a state that is run again writes the same plan."""
    base: Item = {
        "org_id": e.org_id,
        "run_id": e.run_id,
        "project_id": e.project_id,
        "kind": e.kind,
        "round": e.round,
        "mode": str(run.config.get("mode") or "realtime"),
    }
    used = Counter(s.chunk_id for s in promised(run, e.round))
    slots: Sequence[Slot] = [] if run.cancel_requested else _slots(run, e.round, used)
    run_files.write_lines(run, f"round-{e.round}/plan.jsonl", map(asdict, slots))
    if e.round == 0:
        lineage.keep_sources(run)
    batches = _write_batches(run, e.round, base, slots)
    run_status.change(
        run,
        {
            "status": "generating",
            "stage": "generating",
            "asked": used.total() + len(slots),
            "started_at": run.started_at or clock.now(),
        },
        where={"status": runs.ACTIVE},
    )
    what = "Topping up" if e.round else "Asking"
    calls = len({s.chunk_id for s in slots})
    run_log.write(run.run_id, "planning", f"{what} {run.config['model_id']} for {len(slots)} pairs from {calls} chunks")
    key = run_files.write_json(run, f"round-{e.round}/batches.json", batches)
    return {**base, "batches": len(batches), "batches_key": key}


def promised(run: Run, rounds: int) -> Iterator[Slot]:
    """The slots of the first `rounds` rounds."""
    for n in range(rounds):
        yield from (Slot(**s) for s in run_files.read_lines(run, f"round-{n}/plan.jsonl"))


def _slots(run: Run, round_number: int, used: Counter[str]) -> planner.Plan:
    """used: how often each chunk was asked in earlier rounds."""
    config = run.config
    wanted = run.requested - run.delivered
    if round_number:
        wanted = min(wanted, max_slots(run.requested) - used.total())
    have = _delivered(run) if round_number == 1 else {}
    recipe, chosen, options = _recipe(run), run_models.teacher_of(run), options_of(config)
    sources = [
        planner.Source(c.chunk_id, c.tokens, used[c.chunk_id], _capacity(recipe, chosen, options, c))
        for c in _chunks(run)
    ]
    per_chunk = config.get("pairs_per_chunk")
    if per_chunk is None and config.get("num_pairs") is None:
        per_chunk = recipe.pairs_per_chunk
    return planner.plan(
        sources,
        max(0, wanted),
        pairs_per_chunk=per_chunk if isinstance(per_chunk, int) and not round_number else None,
        dimensions=dimensions(run, offline=chosen.can.offline),
        have=have,
        links=_links(run, round_number, max(0, wanted), have),
        first_index=used.total(),
        seed=int(str(config["seed"])),
    )


def _links(run: Run, round_number: int, wanted: int, have: dict[str, Counter[str]]) -> list[planner.Link]:
    """The passages of each multi-hop slot of the round: related ones that were not asked about together before."""
    shares = hops(run)
    if not shares or not wanted:
        return []
    count = spreading.allocation(wanted, shares, have.get("passages", {}), random.Random(round_number))[MULTI]
    before = {frozenset(s.chunk_ids) for s in promised(run, round_number) if s.further}
    places = ((relating.ChunkPlace(c.chunk_id, c.document_id, c.position), c.content) for c in _chunks(run))
    found = [link for link in relating.related(places) if frozenset(link) not in before][:count]
    if len(found) < count:
        said = f"Only {len(found)} of {count} multi-hop pairs can be asked for: no more chunks are related"
        run_log.write(run.run_id, "planning", f"{said}; the others ask about one chunk each", level="warning")
    return list(found)


SINGLE, MULTI = "1", "2"
"""How many passages a record needs, as `asked` tells it."""


def hops(run: Run) -> dict[str, float]:
    """The shares of records by the passages that they need; empty: all need one."""
    share = float(str(run.config.get("multi_hop_share") or 0))
    return {SINGLE: 1 - share, MULTI: share} if share else {}


def dimensions(run: Run, *, offline: bool) -> dict[str, dict[str, float]]:
    """What the run spreads over its slots, by their fields: each value with its share.

    offline: its teacher takes questions as the text offers them.
    """
    recipe = _recipe(run)
    found: dict[str, dict[str, float]] = {}
    for name in recipe.spreads:
        told = run.config.get(name)
        if told is None and name == "question_types" and not offline:
            told = list(recipe.varieties)
        if told:
            found[spreading.DIMENSIONS[name].slot] = spreading.shares(name, told)
    return {**found, "difficulty": check_distribution(run.config["difficulty_distribution"])}


def _delivered(run: Run) -> dict[str, Counter[str]]:
    """What the first round delivered of each, so that the first top-up asks for what is missing. Later ones begin
    anew: what cannot be made of these documents must not keep a run from its number."""
    found: dict[str, Counter[str]] = {}
    for line in run_files.read_lines(run, "records.jsonl"):
        for name, value in {"passages": SINGLE, **(line.get("asked") or {})}.items():
            found.setdefault(name, Counter())[value] += 1
    return found


def _recipe(run: Run) -> Recipe:
    return RECIPES[str(run.config["generation_type"])]


def _capacity(recipe: Recipe, chosen: Teacher, options: GenerationOptions, chunk: StoredChunk) -> int:
    """What the teacher knows it can make of the chunk; else what anybody could."""
    passage = _passage(chunk)
    if chosen.can.capacity is None:
        return recipe.max_records(passage, chunk.tokens, options)
    return chosen.can.capacity(recipe.question(passage, (), options))


def _chunks(run: Run) -> Iterator[StoredChunk]:
    wanted = run.config.get("chunk_ids")
    if isinstance(wanted, list):
        ids = [str(c) for c in wanted]
        pages = (chunks.get_many(run.project_id, ids[i : i + 100]) for i in range(0, len(ids), 100))
        found: Iterator[StoredChunk] = chain.from_iterable(pages)
    else:
        found = chunks.of_project(run.project_id)
    return (c for c in found if not c.excluded)


def _passage(chunk: StoredChunk, document_name: str = "") -> Passage:
    return Passage(chunk.content, tuple(chunk.heading_path), chunk.content_type, document_name)  # type: ignore[arg-type]


def _write_batches(run: Run, round_number: int, base: Item, slots: Sequence[Slot]) -> list[Item]:
    """Batch files hold slots and ids only; texts are read where they are used."""
    limits, most = settings.get(), _recipe(run).slots_per_call
    number_of_calls = sum(1 for _ in planner.calls(slots, most))
    at_once = max(1, min(-(-number_of_calls // limits.batch_calls), limits.workers))
    calls = planner.calls(slots, most)
    names = {d.document_id: d.name for d in documents.of_project(run.project_id)}
    items: list[Item] = []
    for number, group in enumerate(iter(lambda: list(islice(calls, limits.batch_calls)), [])):
        body = {
            "concurrency": max(1, limits.concurrency // at_once),
            "document_names": names,
            "calls": [[asdict(s) for s in call] for call in group],
        }
        key = run_files.key_of(run, f"round-{round_number}/batch-{number:04d}.json")
        current().files.write(key, orjson.dumps(body), content_type="application/json")
        items.append({**base, "batch": number, "key": key})
    return items
