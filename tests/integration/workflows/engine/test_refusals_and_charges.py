"""What a run makes of a teacher that refuses a prompt or all of them, and of a call that may have been charged."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from dataforge import platform, settings
from dataforge.errors import TeacherRefused, TeacherUnreachable
from dataforge.records import Answer, Passage, Question
from dataforge.store import runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.ports import Capabilities
from dataforge.teachers.prices import Price
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import run_states
from dataforge.workflows.engine import batch as engine_batch
from dataforge.workflows.engine import retry, rounds
from dataforge.workflows.engine.context import BatchContext, Stopped
from dataforge.workflows.engine.cost_budget import CostBudget, max_cost
from dataforge.workflows.engine.rate_limiter import RateLimiter
from dataforge.workflows.engine.store_gate import StoreGate
from tests.support.document_runs import batches, begin, counts_of, good, passage, teach, walk
from tests.support.synthetic_runs import SyntheticHarness, write

TOO_LONG = TeacherRefused("the prompt has more tokens than the context window", this_prompt_only=True)


def refuse_for(*passages: int) -> object:
    def answer(question: Question) -> str:
        if any(passage(n) in question.messages[-1].content for n in passages):
            raise TOO_LONG
        return good(question)

    return answer


# checklist 184
def test_a_prompt_that_is_refused_fails_its_own_slots_and_the_rest_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, refuse_for(2))  # type: ignore[arg-type]

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    assert run.status == "completed"
    assert run.delivered == 6, "top-ups go on, over the other passages"
    assert run.reasons["failed"] == {"prompt_refused": run.failed}
    assert run.asked == run.delivered + run.rejected + run.failed
    assert run.failed >= 1


def test_a_teacher_that_refuses_every_prompt_is_asked_a_few_times_only(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()
    teacher = teach(monkeypatch, TOO_LONG)

    run = walk(project, num_pairs=18, config={"pairs_per_chunk": 3})

    assert run.status == "failed"
    assert len(teacher.asked) <= retry.MAX_REFUSED_PROMPTS + 1
    assert set(run.reasons["failed"]) <= {"prompt_refused", "teacher_refused"}  # type: ignore[arg-type]
    assert "context window" in str(run.error)


def test_a_wrong_key_ends_the_batch_at_the_first_call(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()
    teacher = teach(monkeypatch, TeacherRefused("wrong key"))

    run = walk(project, num_pairs=12, config={"pairs_per_chunk": 2})

    assert len(teacher.asked) <= 2
    assert run.reasons["failed"] == {"teacher_refused": run.failed}


def context_of(run: runs.Run, teacher: ScriptedTeacher, limit: float) -> BatchContext:
    price = Price(100.0, 1000.0)
    budget = CostBudget(run.run_id, "r0b0000", price, limit=limit)
    context = BatchContext(
        run=run, name="r0b0000", teacher=teacher, stored={}, slots=1, budget=budget, gate=StoreGate(run)
    )
    model = engine_batch.config.model_of(run)
    context.rate_limiters = {teacher.name: RateLimiter(model, run.org_id, 4, context.is_over)}
    return context


# checklist 182
@pytest.mark.parametrize(("lost", "charged"), [(True, True), (False, False)], ids=["sent", "never sent"])
def test_a_call_that_was_sent_and_lost_counts_at_the_most_it_can_have_cost(
    project: Project, monkeypatch: pytest.MonkeyPatch, lost: bool, charged: bool
) -> None:
    teacher = teach(monkeypatch, TeacherUnreachable("no answer within 120 s", may_be_billed=lost))
    run, planned = begin(project, num_pairs=1)
    monkeypatch.setattr(retry, "MAX_TRIES", 2)
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.0)
    context = context_of(run, teacher, 1_000.0)
    question = next(iter(asked_by(planned, monkeypatch)))

    with pytest.raises(Stopped, match="no answer"):
        asyncio.run(engine_batch.fetch_reply(context, question, 0, 0))

    most = retry_bound(question)
    assert context.budget.spent == pytest.approx(2 * most if charged else 0.0)


def retry_bound(question: Question) -> float:
    return max_cost(question, Price(100.0, 1000.0))


def asked_by(planned: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """The questions of the first batch, as an answering teacher sees them."""
    seen = ScriptedTeacher([good], name="fake:model")
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: seen)
    run_states.generate_batch(batches(planned)[0])  # type: ignore[arg-type]
    return seen.asked


# checklist 182
def test_what_a_lost_call_may_have_cost_counts_in_the_next_attempt_of_its_batch(project: Project) -> None:
    price, question = Price(100.0, 1000.0), Question((), Passage(""), (), kind="qa", max_tokens=1000)
    bound = max_cost(question, price)

    def attempt(lost: bool) -> CostBudget:
        budget = CostBudget("gen_x", "r0b0000", price, limit=3.5 * bound)

        async def ask() -> None:
            held = await budget.hold(question)
            assert held is not None
            budget.settle(held, None if lost else 0.0)

        asyncio.run(ask())
        budget.give_back()
        return budget

    attempt(lost=True)
    attempt(lost=True)
    assert attempt(lost=False).spent == pytest.approx(2 * bound)
    CostBudget("gen_x", "r0b0000", price, limit=3.5 * bound).give_back()  # an attempt that asks nothing
    assert attempt(lost=False).spent == pytest.approx(2 * bound)


def test_quick_refusals_of_a_few_prompts_do_not_end_a_batch_that_waits_for_slow_answers(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(ScriptedTeacher):
        async def ask(self, question: Question) -> Answer:
            if not any(passage(n) in question.messages[-1].content for n in (0, 1, 2)):
                await asyncio.sleep(0.1)
            return await super().ask(question)

    slow = Slow([refuse_for(0, 1, 2)], name="fake:model")  # type: ignore[list-item]
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: slow)

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    assert set(run.reasons["failed"]) == {"prompt_refused"}  # type: ignore[arg-type]
    assert run.delivered >= 3


# checklist 98
@pytest.mark.parametrize("reason", ["judge_teacher_refused", "critic_teacher_refused", "teacher_refused", "cancelled"])
def test_a_refusal_of_any_teacher_ends_the_topping_up(
    project: Project, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    teach(monkeypatch, good)
    run, _ = begin(project, num_pairs=10)
    settled = replace(run, requested=10, asked=10, delivered=4, failed=6, reasons={"failed": {reason: 6}})

    assert not rounds.may_top_up(settled, 0, made=4)
    assert rounds.may_top_up(replace(settled, reasons={"failed": {"unreadable_reply": 6}}), 0, made=4)


def test_a_critic_with_a_wrong_key_does_not_make_the_writer_paid_again(harness: SyntheticHarness) -> None:
    harness.teach(critic=TeacherRefused("wrong key"))

    run = harness.run(schema="preference_v1", count=8)

    written = [q for q in harness.teacher.asked if q.kind == "preference_v1"]
    assert sum(len(q.slots) for q in written) <= 8, "no slot is written twice"
    assert run.delivered == 0
    assert set(run.reasons["failed"]) <= {"critic_teacher_refused", "teacher_refused"}  # type: ignore[arg-type]


def test_a_critic_that_refuses_every_prompt_ends_the_batch_although_the_writer_answers(
    harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "2")
    settings.get.cache_clear()
    harness.teach(critic=TOO_LONG)

    run = harness.run(schema="preference_v1", count=60)

    written = [q for q in harness.teacher.asked if q.kind == "preference_v1"]
    assert sum(len(q.slots) for q in written) < 40, "nobody pays a writer for records that cannot be completed"
    assert run.asked == 60
    assert run.failed == 60


# checklist 98
def test_a_strict_rule_that_nobody_checked_is_flagged_on_the_record(harness: SyntheticHarness) -> None:
    harness.teach(invariants=lambda _: "what?")

    run = harness.run(
        count=3,
        advanced={
            "invariants": [
                {"rule": "Never name a price", "enforcement": "strict"},
                {"rule": "Always name the office", "enforcement": "soft"},
            ]
        },
    )

    key = run.results["files"]["results"]["key"]  # type: ignore[index,call-overload]
    lines = [json.loads(line) for line in platform.current().files.read(str(key)).splitlines()]
    assert {tuple(line["metadata"]["invariant_soft_flags"]) for line in lines} == {("unchecked: Never name a price",)}


class Narrow(ScriptedTeacher):
    """Writes complete records as long as the tokens last: one record takes 1,500."""

    can = Capabilities(json_schema=True, max_output=4096)

    async def ask(self, question: Question) -> Answer:
        answer = await super().ask(question)
        if question.kind != "instruction_v1" or len(question.slots) * 1500 <= question.max_tokens:
            return answer
        return replace(answer, text=answer.text[: len(answer.text) // 40], finish_reason="length")


def test_a_synthetic_reply_that_was_cut_is_asked_for_with_more_tokens_or_fewer_records(
    harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = Narrow([write], name="fake:model")
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)

    run = harness.run(count=8)

    asked = [q for q in teacher.asked if q.kind == "instruction_v1"]
    assert (run.delivered, run.failed) == (8, 0)
    assert max(q.max_tokens for q in asked) <= 4096, "never more than the model can write"
    assert min(len(q.slots) for q in asked) < max(len(q.slots) for q in asked)


def test_counts_add_up_whatever_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, TOO_LONG, good, good)

    run = walk(project, num_pairs=12, config={"pairs_per_chunk": 2})

    asked, delivered, rejected, failed = counts_of(run)
    assert asked == delivered + rejected + failed
    assert delivered > 0
