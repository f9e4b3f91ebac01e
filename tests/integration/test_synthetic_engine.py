"""A synthetic run step by step with scripted teachers: corrections, critic, judge, invariants, top-up, counts."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from dataforge import platform, settings
from dataforge.errors import Invalid, Misspelt, TeacherBusy, TeacherRefused, TeacherUnreachable
from dataforge.platform.embedded.disk import DiskFiles
from dataforge.platform.embedded.secrets import EnvironmentSecrets
from dataforge.platform.embedded.sockets import EmbeddedSockets
from dataforge.platform.embedded.sqlite import SqliteTables
from dataforge.platform.ports import Item, Platform
from dataforge.records import Question
from dataforge.store import ledger, orgs, runs
from dataforge.teachers import PROVIDERS, templated
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import runs as flow
from dataforge.workflows import sending, states
from dataforge.workflows.synthetic import jobs, starting
from infra import catalog
from tests.integration.synthetic_cases import EVERY_BODY
from tests.integration.test_run_engine import Started

Answering = Callable[[Question], str]


REPEATED = {"instruction": "When does the office open?", "input": "", "output": "It opens at nine."}


class Forge:
    """One organisation on a fresh embedded wall; the test walks the states itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.org_id, self.user_id = orgs.create_org("harbour")
        self._monkeypatch = monkeypatch
        self.teacher = ScriptedTeacher([write])
        self.teach()

    def teach(self, **by_kind: Answering | Exception) -> ScriptedTeacher:
        """Who answers for every model: the templated writer, but for the kinds of question given."""
        def answer(question: Question) -> str:
            special = by_kind.get(question.kind)
            if isinstance(special, Exception):
                raise special
            return special(question) if special else write(question)

        self.teacher = ScriptedTeacher([answer], name="fake:model")
        self._monkeypatch.setitem(PROVIDERS, "fake", lambda _: self.teacher)
        return self.teacher

    def start(self, **request: Any) -> tuple[runs.Run, Item]:
        body = {"schema": "instruction_v1", "domain": "harbours", "count": 12, "model": "balanced", **request}
        run = starting.start(self.org_id, self.user_id, body, domain_confirmed=False)
        started = platform.current().workflows
        assert isinstance(started, Started)
        return run, started.input

    def walk(self, event: Item) -> None:
        """The state machine, as its file says."""
        while True:
            planned = states.plan_run(event)
            for item in json.loads(platform.current().files.read(str(planned["batches_key"]))):
                states.generate_batch(item)
            event = states.assess_run(planned)
            if not event["top_up"]:
                break
        states.close_run(event)

    def run(self, **request: Any) -> runs.Run:
        run, event = self.start(**request)
        self.walk(event)
        run = runs.get(self.org_id, run.run_id)
        assert run.asked == run.delivered + run.rejected + run.failed
        return run


def write(question: Question) -> str:
    return json.dumps(templated._WRITERS[question.kind](question))


def lines(run: runs.Run, name: str = "results.jsonl") -> list[dict[str, Any]]:
    return [json.loads(one) for one in platform.current().files.read(flow.key_of(run, name)).splitlines()]


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    monkeypatch.setattr(sending, "LONGEST_WAIT", 0.02)
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "fake:model")
    settings.get.cache_clear()
    files = DiskFiles(tmp_path / "files", base_url=lambda: "http://x", secret=b"s" * 32, max_upload_bytes=10**6)
    tables = SqliteTables(tmp_path / "data.db", catalog.TABLES)
    platform.use(Platform("embedded", tables, files, Started(), EmbeddedSockets(), EnvironmentSecrets(None)))
    yield Forge(monkeypatch)
    platform.use(None)
    tables.close()
    settings.get.cache_clear()


def test_sub_topics_are_asked_once_and_later_calls_see_what_is_written(forge: Forge) -> None:
    forge.teach(taxonomy=lambda _: '{"topics": ["berth fees", "tide tables"]}')

    forge.run(count=12)

    asked = forge.teacher.asked
    assert [q.kind for q in asked].count("taxonomy") == 1
    told = [q.messages[1].content for q in asked if q.kind == "instruction_v1"]
    assert all("Sub-topic: berth fees" in t or "Sub-topic: tide tables" in t for t in told)


def test_a_teacher_that_is_busy_for_a_moment_still_names_the_sub_topics(forge: Forge) -> None:
    turns = itertools.count()

    def busy_at_first(_: Question) -> str:
        if next(turns) < 2:
            raise TeacherBusy("later", retry_after=0.01, limited=True)
        return '{"topics": ["berth fees"]}'

    forge.teach(taxonomy=busy_at_first)

    run = forge.run(count=4)

    assert flow.read_json(run, "taxonomy.json") == {"": ["berth fees"]}
    assert [q.kind for q in forge.teacher.asked].count("taxonomy") == 3


def test_sub_topics_keep_to_the_rate_of_their_model(forge: Forge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_REQUESTS_PER_MINUTE", "1200")
    settings.get.cache_clear()
    asked: list[float] = []

    def timed(_: Question) -> str:
        asked.append(time.monotonic())
        return '{"topics": ["berth fees"]}'

    forge.teach(taxonomy=timed)

    forge.run(count=8, advanced={"categories": {f"kind {n}": {"percentage": 25} for n in range(4)}})

    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert len(asked) == 5
    assert sum(gaps) >= 4 * 0.05 * 0.9


def test_an_unreadable_reply_is_corrected_and_only_what_is_missing_is_asked_afresh(forge: Forge) -> None:
    replies = itertools.count()

    def stubborn(question: Question) -> str:
        records = json.loads(write(question))["records"]
        return ["no JSON", json.dumps({"records": records[:1]}), json.dumps({"records": records})][next(replies)]

    forge.teach(instruction_v1=stubborn)

    run = forge.run(count=4)

    asked = [q for q in forge.teacher.asked if q.kind == "instruction_v1"]
    assert run.delivered == 4
    assert [m.role for m in asked[1].messages] == ["system", "user", "assistant", "user"]
    assert "no JSON" in asked[1].messages[2].content
    assert len(asked[2].slots) == 3


def test_generator_and_critic_are_each_let_in_by_the_limits_of_their_own_model(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = ScriptedTeacher([write], name="other:model")
    monkeypatch.setitem(PROVIDERS, "other", lambda _: critic)
    monkeypatch.setenv("DATAFORGE_MODELS", json.dumps({"models": [
        {"id": backend, "backends": [f"{backend}:model"], "requests_per_minute": rate}
        for backend, rate in (("fake", 30_000), ("other", 60_000))
    ]}))
    settings.get.cache_clear()
    run, event = forge.start(schema="preference_v1", count=4)
    runs.change(run, {"config": {**run.config, "critic": "other:model", "teachers": {}}})

    forge.walk(event)

    assert runs.get(run.org_id, run.run_id).delivered == 4
    assert {q.kind for q in critic.asked} == {"critic"}
    for teacher in ("fake:model", "other:model"):
        line = platform.current().tables.get("admissions", {"scope": f"rate#{teacher}"})
        assert line is not None, teacher
        assert cast(float, line["given_until"]) > 0


# checklist 54, 72, 106
def test_preferences_are_scored_by_the_critic_and_thin_margins_rejected(forge: Forge) -> None:
    def undecided(question: Question) -> str:
        """The first record of a call has no margin, the others a clear one, whatever stands first."""
        shown = re.findall(r'<comparison n="(\d+)">.*?<a>\n(.*?)\n</a>', question.messages[1].content, re.DOTALL)
        return json.dumps({"comparisons": [
            {"n": int(n), "reasoning": "The stronger response is concrete.",
             **({"a": 6, "b": 5} if n == "1" else {"a": 9, "b": 4} if re.search(r"\d", a) else {"a": 4, "b": 9})}
            for n, a in shown
        ]})

    forge.teach(critic=undecided)

    run = forge.run(schema="preference_v1", count=8)

    assert run.reasons["rejected"]["low_margin"] >= 2
    for record in lines(run):
        assert record["chosen_score"] - record["rejected_score"] >= 2
        assert record["reasoning"]
    assert lines(run, "rejected.jsonl")[0]["reasons"] == ["low_margin"]


# checklist 54
def test_other_schemas_ask_no_critic(forge: Forge) -> None:
    forge.run(schema="eval_v1", count=4)

    assert {q.kind for q in forge.teacher.asked} == {"taxonomy", "eval_v1"}


def test_a_critic_that_says_nothing_useful_fails_the_record(forge: Forge) -> None:
    forge.teach(critic=lambda _: "hm")

    run = forge.run(schema="preference_v1", count=4)

    assert (run.status, run.delivered) == ("failed", 0)
    assert set(run.reasons["failed"]) == {"critic_unreadable_reply"}


# checklist 107, 108, 94
def test_the_judge_rejects_below_six_and_fills_fields(forge: Forge) -> None:
    def strict(question: Question) -> str:
        count = len(re.findall("<record n=", question.messages[1].content))
        return json.dumps({"verdicts": [
            {"n": n + 1, "relevance": 9.5, "accuracy": 9.0 if n else 2.0, "completeness": 8.5 if n else 5.0,
             "clarity": 7.5} for n in range(count)]})

    forge.teach(judge=strict)
    fields = {"advanced": {"metadata_fields": [{"name": "clarity", "type": "llm_assessed"}]}}

    run = forge.run(count=8, verified=True, **fields)
    unverified = forge.run(count=4, **fields)

    assert run.reasons["rejected"]["judge_rejected"] >= 2
    assert lines(run)[0]["provenance"]["quality"] == {
        "relevance": 9.5, "accuracy": 9.0, "completeness": 8.5, "overall": 9.0}
    assert {r["metadata"]["clarity"] for r in lines(run)} == {7.5}
    assert (run.report["phase"], run.report["mean_judge_score"]) == (2, 9.0)
    assert "quality" not in lines(unverified)[0]["provenance"]
    assert (unverified.report["phase"], unverified.report["mean_judge_score"]) == (1, None)
    assert unverified.delivered == 4


# checklist 95, 96, 97
def test_strict_invariants_reject_and_soft_ones_flag(forge: Forge) -> None:
    def first_breaks_both(question: Question) -> str:
        count = len(re.findall("<record n=", question.messages[1].content))
        broken = {1: [1, 2], 2: [2]}
        return json.dumps({"checks": [{"n": n, "violated": broken.get(n, [])} for n in range(1, count + 1)]})

    forge.teach(invariants=first_breaks_both)

    run = forge.run(count=4, advanced={"invariants": [
        {"rule": "Never name a price", "enforcement": "strict"},
        {"rule": "Always name the office", "enforcement": "soft"}]})

    assert run.reasons["rejected"] == {"invariant_violated": 2}  # the first of the call, and of its top-up
    flags = Counter(tuple(r["metadata"]["invariant_soft_flags"]) for r in lines(run))
    assert flags == {("Always name the office",): 1, (): 2}


# checklist 98
@pytest.mark.parametrize("broken", [lambda _: "what?", TeacherUnreachable("gone")])
def test_an_invariant_checker_that_fails_lets_records_pass(forge: Forge, broken: Any) -> None:
    forge.teach(invariants=broken)

    run = forge.run(count=4, advanced={"invariants": [{"rule": "Never name a price"}]})

    assert (run.status, run.delivered) == ("completed", 4)


# checklist 104, 105
def test_bad_form_and_repeats_over_batches_are_rejected_and_made_again(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
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

    forge.teach(instruction_v1=careless)

    run = forge.run(count=12)

    assert run.reasons["rejected"] == {"format_invalid": 3, "near_duplicate": 2}
    assert (run.asked, run.delivered) == (15, 10)
    assert sum(r["instruction"] == "When does the office open?" for r in lines(run)) == 1
    assert run.report["total_generated"] == 15
    assert run.report["rejection_breakdown"] == run.reasons["rejected"]


def test_a_top_up_fills_the_places_that_were_lost(forge: Forge) -> None:
    def shy(question: Question) -> str:
        made = json.loads(write(question))
        if question.slots[0].index < 20:
            made["records"][0]["output"] = ""
        return json.dumps(made)

    forge.teach(instruction_v1=shy)

    run = forge.run(count=20, advanced={
        "categories": {"a": {"percentage": 50}, "b": {"percentage": 30}, "c": {"percentage": 20}},
        "hard_negatives": {"enabled": True, "percentage": 20},
        "metadata_fields": [{"name": "category", "type": "from_category"}]})

    assert (run.requested, run.delivered) == (20, 20)
    assert Counter(r["metadata"]["category"] for r in lines(run)) == {"a": 10, "b": 6, "c": 4}
    assert Counter(r["metadata"]["hard_negative"] for r in lines(run)) == {True: 4, False: 16}


def test_a_teacher_that_refuses_fails_the_job_and_frees_the_reservation(forge: Forge) -> None:
    ledger.set_plan(forge.org_id, "payg")
    ledger.top_up(forge.org_id, 10**6)
    forge.teach(instruction_v1=TeacherRefused("bad key"))

    run = forge.run(count=8)

    account = ledger.account_of(forge.org_id)
    assert run.status == "failed"
    assert "bad key" in str(run.error)
    assert (account.balance, account.reserved) == (10**6, 0)


def test_a_batch_that_runs_again_pays_for_nothing_twice(forge: Forge) -> None:
    run, event = forge.start(count=12, verified=True, schema="preference_v1")
    planned = states.plan_run(event)
    [batch] = json.loads(platform.current().files.read(str(planned["batches_key"])))
    states.generate_batch(batch)
    asked = len(forge.teacher.asked)

    states.plan_run(event)
    states.generate_batch(batch)
    states.close_run(states.assess_run(states.assess_run(planned) | {"round": 0}))
    states.close_run(planned)

    assert len(forge.teacher.asked) == asked
    assert runs.get(forge.org_id, run.run_id).delivered == len(lines(run))


def test_a_dead_batch_leaves_what_it_paid_for(forge: Forge) -> None:
    run, event = forge.start(count=8)
    planned = states.plan_run(event)
    [batch] = json.loads(platform.current().files.read(str(planned["batches_key"])))
    states.generate_batch(batch)
    platform.current().files.delete_prefix(flow.key_of(run, "round-0/part-"))

    states.record_failure({**batch, "failure": {"Error": "Sandbox.Timedout", "Cause": "{}"}})
    closing = states.assess_run(planned)
    states.close_run(closing)

    assert runs.get(forge.org_id, run.run_id).delivered == 8


# checklist 112
def test_a_cancelled_job_keeps_and_bills_what_was_accepted(forge: Forge) -> None:
    run, event = forge.start(count=8, verified=True)
    planned = states.plan_run(event)
    [batch] = json.loads(platform.current().files.read(str(planned["batches_key"])))
    states.generate_batch(batch)
    jobs.cancel(jobs.get(forge.org_id, run.run_id))

    states.close_run(states.assess_run(planned))

    run = jobs.get(forge.org_id, run.run_id)
    assert (jobs.status_of(run), jobs.error_of(run)) == ("failed", "cancelled by user")
    assert run.delivered == len(lines(run)) > 0
    assert ledger.charged(forge.org_id, run.run_id) == run.delivered * 8000


# checklist 50, 51, 52
def test_the_older_view_has_the_fields_of_the_quick_page(forge: Forge) -> None:
    run = forge.run(count=4, system_prompt="Be kind.", constraints={"difficulty": "easy"})
    other = forge.run(schema="eval_v1", count=4)

    legacy = lines(run, jobs.results_key(run, "legacy").rpartition("/")[2])[0]
    canonical = lines(run, jobs.results_key(run, "canonical").rpartition("/")[2])[0]
    older = lines(other, jobs.results_key(other, "legacy").rpartition("/")[2])[0]

    assert set(legacy) == {"system_prompt", "instruction", "response", "metadata"}
    assert legacy["metadata"] == {"domain": "harbours", "difficulty": "easy"}
    assert legacy["system_prompt"] == "Be kind."
    assert set(canonical) == {"instruction", "input", "output", "metadata", "provenance"}
    assert set(older) == {"input", "ideal_output", "metrics"}


def test_max_cost_stops_before_the_money_does(forge: Forge) -> None:
    run = forge.run(count=50, max_cost_usd=0.0301)

    assert (run.requested, run.delivered) == (10, 10)
    with pytest.raises(Invalid, match="covers no record"):
        forge.start(max_cost_usd=0.0001)


# checklist 124, 125
def test_a_misspelt_domain_begins_nothing(forge: Forge) -> None:
    with pytest.raises(Misspelt) as refused:
        forge.start(domain="custmer suport")

    assert refused.value.corrected == "customer support"
    assert jobs.listed(forge.org_id, status=None, limit=10, cursor=None) == ([], None)


# checklist 49, 76, 130
@pytest.mark.parametrize("name", EVERY_BODY)
def test_every_body_of_the_documents_is_complete(forge: Forge, name: str) -> None:
    body = {**EVERY_BODY[name], "count": min(EVERY_BODY[name]["count"], 60)}

    run = forge.run(**{"model": None, **body})

    records = lines(run)
    assert run.status == "completed"
    assert len(records) == run.delivered >= 0.9 * body["count"]
    shape = {k: type(v) for k, v in records[0].items()}
    assert all({k: type(v) for k, v in r.items()} == shape for r in records)
    assert all(set(r["metadata"]) == set(records[0]["metadata"]) for r in records)
    assert {r["provenance"]["schema"] for r in records} == {body["schema"]}
