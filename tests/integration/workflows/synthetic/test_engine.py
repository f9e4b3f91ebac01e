"""A synthetic run step by step with scripted teachers: sub-topics, corrections, critic, judge, invariants."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections import Counter
from typing import Any, cast

import pytest

from dataforge import platform, settings
from dataforge.errors import TeacherBusy, TeacherUnreachable
from dataforge.records import Question
from dataforge.store import run_status, runs
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import run_files
from tests.support.synthetic_runs import SyntheticHarness, lines, write


def test_sub_topics_are_asked_once_and_later_calls_see_what_is_written(harness: SyntheticHarness) -> None:
    harness.teach(taxonomy=lambda _: '{"topics": ["berth fees", "tide tables"]}')

    harness.run(count=12)

    asked = harness.teacher.asked
    assert [q.kind for q in asked].count("taxonomy") == 1
    answer = [q.messages[1].content for q in asked if q.kind == "instruction_v1"]
    assert all("Sub-topic: berth fees" in t or "Sub-topic: tide tables" in t for t in answer)


def test_a_teacher_that_is_busy_for_a_moment_still_names_the_sub_topics(harness: SyntheticHarness) -> None:
    turns = itertools.count()

    def busy_at_first(_: Question) -> str:
        if next(turns) < 2:
            raise TeacherBusy("later", retry_after=0.01, limited=True)
        return '{"topics": ["berth fees"]}'

    harness.teach(taxonomy=busy_at_first)

    run = harness.run(count=4)

    assert run_files.read_json(run, "taxonomy.json") == {"": ["berth fees"]}
    assert [q.kind for q in harness.teacher.asked].count("taxonomy") == 3


def test_sub_topics_keep_to_the_rate_of_their_model(harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_REQUESTS_PER_MINUTE", "1200")
    settings.get.cache_clear()
    asked: list[float] = []

    def timed(_: Question) -> str:
        asked.append(time.monotonic())
        return '{"topics": ["berth fees"]}'

    harness.teach(taxonomy=timed)

    harness.run(count=8, advanced={"categories": {f"kind {n}": {"percentage": 25} for n in range(4)}})

    gaps = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert len(asked) == 5
    assert sum(gaps) >= 4 * 0.05 * 0.9


def test_an_unreadable_reply_is_corrected_and_only_what_is_missing_is_asked_afresh(harness: SyntheticHarness) -> None:
    replies = itertools.count()

    def stubborn(question: Question) -> str:
        records = json.loads(write(question))["records"]
        return ["no JSON", json.dumps({"records": records[:1]}), json.dumps({"records": records})][next(replies)]

    harness.teach(instruction_v1=stubborn)

    run = harness.run(count=4)

    asked = [q for q in harness.teacher.asked if q.kind == "instruction_v1"]
    assert run.delivered == 4
    assert [m.role for m in asked[1].messages] == ["system", "user", "assistant", "user"]
    assert "no JSON" in asked[1].messages[2].content
    assert len(asked[2].slots) == 3


def test_generator_and_critic_are_each_let_in_by_the_limits_of_their_own_model(
    harness: SyntheticHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = ScriptedTeacher([write], name="other:model")
    monkeypatch.setitem(PROVIDERS, "other", lambda _: critic)
    monkeypatch.setenv(
        "DATAFORGE_MODELS",
        json.dumps(
            {
                "models": [
                    {"id": backend, "backends": [f"{backend}:model"], "requests_per_minute": rate}
                    for backend, rate in (("fake", 30_000), ("other", 60_000))
                ]
            }
        ),
    )
    settings.get.cache_clear()
    run, event = harness.start(schema="preference_v1", count=4)
    run_status.change(run, {"config": {**run.config, "critic": "other:model", "teachers": {}}})

    harness.walk(event)

    assert runs.get(run.org_id, run.run_id).delivered == 4
    assert {q.kind for q in critic.asked} == {"critic"}
    for teacher in ("fake:model", "other:model"):
        line = platform.current().tables.get("admissions", {"scope": f"rate#{teacher}"})
        assert line is not None, teacher
        assert cast(float, line["given_until"]) > 0


# checklist 54, 72, 106
def test_preferences_are_scored_by_the_critic_and_thin_margins_rejected(harness: SyntheticHarness) -> None:
    def undecided(question: Question) -> str:
        """The first record of a call has no margin, the others a clear one, whatever stands first."""
        shown = re.findall(r'<comparison n="(\d+)">.*?<a>\n(.*?)\n</a>', question.messages[1].content, re.DOTALL)
        return json.dumps(
            {
                "comparisons": [
                    {
                        "n": int(n),
                        "reasoning": "The stronger response is concrete.",
                        **(
                            {"a": 6, "b": 5}
                            if n == "1"
                            else {"a": 9, "b": 4}
                            if re.search(r"\d", a)
                            else {"a": 4, "b": 9}
                        ),
                    }
                    for n, a in shown
                ]
            }
        )

    harness.teach(critic=undecided)

    run = harness.run(schema="preference_v1", count=8)

    assert run.reasons["rejected"]["low_margin"] >= 2
    for record in lines(run):
        assert record["chosen_score"] - record["rejected_score"] >= 2
        assert record["reasoning"]
    assert lines(run, "rejected.jsonl")[0]["reasons"] == ["low_margin"]


# checklist 54
def test_other_schemas_ask_no_critic(harness: SyntheticHarness) -> None:
    harness.run(schema="eval_v1", count=4)

    assert {q.kind for q in harness.teacher.asked} == {"taxonomy", "eval_v1"}


def test_a_critic_that_says_nothing_useful_fails_the_record(harness: SyntheticHarness) -> None:
    harness.teach(critic=lambda _: "hm")

    run = harness.run(schema="preference_v1", count=4)

    assert (run.status, run.delivered) == ("failed", 0)
    assert set(run.reasons["failed"]) == {"critic_unreadable_reply"}


# checklist 107, 108, 94
def test_the_judge_rejects_below_six_and_fills_fields(harness: SyntheticHarness) -> None:
    def strict(question: Question) -> str:
        count = len(re.findall("<record n=", question.messages[1].content))
        return json.dumps(
            {
                "verdicts": [
                    {
                        "n": n + 1,
                        "relevance": 9.5,
                        "accuracy": 9.0 if n else 2.0,
                        "completeness": 8.5 if n else 5.0,
                        "clarity": 7.5,
                    }
                    for n in range(count)
                ]
            }
        )

    harness.teach(judge=strict)
    fields = {"advanced": {"metadata_fields": [{"name": "clarity", "type": "llm_assessed"}]}}

    run = harness.run(count=8, verified=True, **fields)
    unverified = harness.run(count=4, **fields)

    assert run.reasons["rejected"]["judge_rejected"] >= 2
    assert lines(run)[0]["provenance"]["quality"] == {
        "relevance": 9.5,
        "accuracy": 9.0,
        "completeness": 8.5,
        "overall": 9.0,
    }
    assert {r["metadata"]["clarity"] for r in lines(run)} == {7.5}
    assert (run.report["phase"], run.report["mean_judge_score"]) == (2, 9.0)
    assert "quality" not in lines(unverified)[0]["provenance"]
    assert (unverified.report["phase"], unverified.report["mean_judge_score"]) == (1, None)
    assert unverified.delivered == 4


# checklist 95, 96, 97
def test_strict_invariants_reject_and_soft_ones_flag(harness: SyntheticHarness) -> None:
    def first_breaks_both(question: Question) -> str:
        count = len(re.findall("<record n=", question.messages[1].content))
        broken = {1: [1, 2], 2: [2]}
        return json.dumps({"checks": [{"n": n, "violated": broken.get(n, [])} for n in range(1, count + 1)]})

    harness.teach(invariants=first_breaks_both)

    run = harness.run(
        count=4,
        advanced={
            "invariants": [
                {"rule": "Never name a price", "enforcement": "strict"},
                {"rule": "Always name the office", "enforcement": "soft"},
            ]
        },
    )

    assert run.reasons["rejected"] == {"invariant_violated": 2}  # the first of the call, and of its top-up
    flags = Counter(tuple(r["metadata"]["invariant_soft_flags"]) for r in lines(run))
    assert flags == {("Always name the office",): 1, (): 2}


# checklist 98
@pytest.mark.parametrize("broken", [lambda _: "what?", TeacherUnreachable("gone")])
def test_an_invariant_checker_that_fails_lets_records_pass(harness: SyntheticHarness, broken: Any) -> None:
    harness.teach(invariants=broken)

    run = harness.run(count=4, advanced={"invariants": [{"rule": "Never name a price"}]})

    assert (run.status, run.delivered) == ("completed", 4)
