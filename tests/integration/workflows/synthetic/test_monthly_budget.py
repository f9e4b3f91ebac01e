"""What a synthetic run asks besides its records is part of the organisation's monthly budget, too."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from dataforge import clock, settings
from dataforge.errors import TeacherUnreachable
from dataforge.platform import current
from dataforge.records import Answer, Question
from dataforge.store import shared_state, spending
from dataforge.store.spending import Limits
from dataforge.teachers import PROVIDERS
from dataforge.teachers.prices import Price
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import run_states
from dataforge.workflows.engine import cost_budget
from dataforge.workflows.engine.provider_batch import submitting
from tests.support.batch_servers import BatchServer
from tests.support.scripted_replies import kind_of, scripted_reply
from tests.support.synthetic_batches import WHOLE
from tests.support.synthetic_runs import SyntheticHarness, write
from tests.support.synthetic_walks import Walk

PRICE = {"input": 100.0, "output": 1000.0}
CATALOGUE = {"models": [{"id": "dear", "backends": ["fake:model"], "price": PRICE}]}
DEAR = {"models": {"generator": {"provider": "fake", "model": "model"}}}


class Dear(ScriptedTeacher):
    async def ask(self, question: Question) -> Answer:
        answer = await super().ask(question)
        cost = Price(**PRICE).of(answer.input_tokens, answer.output_tokens)
        return Answer(answer.text, "dear", "stop", answer.input_tokens, answer.output_tokens, cost)


@pytest.fixture
def dear(harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch) -> SyntheticHarness:
    monkeypatch.setenv("DATAFORGE_MODELS", json.dumps(CATALOGUE))
    settings.get.cache_clear()
    harness.teacher = Dear([write])
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: harness.teacher)
    return harness


def allow(org_id: str, dollars: float) -> None:
    spending.put_limits(Limits(org_id, monthly_budget=spending.micro(dollars)))


def use(org_id: str) -> spending.MonthUse:
    return spending.use_of(org_id, spending.month_of(clock.now()))


# checklist 182
def test_sub_topics_are_not_asked_for_when_another_run_has_used_up_the_month(dear: SyntheticHarness) -> None:
    allow(dear.org_id, 5)
    _, event = dear.start(**DEAR)
    spending.take(dear.org_id, "run_other", spending.month_of(clock.now()), least=5_000_000, wanted=5_000_000)

    run_states.plan_run(event)

    assert dear.teacher.asked == []
    assert use(dear.org_id).held == 5_000_000


# checklist 182
def test_sub_topics_take_their_price_from_the_month_before_they_are_asked_for(dear: SyntheticHarness) -> None:
    allow(dear.org_id, 50)
    held: list[int] = []

    class Watching(Dear):
        async def ask(self, question: Question) -> Answer:
            held.append(use(dear.org_id).held)
            return await super().ask(question)

    dear.teacher = Watching([write])
    run, event = dear.start(**DEAR)

    run_states.plan_run(event)

    assert [q.kind for q in dear.teacher.asked] == ["taxonomy"]
    assert held[0] >= spending.micro(cost_budget.max_cost(dear.teacher.asked[0], Price(**PRICE)))
    spent, _ = shared_state.spent_by(run.run_id)
    assert spent > 0, "which the batches of the run find taken"


def test_sub_topics_that_may_be_billed_without_an_answer_count_in_the_month(dear: SyntheticHarness) -> None:
    allow(dear.org_id, 1000)
    dear.teacher = Dear([TeacherUnreachable("timed out", may_be_billed=True), *[write] * 20])

    run = dear.run(**DEAR)

    topics = cost_budget.max_cost(dear.teacher.asked[0], Price(**PRICE))
    assert run.delivered > 0
    assert run.cost_usd is not None
    assert use(dear.org_id).spent == pytest.approx(spending.micro(run.cost_usd + topics), abs=2)
    assert use(dear.org_id).held == 0


# checklist 182
def test_the_first_call_and_the_jobs_of_several_teachers_are_held_side_by_side(provider: BatchServer) -> None:
    """A second teacher's jobs in a wave must not take the place of what the first one's hold."""
    unreadable = itertools.count()

    def moody(body: dict[str, Any]) -> str:
        """One reply of the first job is to be corrected while the critic reads the others."""
        plain = kind_of(body) == "preference" and provider.batched
        return "I would rather not." if plain and next(unreadable) == 1 else scripted_reply(body)

    provider.plot.reply = moody
    walk = Walk(**WHOLE)
    allow(walk.run.org_id, 50)
    collected = walk.wave(walk.generate(run_states.plan_run(walk.event)))

    submitting.submit_jobs(walk.generate(collected))

    stored = current().tables.get("admissions", {"scope": shared_state.budget_scope(walk.run.run_id)}) or {}
    parts = stored["parts"]
    assert isinstance(parts, dict)
    held = {name.rpartition(":")[2] for name in parts if "-r0w01" in name}
    assert len(held) == 2
    assert "critic" in held
    spent, _ = shared_state.spent_by(walk.run.run_id)
    assert use(walk.run.org_id).held >= spending.micro(spent), "nothing is held that the month does not know of"
