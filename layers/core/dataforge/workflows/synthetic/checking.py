"""What is asked about the records of a call once they are written: the critic, the judge, the invariants.

Each check has its own range of attempt numbers, under which its replies are stored. A reply that speaks of some records
only is asked for once more.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from dataforge.quality import record_checks
from dataforge.recipes import invariants, judging
from dataforge.recipes.judging import JudgedRecord
from dataforge.recipes.synthetic import critic
from dataforge.recipes.synthetic.shapes import Shape
from dataforge.recipes.synthetic.spec import Spec
from dataforge.records import Answer, Question
from dataforge.teachers.ports import Teacher
from dataforge.workflows.engine.call_loop import answer_of
from dataforge.workflows.engine.context import DEFECTS, INTERNAL, BatchContext, Fetch, Stopped
from dataforge.workflows.synthetic.candidates import Candidate

logger = logging.getLogger(__name__)

TRIES = 2
"""Of a check whose reply cannot be read or leaves records out."""
UNCHECKED = "unchecked: "
"""Before a strict invariant in the flags of a record: the checker gave no answer on it."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a check needs to ask about the records of one call."""

    context: BatchContext
    fetch: Fetch
    first_slot: int
    spec: Spec
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """role: of the teacher that is asked. run: writes what it finds into the candidates."""

    role: str
    first_attempt: int
    is_wanted: Callable[[Spec, Shape], bool]
    run: Callable[[Asking, Teacher | None, list[Candidate]], Awaitable[None]]


def check_form(candidate: Candidate, *, spec: Spec, shape: Shape, prompt_rules: str) -> None:
    """The checks of `quality.record_checks`; nobody is asked."""
    bounds = record_checks.Bounds(spec.lengths.least, spec.lengths.most)
    payload = candidate.payload
    try:
        found = record_checks.check(shape.asked(payload), shape.texts(payload), bounds=bounds, rules=prompt_rules)
    except DEFECTS as defect:
        logger.exception("a record could not be checked")
        candidate.failed = (INTERNAL, f"an error of this service ({type(defect).__name__}: {defect})")
        return
    if found:
        candidate.reasons, candidate.details = ["format_invalid"], found


async def _ask(
    asking: Asking, teacher: Teacher | None, attempts: int, question: Question, read: Callable[[Answer], list[T | None]]
) -> tuple[list[T | None], tuple[str, str]]:
    """What the teacher says of each record, asked again once where it said nothing; and why not, where it stayed
    silent. attempts: the first attempt number."""
    assert teacher is not None  # noqa: S101  a run that needs this check names a teacher for it
    found: list[T | None] = []
    why = ("unreadable_reply", "the reply did not speak of every record")
    for attempt in range(1 if teacher.can.offline else TRIES):
        try:
            reply = await asking.fetch(asking.context, question, asking.first_slot, attempts + attempt, teacher=teacher)
        except Stopped as stopped:
            return found, (stopped.reason, stopped.detail)
        try:
            answers = read(answer_of(reply))
        except DEFECTS as defect:
            noted = asking.context.note_defect(defect)
            return found, (noted.reason, noted.detail)
        earlier = found or [None] * len(answers)
        found = [old if old is not None else new for old, new in zip(earlier, answers, strict=True)]
        if all(one is not None for one in found):
            break
    return found, why


async def _compare(asking: Asking, teacher: Teacher | None, candidates: list[Candidate]) -> None:
    slots = [c.slot for c in candidates]
    question = critic.question([c.payload for c in candidates], slots, domain=asking.spec.domain)
    found, why = await _ask(asking, teacher, CRITIC.first_attempt, question, lambda a: critic.read(a, slots))
    for n, candidate in enumerate(candidates):
        comparison = found[n] if found else None
        if comparison is None:
            candidate.failed = (f"critic_{why[0]}", why[1])
            continue
        candidate.comparison = comparison
        chosen, rejected = str(candidate.payload["chosen"]), str(candidate.payload["rejected"])
        problem = record_checks.preference(chosen, rejected, comparison.chosen, comparison.rejected)
        if problem:
            candidate.reasons = [problem]


async def _judge(asking: Asking, teacher: Teacher | None, candidates: list[Candidate]) -> None:
    fields = asking.spec.assessed_fields
    records = _judged_records(asking, candidates)
    question = judging.question(records, domain=asking.spec.domain, fields=fields)
    found, why = await _ask(asking, teacher, JUDGE.first_attempt, question, lambda a: judging.read(a, records, fields))
    for n, candidate in enumerate(candidates):
        candidate.scores = found[n] if found else None
        if candidate.scores is None:
            candidate.failed = (f"judge_{why[0]}", why[1])
        elif asking.spec.verified and not candidate.scores.passes:
            candidate.reasons = ["judge_rejected"]
            candidate.details += filter(None, (candidate.scores.reason, *candidate.scores.words))


async def _check_invariants(asking: Asking, teacher: Teacher | None, candidates: list[Candidate]) -> None:
    """A checker that fails lets the record pass, and says so: each strict rule is flagged as unchecked."""
    rules = asking.spec.invariants
    question = invariants.question(
        _judged_records(asking, candidates), [r.rule for r in rules], domain=asking.spec.domain
    )
    found, _ = await _ask(
        asking, teacher, CHECKER.first_attempt, question, lambda a: invariants.read(a, len(candidates), len(rules))
    )
    for n, candidate in enumerate(candidates):
        broken = found[n] if found else None
        if broken is None:
            candidate.soft_flags += [UNCHECKED + rule.rule for rule in rules if rule.strict]
            continue
        for number in broken:
            if rules[number].strict:
                candidate.reasons = ["invariant_violated"]
                candidate.details.append(rules[number].rule)
            else:
                candidate.soft_flags.append(rules[number].rule)


def _judged_records(asking: Asking, candidates: Sequence[Candidate]) -> list[JudgedRecord]:
    shape = asking.shape
    return [JudgedRecord(shape.asked(c.payload), shape.answered(c.payload), shape.note(c.payload)) for c in candidates]


CRITIC = Check(role="critic", first_attempt=10, is_wanted=lambda _, shape: shape.critic, run=_compare)
JUDGE = Check(
    role="judge",
    first_attempt=20,
    is_wanted=lambda spec, _: spec.verified or bool(spec.assessed_fields),
    run=_judge,
)
CHECKER = Check(role="judge", first_attempt=30, is_wanted=lambda spec, _: bool(spec.invariants), run=_check_invariants)
CHECKS = (CRITIC, JUDGE, CHECKER)
"""In the order in which they are asked."""
