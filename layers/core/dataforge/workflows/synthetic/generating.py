"""One batch of a synthetic run: records written, checked, scored by the critic, judged, held to the invariants.

    generator (correction, fresh try) -> format -> critic (preferences) -> judge (verified) -> invariants

Each of these asks about the records of one call together; all replies are stored under the call's first slot before
they are read, so a batch that is run again pays for nothing twice. What a check rejected is not judged any more.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import orjson

from dataforge import clock
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.quality import record_checks
from dataforge.recipes import invariants, judging
from dataforge.recipes.judging import JudgedRecord, JudgeScores
from dataforge.recipes.synthetic import asking as recipe
from dataforge.recipes.synthetic import critic
from dataforge.recipes.synthetic import slots as slot_items
from dataforge.recipes.synthetic.critic import Comparison
from dataforge.recipes.synthetic.shapes import Payload, Shape
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.recipes.synthetic.spec import Spec
from dataforge.records import Answer, Message, Question, Slot
from dataforge.store import replies, runs
from dataforge.store.replies import Reply
from dataforge.teachers import build
from dataforge.teachers.ports import Teacher
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.engine import batch, rounds, run_models
from dataforge.workflows.engine.batch import reply_to
from dataforge.workflows.engine.call_loop import MAX_READINGS, Fetch, Stopped, answer_of, failed
from dataforge.workflows.engine.context import BatchContext
from dataforge.workflows.engine.cost_budget import CostBudget
from dataforge.workflows.synthetic.starting import ROLES, spec_of

logger = logging.getLogger(__name__)

CRITIC, JUDGE, CHECKER = 10, 20, 30
"""First attempt number of each pass, in the keys of the stored replies."""
TRIES = 2
"""Of a pass whose reply cannot be read, before its records are asked about one by one no more."""
MAX_OPENINGS = recipe.MOST_COVERED
"""Openings kept per sub-topic: those that a call is shown."""
OPENING_CHARACTERS = 90

T = TypeVar("T")


@dataclass(slots=True)
class SyntheticBatch:
    """What the calls of one batch need besides the engine."""

    work: BatchContext
    spec: Spec
    shape: Shape
    rules: str
    critic: Teacher | None
    judge: Teacher | None
    covered: dict[str, list[str]]
    """Sub-topic to openings of records that exist, of other batches too as far as they were done when this began."""
    fresh: list[tuple[str, str]] = field(default_factory=list)
    learns: bool = True
    """Its calls see what the calls before them wrote; False: at batch price all are asked at once, and a call that is
    gone through again must ask the same."""
    fetch: Fetch = reply_to
    """Who gets the replies."""

    @property
    def passes(self) -> tuple[int, ...]:
        """The first attempt number of each question that a call may ask in turn."""
        further = ((self.shape.critic, CRITIC), (_is_judged(self.spec), JUDGE), (bool(self.spec.invariants), CHECKER))
        return (0, *(first for asked, first in further if asked))


@dataclass(slots=True)
class Candidate:
    """One record on its way."""

    slot: RecordSlot
    payload: Payload
    reply: Reply
    reasons: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    comparison: Comparison | None = None
    verdict: JudgeScores | None = None
    soft_flags: list[str] = field(default_factory=list)
    failed: tuple[str, str] | None = None
    """Reason and detail: the record cannot be completed."""

    @property
    def alive(self) -> bool:
        return not self.reasons and self.failed is None


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    """As `asking.generate_batch`."""
    e = state_input.read(raw)
    desk, calls, concurrency = opened(e)
    done = batch.run_to_end(desk.work, e, partial(call, desk), calls, concurrency=concurrency, seconds=seconds)
    close(desk, e)
    return done


def close(desk: SyntheticBatch, e: state_input.StateInput) -> None:
    """Later batches see what this one wrote."""
    run_files.write_json(desk.work.run, f"round-{e.round}/covered-{e.batch:04d}.json", desk.fresh)


def salvage(raw: Item) -> int:
    """As `asking.salvage`."""
    e = state_input.read(raw)
    desk, calls, _ = opened(e)
    return batch.save_stored(desk.work, e, partial(call, desk), calls)


def record_failure(raw: Item) -> Item:
    """The Catch of a Map child: note why it died, and save what it has paid for."""
    recorded = rounds.record_failure(raw)
    try:
        return {**recorded, "made": salvage(raw)}
    except Exception:  # what killed the batch may kill this too; then its slots are failed ones
        logger.exception("nothing can be saved of a batch of %s", raw.get("run_id"))
        return recorded


def opened(e: state_input.StateInput) -> tuple[SyntheticBatch, list[list[RecordSlot]], int]:
    """The batch, its calls, and how many of them may be in flight."""
    run = lifecycle.run_of(e)
    body = orjson.loads(current().files.read(e.key))
    calls = [[slot_items.of_item(s) for s in call] for call in body["calls"]]
    indices = [s.index for call in calls for s in call]
    spec = spec_of(run)
    models = {role: run_models.model_of(run, role) for role in ROLES if run.config.get(role)}
    others = {role: build(model) for role, model in models.items()}
    over = run.cancel_requested or run.status in runs.FINISHED
    name = f"r{e.round}b{e.batch:04d}"
    work = BatchContext(
        run,
        name,
        run_models.teacher_of(run),
        replies.between(run.run_id, min(indices), max(indices)),
        len(indices),
        CostBudget(run.run_id, name, None, limit=None),
        stop="cancelled" if over else None,
        stop_detail="stopped by the caller" if over else "",
        others=tuple((others[role], model) for role, model in models.items()),
    )
    learns = run.config.get("mode") != "batch"
    desk = SyntheticBatch(
        work,
        spec,
        recipe.SHAPES[spec.schema],
        recipe.guarded(spec),
        others.get("critic"),
        others.get("judge"),
        _covered(run, e.round if learns else e.round - 1, {s.topic for call in calls for s in call}),
        learns=learns,
    )
    return desk, calls, int(body["concurrency"])


def _covered(run: runs.Run, round_number: int, topics: set[str]) -> dict[str, list[str]]:
    """The last openings on these sub-topics. Files are read backwards and no further than that takes, so that a batch
    reads a few of them, however many there are."""
    found: dict[str, list[str]] = {topic: [] for topic in topics}
    for topic, opening in _backwards(run, round_number):
        if topic in topics and len(found[topic]) < MAX_OPENINGS:
            found[topic].append(opening)
            if len(found[topic]) == MAX_OPENINGS and all(len(o) == MAX_OPENINGS for o in found.values()):
                break
    return {topic: openings[::-1] for topic, openings in found.items()}


def _backwards(run: runs.Run, round_number: int) -> Iterator[tuple[str, str]]:
    """Sub-topic and opening of what batches have written up to this round, the last one first."""
    files = current().files
    for n in range(round_number, -1, -1):
        keys = [info.key for info in files.list(run_files.key_of(run, f"round-{n}/covered-"))]
        for key in reversed(keys):
            yield from reversed(orjson.loads(files.read(key)))


def _note(covered: dict[str, list[str]], topic: str, opening: str) -> None:
    openings = covered.setdefault(topic, [])
    openings.append(opening)
    del openings[:-MAX_OPENINGS]


async def call(desk: SyntheticBatch, given: Sequence[Slot]) -> list[Item]:
    """The outcome of each slot of one call."""
    slots = [s for s in given if isinstance(s, RecordSlot)]
    entries, why = await _write(desk, slots)
    for entry in entries.values():
        _check_form(desk, entry)
    for wanted, run_pass in (
        (desk.shape.critic, _critic),
        (_is_judged(desk.spec), _judge),
        (bool(desk.spec.invariants), _check_invariants),
    ):
        alive = [entries[s.index] for s in slots if s.index in entries and entries[s.index].alive]
        if wanted and alive:
            await run_pass(desk, slots[0].index, alive)
    outcomes = []
    for slot in slots:
        made = entries.get(slot.index)
        if made is None or made.failed is not None:
            outcomes.append(failed(slot, *(why if made is None or made.failed is None else made.failed)))
            continue
        outcomes.append(_outcome(made))
        if made.alive:
            _note_opening(desk, made)
    return outcomes


def _is_judged(spec: Spec) -> bool:
    return spec.verified or bool(spec.assessed_fields)


async def _write(desk: SyntheticBatch, slots: list[RecordSlot]) -> tuple[dict[int, Candidate], tuple[str, str]]:
    """Entries by slot, and why the missing ones are missing: first try, correction turn, fresh try for the rest."""
    entries: dict[int, Candidate] = {}
    why = ("unreadable_reply", "")
    asked_for, question = slots, recipe.question(desk.spec, slots, covered=desk.covered)
    for attempt in range(1 if desk.work.teacher.can.offline else MAX_READINGS):
        try:
            reply = await desk.fetch(desk.work, question, slots[0].index, attempt)
        except Stopped as stopped:
            why = (stopped.reason, stopped.detail)
            break
        reading = recipe.read(desk.spec, answer_of(reply), asked_for)
        for slot, payload in zip(asked_for, reading.payloads, strict=True):
            if payload is not None:
                entries.setdefault(slot.index, Candidate(slot, payload, reply))
        missing = [s for s in slots if s.index not in entries]
        if not missing:
            break
        why = ("unreadable_reply", reading.problem or "")
        if attempt == 0 and reply.text.strip():
            question = _correction(question, reply, reading.problem or "")
        else:
            asked_for = missing
            question = recipe.question(desk.spec, missing, covered=desk.covered, attempt=attempt + 1)
    return entries, why


def _correction(question: Question, reply: Reply, problem: str) -> Question:
    told = f"That reply cannot be used: {problem}. Send the whole corrected reply, JSON only."
    turns = (Message("assistant", reply.text), Message("user", told))
    return Question(
        (*question.messages, *turns),
        question.passage,
        question.slots,
        question.kind,
        question.temperature,
        question.max_tokens,
        question.json_schema,
        question.seed,
    )


def _check_form(desk: SyntheticBatch, entry: Candidate) -> None:
    bounds = record_checks.Bounds(desk.spec.lengths.least, desk.spec.lengths.most)
    found = record_checks.check(
        desk.shape.asked(entry.payload), desk.shape.texts(entry.payload), bounds=bounds, rules=desk.rules
    )
    if found:
        entry.reasons, entry.details = ["format_invalid"], found


async def _pass(
    desk: SyntheticBatch,
    first_slot: int,
    attempts: int,
    judge: Teacher,
    question: Question,
    read: Callable[[Answer], list[T | None]],
) -> tuple[list[T | None], tuple[str, str]]:
    """What a pass says of each record, asked again once where it said nothing; and why not, where it stayed silent."""
    found: list[T | None] = []
    why = ("unreadable_reply", "the reply did not speak of every record")
    for attempt in range(1 if judge.can.offline else TRIES):
        try:
            reply = await desk.fetch(desk.work, question, first_slot, attempts + attempt, teacher=judge)
        except Stopped as stopped:
            return found, (stopped.reason, stopped.detail)
        said = read(answer_of(reply))
        found = [old if old is not None else new for old, new in zip(found or [None] * len(said), said, strict=True)]
        if all(one is not None for one in found):
            break
    return found, why


async def _critic(desk: SyntheticBatch, first_slot: int, entries: list[Candidate]) -> None:
    assert desk.critic is not None  # noqa: S101  every run of a schema with a critic names one
    slots = [e.slot for e in entries]
    question = critic.question([e.payload for e in entries], slots, domain=desk.spec.domain)
    found, why = await _pass(desk, first_slot, CRITIC, desk.critic, question, lambda a: critic.read(a, slots))
    for n, entry in enumerate(entries):
        comparison = found[n] if found else None
        if comparison is None:
            entry.failed = (f"critic_{why[0]}", why[1])
            continue
        entry.comparison = comparison
        problem = record_checks.preference(
            str(entry.payload["chosen"]), str(entry.payload["rejected"]), comparison.chosen, comparison.rejected
        )
        if problem:
            entry.reasons = [problem]


async def _judge(desk: SyntheticBatch, first_slot: int, entries: list[Candidate]) -> None:
    assert desk.judge is not None  # noqa: S101
    fields = desk.spec.assessed_fields
    question = judging.question(_exhibits(desk, entries), domain=desk.spec.domain, fields=fields)
    found, why = await _pass(
        desk, first_slot, JUDGE, desk.judge, question, lambda a: judging.read(a, len(entries), fields)
    )
    for n, entry in enumerate(entries):
        entry.verdict = found[n] if found else None
        if entry.verdict is None:
            entry.failed = (f"judge_{why[0]}", why[1])
        elif desk.spec.verified and not entry.verdict.passes:
            entry.reasons = ["judge_rejected"]


async def _check_invariants(desk: SyntheticBatch, first_slot: int, entries: list[Candidate]) -> None:
    """A checker that fails lets the record pass."""
    assert desk.judge is not None  # noqa: S101
    rules = desk.spec.invariants
    question = invariants.question(_exhibits(desk, entries), [r.rule for r in rules], domain=desk.spec.domain)
    found, _ = await _pass(
        desk, first_slot, CHECKER, desk.judge, question, lambda a: invariants.read(a, len(entries), len(rules))
    )
    for entry, broken in zip(entries, found, strict=False):
        for n in broken or ():
            if rules[n].strict:
                entry.reasons = ["invariant_violated"]
                entry.details.append(rules[n].rule)
            else:
                entry.soft_flags.append(rules[n].rule)


def _exhibits(desk: SyntheticBatch, entries: Sequence[Candidate]) -> list[JudgedRecord]:
    return [
        JudgedRecord(desk.shape.asked(e.payload), desk.shape.answered(e.payload), desk.shape.note(e.payload))
        for e in entries
    ]


def _note_opening(desk: SyntheticBatch, entry: Candidate) -> None:
    opening = " ".join(desk.shape.asked(entry.payload).split())[:OPENING_CHARACTERS]
    if desk.learns:
        _note(desk.covered, entry.slot.topic, opening)
    desk.fresh.append((entry.slot.topic, opening))


def _outcome(entry: Candidate) -> Item:
    verdict, comparison = entry.verdict, entry.comparison
    payload = dict(entry.payload)
    if comparison is not None:
        payload |= {
            "chosen_score": comparison.chosen,
            "rejected_score": comparison.rejected,
            "reasoning": comparison.reasoning,
        }
    made: dict[str, object] = {
        "slot": entry.slot.index,
        "root": entry.slot.root,
        "payload": payload,
        "reply": entry.reply.slot,
        "teacher": entry.reply.model,
        "at": clock.now(),
        "reasons": entry.reasons,
        "details": entry.details,
        "soft_flags": entry.soft_flags,
    }
    if verdict is not None:
        made["fields"] = dict(verdict.fields)
        made["quality"] = {
            "relevance": verdict.relevance,
            "accuracy": verdict.accuracy,
            "completeness": verdict.completeness,
            "overall": verdict.overall,
        }
    return made  # type: ignore[return-value]
