"""The first state of a synthetic run and of each top-up: sub-topics, slots, calls, batches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import cast

from dataforge import settings
from dataforge.errors import DataForgeError
from dataforge.platform.ports import Item
from dataforge.recipes.synthetic import planning as planner
from dataforge.recipes.synthetic import slots as slot_items
from dataforge.recipes.synthetic import taxonomy, variety
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec
from dataforge.recipes.synthetic.variety import Taxonomy
from dataforge.records import Answer, Question
from dataforge.store import replies, run_events, run_log
from dataforge.store.progress import Progress
from dataforge.store.replies import Reply
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.engine import batches, cost_budget, retry
from dataforge.workflows.engine import config as engine_config
from dataforge.workflows.engine.batches import RoundPlan
from dataforge.workflows.engine.call_loop import answer_of
from dataforge.workflows.engine.context import Stopped
from dataforge.workflows.engine.rate_limiter import RateLimiter
from dataforge.workflows.engine.rounds import max_slots
from dataforge.workflows.state_input import StateInput
from dataforge.workflows.synthetic.config import spec_of

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 180.0
"""How long the sub-topics may take; without them every domain's own facets serve."""
MOST_CATEGORIES_ASKED = 20
"""Further categories take the sub-topics of the whole domain."""


def plan(run: Run, e: StateInput) -> Item:
    """Deterministic from what is on file, so a state that is run again writes the same plan."""
    spec = spec_of(run)
    before = sum(1 for _ in promised(run, e.round))
    return batches.write_round(
        run,
        e,
        RoundPlan(
            slots=() if run.cancel_requested else _slots(run, e.round, spec, before),
            calls=lambda: planner.calls(spec, _planned(run, e.round)),
            slots_before=before,
            subject=lambda count: f"{count} records of {spec.schema}",
        ),
    )


def promised(run: Run, rounds: int) -> Iterator[RecordSlot]:
    """The slots of the first `rounds` rounds, in their order; read as they are asked for."""
    return chain.from_iterable(_planned(run, n) for n in range(rounds))


def _planned(run: Run, round_number: int) -> Iterator[RecordSlot]:
    return map(slot_items.of_item, batches.planned_slots(run, round_number))


def _slots(run: Run, round_number: int, spec: Spec, before: int) -> Iterable[RecordSlot]:
    """before: slots of earlier rounds."""
    sub_topics = _taxonomy(run, spec)
    if round_number == 0:
        return planner.plan(spec, sub_topics)
    lost = cast("list[int]", run_files.read_json(run, "outstanding.json") or [])
    wanted = min(len(lost), max_slots(run.requested) - before)
    places = _places(run, lost[: max(0, wanted)])
    return planner.replan(spec, sub_topics, places, first_index=before, round_number=round_number)


def _places(run: Run, roots: Iterable[int]) -> Iterator[RecordSlot]:
    """The slots of the first round that have these numbers. roots: ascending."""
    slots = promised(run, 1)
    for root in roots:
        yield next(s for s in slots if s.index == root)


def _taxonomy(run: Run, spec: Spec) -> Taxonomy:
    """Asked once per run; on file from then on."""
    known = run_files.read_json(run, "taxonomy.json")
    if known is None:
        replies.probe(run.run_id)  # nothing is paid for that cannot be stored
        known = asyncio.run(_ask_for_topics(run, spec))
        run_files.write_json(run, "taxonomy.json", known)
    topics = cast("dict[str, list[str]]", known)
    return Taxonomy(topics) if topics else variety.plain([c.name for c in spec.categories])


async def _ask_for_topics(run: Run, spec: Spec) -> dict[str, list[str]]:
    """By category, "" for the whole domain; without those that nobody could name."""
    names = ["", *(c.name for c in spec.categories[:MOST_CATEGORIES_ASKED])]
    teacher = engine_config.teacher_of(run)
    limiter = RateLimiter(engine_config.model_of(run), run.org_id, settings.get().concurrency, lambda: False)
    stored = {r.slot: r for r in replies.named(run.run_id, _KEY)}
    budget = cost_budget.of_run(run, _PART, spent=sum(r.cost_usd or 0.0 for r in stored.values()))
    ask = partial(retry.ask_outside_batch, teacher, limiter, budget)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            found = await asyncio.gather(*(_topics(run, spec, ask, n, name, stored) for n, name in enumerate(names)))
    except TimeoutError:
        found = []
    finally:
        await teacher.close()
    await asyncio.to_thread(budget.give_back)
    topics = {name: listed for name, listed in zip(names, found, strict=False) if listed}
    if not topics:
        run_log.write(run.run_id, "planning", "No sub-topics could be drawn up; general ones are used", level="warning")
    return topics


_KEY = "topics#"
_PART = "topics"
"""Of the run's budget."""


async def _topics(
    run: Run,
    spec: Spec,
    ask: Callable[[Question], Awaitable[Answer]],
    number: int,
    category: str,
    stored: dict[str, Reply],
) -> list[str]:
    key = f"{_KEY}{number:02d}"
    share = next((c.percentage for c in spec.categories if c.name == category), 100.0)
    question = taxonomy.question(spec, category=category or None, records=round(spec.count * share / 100))
    try:
        reply = stored.get(key)
        if reply is None:
            answer = await ask(question)
            reply = Reply(
                run_id=run.run_id,
                slot=key,
                text=answer.text[:100_000],
                model=answer.model,
                finish_reason=answer.finish_reason,
                input_tokens=answer.input_tokens,
                output_tokens=answer.output_tokens,
                expires_at=replies.expires_at(),
                cost_usd=answer.cost_usd,
                cached_tokens=answer.cached_tokens,
            )
            await asyncio.to_thread(replies.keep, reply)
        spent = Progress(
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cost_usd=reply.cost_usd,
            cached_tokens=reply.cached_tokens,
            teacher_calls=1,
        )
        await asyncio.to_thread(run_events.record_progress, run, key, spent)
    except (DataForgeError, Stopped) as problem:  # the batches will meet the same teacher and budget, and say so
        why = problem.reason if isinstance(problem, Stopped) else problem.code  # the message may repeat the prompt
        logger.warning("no sub-topics for %s: %s", run.run_id, why)
        return []
    return taxonomy.read(answer_of(reply))
