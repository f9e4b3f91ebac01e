"""One batch of a synthetic run: records written, checked, scored by the critic, judged, held to the invariants.

    generator (correction, fresh try) -> format -> critic (preferences) -> judge (verified) -> invariants

Each of these asks about the records of one call together; all replies are stored under the call's first slot before
they are read, so a batch that is run again pays for nothing twice. What a check rejected is not judged any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import orjson

from dataforge.platform import current
from dataforge.recipes.synthetic import asking as recipe
from dataforge.recipes.synthetic import slots as slot_items
from dataforge.recipes.synthetic.shapes import Payload, Shape
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec
from dataforge.records import Answer, Question, Slot
from dataforge.store.runs import Run
from dataforge.teachers.ports import Teacher
from dataforge.workflows import lifecycle, run_files
from dataforge.workflows.engine import batches, call_loop, outcomes
from dataforge.workflows.engine import config as engine_config
from dataforge.workflows.engine.call_loop import Reading
from dataforge.workflows.engine.context import (
    MAX_REPLY_TOKENS,
    BatchContext,
    Fetch,
    OpenBatch,
    open_context,
)
from dataforge.workflows.engine.outcomes import Outcome
from dataforge.workflows.state_input import StateInput
from dataforge.workflows.synthetic import checking
from dataforge.workflows.synthetic.candidates import Candidate, RecordOutcome, alive
from dataforge.workflows.synthetic.config import spec_of

MAX_OPENINGS = recipe.MOST_COVERED
"""Openings kept per sub-topic: those that a call is shown."""
OPENING_CHARACTERS = 90


@dataclass(slots=True, kw_only=True)
class SyntheticBatch:
    """What the calls of a batch of a synthetic run need besides the engine."""

    context: BatchContext
    spec: Spec
    shape: Shape
    prompt_rules: str
    """The part of the prompt that must not come back in a record."""
    critic: Teacher | None
    judge: Teacher | None
    covered: dict[str, list[str]]
    """Sub-topic to openings of records that exist, of other batches too as far as they were done when this began."""
    new_openings: list[tuple[str, str]] = field(default_factory=list)
    """Sub-topic and opening of every record of this batch."""
    learns: bool = True
    """Its calls see what the calls before them wrote; False: at batch price all are asked at once, and a call that is
    gone through again must ask the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWriter:
    """Asks for records of the run's schema: a `call_loop.Writer`."""

    spec: Spec
    covered: Mapping[str, Sequence[str]]
    max_reply_tokens: int

    numbered = True
    may_raise_max_tokens = True
    exhausted = "unreadable_reply"
    repeated_whole_calls = True

    def question(self, slots: Sequence[RecordSlot], *, max_tokens: int | None, attempt: int) -> Question:
        asked = recipe.question(self.spec, slots, covered=self.covered, attempt=attempt)
        return replace(asked, max_tokens=max_tokens or min(asked.max_tokens, self.max_reply_tokens))

    def read(self, answer: Answer, question: Question, slots: Sequence[RecordSlot]) -> Reading[Payload]:  # noqa: ARG002
        reading = recipe.read(self.spec, answer, slots)
        return Reading({n: p for n, p in enumerate(reading.payloads) if p is not None}, reading.problem)


def open_batch(e: StateInput) -> OpenBatch:
    """The batch whose file the input names, with its teachers, its stored replies and what its calls read."""
    run = lifecycle.run_of(e)
    file = batches.read_batch(e.key)
    calls = [[slot_items.of_item(slot) for slot in call] for call in file.calls]
    batch = _batch(run, e, calls)
    # One model may play several parts; its questions go out together, under the first of them.
    by_role = {"judge": batch.judge, "critic": batch.critic, "": batch.context.teacher}
    in_jobs = ("", *engine_config.of(run).batch_roles)
    return OpenBatch(
        context=batch.context,
        calls=calls,
        concurrency=file.concurrency,
        call=partial(ask, batch),
        close=partial(_write_openings, batch, e),
        job_roles={t.name: role for role, t in by_role.items() if t is not None and role in in_jobs},
        passes=_passes(batch),
    )


def _batch(run: Run, e: StateInput, calls: Sequence[Sequence[RecordSlot]]) -> SyntheticBatch:
    spec, context = spec_of(run), open_context(run, e, calls)
    roles = engine_config.of(run).role_models
    teachers = dict(zip(roles, (teacher for teacher, _ in context.other_teachers), strict=True))
    learns = not engine_config.of(run).in_batch_mode
    topics = {slot.topic for call in calls for slot in call}
    return SyntheticBatch(
        context=context,
        spec=spec,
        shape=recipe.SHAPES[spec.schema],
        prompt_rules=recipe.guarded(spec),
        critic=teachers.get("critic"),
        judge=teachers.get("judge"),
        covered=_covered(run, e.round if learns else e.round - 1, topics),
        learns=learns,
    )


def _passes(batch: SyntheticBatch) -> tuple[int, ...]:
    """The first attempt number of each question that a call may ask in turn."""
    return (0, *(check.first_attempt for check in checking.CHECKS if check.is_wanted(batch.spec, batch.shape)))


async def ask(batch: SyntheticBatch, given: Sequence[Slot], fetch: Fetch) -> list[Outcome[Any]]:
    """The outcome of each slot of one call."""
    slots = [s for s in given if isinstance(s, RecordSlot)]
    limit = batch.context.teacher.can.max_output or MAX_REPLY_TOKENS
    writer = RecordWriter(spec=batch.spec, covered=batch.covered, max_reply_tokens=limit)
    written = await call_loop.write(batch.context, writer, slots, fetch)
    candidates = {slot.index: Candidate(slot, payload, reply) for slot, payload, reply in written.made}
    for candidate in candidates.values():
        checking.check_form(candidate, spec=batch.spec, shape=batch.shape, prompt_rules=batch.prompt_rules)
    asked = checking.Asking(
        context=batch.context, fetch=fetch, first_slot=slots[0].index, spec=batch.spec, shape=batch.shape
    )
    for check in checking.CHECKS:
        left = alive(candidates, slots)
        if left and check.is_wanted(batch.spec, batch.shape):
            await check.run(asked, batch.critic if check.role == "critic" else batch.judge, left)
    return [*(_outcome(batch, slot, candidates.get(slot.index), written.why) for slot in slots)]


def _outcome(
    batch: SyntheticBatch, slot: RecordSlot, candidate: Candidate | None, why_missing: tuple[str, str, str]
) -> RecordOutcome:
    if candidate is None:
        return outcomes.failed(slot, *why_missing)
    if candidate.failed is not None:
        return outcomes.failed(slot, *candidate.failed)
    if candidate.alive:
        _note_opening(batch, candidate)
    return candidate.outcome()


def _note_opening(batch: SyntheticBatch, candidate: Candidate) -> None:
    topic = candidate.slot.topic
    opening = " ".join(batch.shape.asked(candidate.payload).split())[:OPENING_CHARACTERS]
    batch.new_openings.append((topic, opening))
    if batch.learns:
        openings = batch.covered.setdefault(topic, [])
        openings.append(opening)
        del openings[:-MAX_OPENINGS]


def _write_openings(batch: SyntheticBatch, e: StateInput) -> None:
    """For later batches: `round-<n>/covered-<batch>.json`, a list of [sub-topic, opening]."""
    run_files.write_json(batch.context.run, f"round-{e.round}/covered-{e.batch:04d}.json", batch.new_openings)


def _covered(run: Run, round_number: int, topics: set[str]) -> dict[str, list[str]]:
    """The last openings on these sub-topics. Files are read backwards and no further than that takes, so that a batch
    reads a few of them, however many there are."""
    found: dict[str, list[str]] = {topic: [] for topic in topics}
    for topic, opening in _openings_backwards(run, round_number):
        if topic in topics and len(found[topic]) < MAX_OPENINGS:
            found[topic].append(opening)
            if len(found[topic]) == MAX_OPENINGS and all(len(o) == MAX_OPENINGS for o in found.values()):
                break
    return {topic: openings[::-1] for topic, openings in found.items()}


def _openings_backwards(run: Run, round_number: int) -> Iterator[tuple[str, str]]:
    """Sub-topic and opening of what batches have written up to this round, the last one first."""
    files = current().files
    for n in range(round_number, -1, -1):
        keys = [info.key for info in files.list(run_files.key_of(run, f"round-{n}/covered-"))]
        for key in reversed(keys):
            yield from reversed(orjson.loads(files.read(key)))
