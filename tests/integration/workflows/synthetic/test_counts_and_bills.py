"""What a synthetic job delivers and what it bills: repeats, top-ups, refusals, crashes, cancels, caps."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from dataforge import platform, settings
from dataforge.errors import Invalid, Misspelt, TeacherRefused
from dataforge.records import Question
from dataforge.store import ledger, run_log, runs
from dataforge.workflows import run_files, run_states
from dataforge.workflows.synthetic import jobs
from dataforge_functions.api.wire import synthetic_views
from tests.support.synthetic_api import EVERY_BODY
from tests.support.synthetic_runs import REPEATED, SyntheticHarness, lines, write


# checklist 104, 105
def test_bad_form_and_repeats_over_batches_are_rejected_and_made_again(
    harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "1")
    settings.get.cache_clear()
    calls = itertools.count()

    def careless(question: Question) -> str:
        """Each first-round call repeats one sentence of an earlier call, and cuts another record off."""
        made = json.loads(write(question))
        if next(calls) < 3:
            made["records"][0] |= {**REPEATED}
            made["records"][1]["output"] = "First you go to the"
        return json.dumps(made)

    harness.teach(instruction_v1=careless)

    run = harness.run(count=12)

    assert run.reasons["rejected"] == {"format_invalid": 3, "near_duplicate": 2}
    assert (run.asked, run.delivered) == (15, 10)
    assert sum(r["instruction"] == "When does the office open?" for r in lines(run)) == 1
    assert run.report["total_generated"] == 15
    assert run.report["rejection_breakdown"] == run.reasons["rejected"]


def test_a_top_up_fills_the_places_that_were_lost(harness: SyntheticHarness) -> None:
    def shy(question: Question) -> str:
        made = json.loads(write(question))
        if question.slots[0].index < 20:
            made["records"][0]["output"] = ""
        return json.dumps(made)

    harness.teach(instruction_v1=shy)

    run = harness.run(
        count=20,
        advanced={
            "categories": {"a": {"percentage": 50}, "b": {"percentage": 30}, "c": {"percentage": 20}},
            "hard_negatives": {"enabled": True, "percentage": 20},
            "metadata_fields": [{"name": "category", "type": "from_category"}],
        },
    )

    assert (run.requested, run.delivered) == (20, 20)
    assert Counter(r["metadata"]["category"] for r in lines(run)) == {"a": 10, "b": 6, "c": 4}
    assert Counter(r["metadata"]["hard_negative"] for r in lines(run)) == {True: 4, False: 16}


def test_a_teacher_that_refuses_fails_the_job_and_frees_the_reservation(harness: SyntheticHarness) -> None:
    ledger.set_plan(harness.org_id, "payg")
    ledger.top_up(harness.org_id, 10**6)
    harness.teach(instruction_v1=TeacherRefused("bad key"))

    run = harness.run(count=8)

    account = ledger.account_of(harness.org_id)
    assert run.status == "failed"
    assert "bad key" in str(run.error)
    assert (account.balance, account.reserved) == (10**6, 0)


def test_a_batch_that_runs_again_pays_for_nothing_twice(harness: SyntheticHarness) -> None:
    run, event = harness.start(count=12, verified=True, schema="preference_v1")
    planned = run_states.plan_run(event)
    [batch] = json.loads(platform.current().files.read(str(planned["batches_key"])))
    run_states.generate_batch(batch)
    asked = len(harness.teacher.asked)

    run_states.plan_run(event)
    run_states.generate_batch(batch)
    run_states.close_run(run_states.assess_run(run_states.assess_run(planned) | {"round": 0}))
    run_states.close_run(planned)

    assert len(harness.teacher.asked) == asked
    assert runs.get(harness.org_id, run.run_id).delivered == len(lines(run))


def test_a_dead_batch_leaves_what_it_paid_for(harness: SyntheticHarness) -> None:
    run, event = harness.start(count=8)
    planned = run_states.plan_run(event)
    [batch] = json.loads(platform.current().files.read(str(planned["batches_key"])))
    run_states.generate_batch(batch)
    platform.current().files.delete_prefix(run_files.key_of(run, "round-0/part-"))

    run_states.record_failure({**batch, "failure": {"Error": "Sandbox.Timedout", "Cause": "{}"}})
    closing = run_states.assess_run(planned)
    run_states.close_run(closing)

    assert runs.get(harness.org_id, run.run_id).delivered == 8


# checklist 112
def test_a_cancelled_job_keeps_and_bills_what_was_accepted(harness: SyntheticHarness) -> None:
    run, event = harness.start(count=8, verified=True)
    planned = run_states.plan_run(event)
    [batch] = json.loads(platform.current().files.read(str(planned["batches_key"])))
    run_states.generate_batch(batch)
    jobs.cancel(jobs.get(harness.org_id, run.run_id))

    run_states.close_run(run_states.assess_run(planned))

    run = jobs.get(harness.org_id, run.run_id)
    assert (jobs.status_of(run), jobs.error_of(run)) == ("failed", "cancelled by user")
    assert run.delivered == len(lines(run)) > 0
    assert ledger.charged(harness.org_id, run.run_id) == run.delivered * 8000


# checklist 50, 51, 52
def test_the_older_view_has_the_fields_of_the_quick_page(harness: SyntheticHarness) -> None:
    run = harness.run(count=4, system_prompt="Be kind.", constraints={"difficulty": "easy"})
    other = harness.run(schema="eval_v1", count=4)

    legacy = lines(run, jobs.results_key(run, "legacy").rpartition("/")[2])[0]
    canonical = lines(run, jobs.results_key(run, "canonical").rpartition("/")[2])[0]
    older = lines(other, jobs.results_key(other, "legacy").rpartition("/")[2])[0]

    assert set(legacy) == {"system_prompt", "instruction", "response", "metadata"}
    assert legacy["metadata"] == {"domain": "harbours", "difficulty": "easy"}
    assert legacy["system_prompt"] == "Be kind."
    assert set(canonical) == {"instruction", "input", "output", "metadata", "provenance"}
    assert set(older) == {"input", "ideal_output", "metrics"}


def test_max_cost_stops_before_the_money_does(harness: SyntheticHarness) -> None:
    run = harness.run(count=50, max_cost_usd=0.0301)

    assert (run.requested, run.delivered) == (10, 10)
    assert run.stop_reason == "budget_reached"
    assert (run.report or {})["stop_reason"] == "budget_reached"
    said = [str(line["message"]) for line in run_log.tail(run.run_id, 100)]
    assert "max_cost_usd pays for 10 of the 50 records: no more are made" in said
    assert "it stopped after 10: more would cost more than max_cost_usd" in said[-1]
    shown = synthetic_views.job(run)
    assert (shown.count, shown.limited_to, shown.stop_reason) == (50, 10, "budget_reached")
    with pytest.raises(Invalid, match="covers no record"):
        harness.start(max_cost_usd=0.0001)


# checklist 124, 125
def test_a_misspelt_domain_begins_nothing(harness: SyntheticHarness) -> None:
    with pytest.raises(Misspelt) as refused:
        harness.start(domain="custmer suport")

    assert refused.value.corrected == "customer support"
    assert jobs.listed(harness.org_id, status=None, limit=10, cursor=None) == ([], None)


# checklist 49, 76, 130
@pytest.mark.parametrize("name", EVERY_BODY)
def test_every_body_of_the_documents_is_complete(harness: SyntheticHarness, name: str) -> None:
    body = {**EVERY_BODY[name], "count": min(EVERY_BODY[name]["count"], 60)}

    run = harness.run(**{"model": None, **body})

    records = lines(run)
    assert run.status == "completed"
    assert len(records) == run.delivered >= 0.9 * body["count"]
    shape = {k: type(v) for k, v in records[0].items()}
    assert all({k: type(v) for k, v in r.items()} == shape for r in records)
    assert all(set(r["metadata"]) == set(records[0]["metadata"]) for r in records)
    assert {r["provenance"]["schema"] for r in records} == {body["schema"]}
