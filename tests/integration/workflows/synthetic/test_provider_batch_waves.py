"""The states of a synthetic run at batch price, walked by hand: what is repeated, cut off or late."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import Any, cast

import pytest

from dataforge import platform, settings
from dataforge.errors import BatchUnfinished, TeacherUnreachable
from dataforge.store import run_status, runs
from dataforge.workflows import run_states
from dataforge.workflows.engine import retry
from dataforge.workflows.engine.provider_batch import collecting, job_state, polling, submitting
from dataforge.workflows.synthetic import jobs
from dataforge_infra import catalog
from tests.support.batch_servers import BatchServer, Refused
from tests.support.scripted_replies import kind_of, scripted_reply
from tests.support.synthetic_batches import PLAIN, WHOLE
from tests.support.synthetic_walks import Walk


def test_states_that_run_again_ask_nothing_twice(provider: BatchServer) -> None:
    run = Walk(twice=True, **WHOLE).go()

    assert (run.asked, run.delivered, run.rejected, run.failed) == (20, 20, 0, 0)
    assert [Counter(map(kind_of, lines)) for lines in provider.batched] == [
        {"preference": 4},
        {"critic": 4},
        {"judge": 4},
        {"invariants": 4},
    ]
    assert Counter(map(kind_of, provider.asked)) == dict.fromkeys(
        ("taxonomy", "preference", "critic", "judge", "invariants"), 1
    )
    assert provider.files == {}


def test_every_state_keeps_to_the_tables_that_its_function_may_use(
    provider: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deployed, a role has no other: not that of the organisations either, whose own models were read at the start."""
    used: dict[str, set[str]] = {}
    walk = Walk(**WHOLE)
    plain = platform.current().tables

    class Watched:
        def __getattr__(self, name: str) -> Any:
            def call(table: Any, *args: Any, **options: Any) -> Any:
                if isinstance(table, str):
                    used.setdefault(now[0], set()).add(table)
                return getattr(plain, name)(table, *args, **options)

            return call

    now = [""]
    for place, name in (
        (run_states, "plan_run"),
        (run_states, "generate_batch"),
        (submitting, "submit_jobs"),
        (polling, "check_jobs"),
        (collecting, "collect_replies"),
        (run_states, "assess_run"),
        (run_states, "close_run"),
    ):
        monkeypatch.setattr(place, name, _named(getattr(place, name), name, now))
    platform.use(dataclasses.replace(platform.current(), tables=cast(Any, Watched())))

    run = walk.go()

    allowed = {name: {*catalog.FUNCTIONS[name].writes, *catalog.FUNCTIONS[name].reads} for name in used if name}
    assert run.delivered == 20
    assert len(allowed) == 7
    assert {name: used[name] - tables for name, tables in allowed.items()} == {name: set() for name in allowed}


def _named(state: Any, name: str, now: list[str]) -> Any:
    def run(*args: Any, **options: Any) -> Any:
        now[0] = name
        try:
            return state(*args, **options)
        finally:
            now[0] = ""

    return run


def test_questions_of_several_teachers_go_out_together_each_in_a_job_of_its_model(provider: BatchServer) -> None:
    """A reply that cannot be read waits for its correction while the critic reads the others."""

    def moody(body: dict[str, Any]) -> str:
        plain = kind_of(body) == "preference" and len(body["messages"]) == 2
        return (
            "I would rather not." if plain and len(provider.asked) > 4 and body is lines()[1] else scripted_reply(body)
        )

    def lines() -> list[dict[str, Any]]:
        return provider.batched[0] if provider.batched else [{}, {}]

    provider.plot.reply = moody

    run = Walk(**WHOLE).go()

    assert (run.asked, run.delivered) == (20, 20)
    second = [Counter(map(kind_of, lines)) for lines in provider.batched[1:3]]
    assert second == [{"preference": 1}, {"critic": 3}]
    assert [{b["model"] for b in lines} for lines in provider.batched[1:3]] == [{"writer"}, {"critic"}]


def test_a_run_that_is_late_begins_no_further_job(provider: BatchServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "LATEST", -1)

    run = Walk(**PLAIN).go()

    assert (run.status, run.delivered) == ("completed", 20)
    assert provider.batches == {}


def test_a_replay_that_runs_out_of_time_with_a_critic_in_real_time_goes_on_later(
    provider: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    walk = Walk(**WHOLE)
    run_status.change(walk.run, {"config": {**walk.run.config, "by_job": ["judge"]}})
    planned = walk.generate(run_states.plan_run(walk.event))
    collected = walk.wave(planned)
    items = json.loads(platform.current().files.read(str(collected["batches_key"])))
    asked = len(provider.asked)

    for item in items:
        with pytest.raises(BatchUnfinished):
            run_states.generate_batch(item, seconds=0)
    none_asked = len(provider.asked) == asked
    done = [run_states.generate_batch(item, seconds=600) for item in items]

    assert none_asked
    assert [d["waiting"] for d in done] == [1, 2, 1]
    assert Counter(map(kind_of, provider.asked[asked:])) == {"critic": 4}


def test_cancel_between_two_passes_keeps_what_is_whole_and_asks_nothing(provider: BatchServer) -> None:
    walk = Walk(**WHOLE)
    planned = walk.generate(run_states.plan_run(walk.event))
    collected = walk.wave(planned)
    jobs.cancel(jobs.get(walk.run.org_id, walk.run.run_id))
    asked = len(provider.asked)

    over = walk.wave(walk.generate(collected))
    run_states.close_run(run_states.assess_run(planned))

    run = runs.get(walk.run.org_id, walk.run.run_id)
    assert (over["next"], len(provider.asked), len(provider.batches)) == ("assess", asked, 1)
    assert (run.status, run.delivered, run.failed) == ("cancelled", 4, 16)
    assert run.reasons["failed"] == {"critic_cancelled": 16}


def test_a_dead_batch_leaves_what_its_jobs_brought(provider: BatchServer) -> None:
    walk = Walk(**PLAIN)
    planned = walk.generate(run_states.plan_run(walk.event))
    collected = walk.wave(planned)
    first, *others = json.loads(platform.current().files.read(str(collected["batches_key"])))

    made = run_states.record_failure({**first, "failure": {"Error": "Sandbox.Timedout", "Cause": "{}"}})
    for item in others:
        run_states.generate_batch(item)
    over = walk.wave(collected)
    run_states.close_run(run_states.assess_run(planned))

    assert (made["made"], over["next"]) == (8, "assess")
    assert runs.get(walk.run.org_id, walk.run.run_id).delivered == 20


def test_a_run_that_fails_cancels_the_jobs_of_every_teacher(provider: BatchServer) -> None:
    provider.plot.job_status = lambda _: "hold"
    walk = Walk(**PLAIN)
    submitted = submitting.submit_jobs(walk.generate(run_states.plan_run(walk.event)))

    run_states.close_run({**submitted, "failure": {"Error": "States.Timeout", "Cause": "{}"}})

    assert [b.resource["status"] for b in provider.batches.values()] == ["cancelling"]
    assert runs.get(walk.run.org_id, walk.run.run_id).status == "failed"


def test_a_critic_that_is_away_does_not_hold_up_the_first_job(
    provider: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "LONGEST_WAIT", 0.01)
    away = [True]

    def busy(body: dict[str, Any]) -> str:
        if kind_of(body) == "critic" and away[0]:
            raise Refused(503, "try later")
        return scripted_reply(body)

    provider.plot.reply = busy
    walk = Walk(**WHOLE)
    planned = walk.generate(run_states.plan_run(walk.event))

    collected = walk.wave(planned)
    with pytest.raises(TeacherUnreachable):
        walk.wave(walk.generate(collected))
    away[0] = False
    e = walk.wave(collected)
    while e["next"] == "generate":
        e = walk.wave(walk.generate(e))
    closing = run_states.assess_run(planned)

    run = runs.get(walk.run.org_id, walk.run.run_id)
    assert closing["top_up"] is False
    assert (run.delivered, run.failed) == (20, 0)


def refusal() -> Refused:
    return Refused(400, "Invalid prompt: it violates the usage policies", "invalid_prompt")


# checklist 184
def test_a_prompt_that_the_preflight_finds_refused_is_in_no_job_and_fails_alone(provider: BatchServer) -> None:
    written: list[dict[str, Any]] = []

    def first_is_refused(body: dict[str, Any]) -> str:
        if kind_of(body) == "instruction":
            written.append(body)
            if body["messages"] == written[0]["messages"]:
                raise refusal()
        return scripted_reply(body)

    provider.plot.reply = first_is_refused

    run = Walk(**PLAIN).go()

    assert run.reasons["failed"] == {"prompt_refused": 4}
    assert (run.status, run.delivered) == ("completed", 20), "top-ups fill what it left"
    assert len(provider.batched[0]) == 3
    assert written[0]["messages"] not in [line["messages"] for lines in provider.batched for line in lines]


# checklist 184
def test_a_provider_that_refuses_every_prompt_gets_no_job(
    provider: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "10")
    settings.get.cache_clear()

    def refuse(body: dict[str, Any]) -> str:
        raise refusal()

    provider.plot.reply = refuse

    run = Walk(**PLAIN).go()

    assert (run.status, run.delivered, run.failed) == ("failed", 0, 20)
    assert provider.batches == {}
    assert len({str(body["messages"]) for body in provider.asked}) <= 1 + retry.MAX_REFUSED_PROMPTS
    assert "violates the usage policies" in str(run.error)


def test_a_run_that_waits_while_the_service_is_upgraded_goes_on() -> None:
    turn = job_state.poll_state({"turn": {"wave": 2, "vain": 1, "most": 500, "seconds": 60, "stopping": 0, "done": 7}})

    assert (turn.empty_waves, turn.max_requests, turn.done) == ({"": 1}, {"": 500}, 7)
    assert job_state.poll_state({"turn": {"wave": 0, "vain": {}, "most": {"critic": 3}}}).max_requests == {"critic": 3}
