"""What a run keeps, whatever stops it or runs it twice: replies on file, counts, the rest of a batch, the project."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from dataforge import platform, settings
from dataforge.errors import BatchUnfinished, Busy
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question
from dataforge.store import projects, replies, runs, task_tokens
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import lifecycle, run_files, run_states
from dataforge.workflows.generation import starting
from tests.support.document_runs import batches, begin, counts_of, good, teach, walk, wrong
from tests.support.embedded_platform import Started


def test_replies_are_on_file_before_they_are_read_and_never_asked_for_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, wrong, good, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for batch in batches(planned):
        run_states.generate_batch(batch)
    paid = len(teacher.asked)
    first = [platform.current().files.read(run_files.key_of(run, "round-0/part-0000.json"))]

    for batch in batches(planned):
        run_states.generate_batch(batch)

    assert len(teacher.asked) == paid
    assert platform.current().files.read(run_files.key_of(run, "round-0/part-0000.json")) == first[0]


def test_the_next_call_is_sent_when_the_reply_is_stored_so_a_kill_costs_what_is_in_flight(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, good)
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "2")
    settings.get.cache_clear()
    unsaved: list[int] = []
    saved, keep = [], replies.keep

    def slowly(reply: replies.Reply) -> None:
        time.sleep(0.02)
        unsaved.append(len(teacher.asked) - len(saved))
        keep(reply)
        saved.append(reply)

    monkeypatch.setattr(replies, "keep", slowly)
    _, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})

    for batch in batches(planned):
        run_states.generate_batch(batch)

    assert len(saved) == 6
    assert max(unsaved) <= 2


def test_a_corrected_reply_is_recorded_as_such_and_its_slots_pay_for_both(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Priced(ScriptedTeacher):
        async def ask(self, question: Question) -> Answer:
            answer = await super().ask(question)
            return replace(answer, model="dated-model", cost_usd=0.013)

    monkeypatch.setitem(PROVIDERS, "fake", lambda _: Priced([wrong, *[good] * 20]))

    run = walk(project, num_pairs=6, config={"pairs_per_chunk": 1})

    lines = platform.current().files.read(run_files.key_of(run, "records.jsonl")).splitlines()
    known = [json.loads(line)["lineage"] for line in lines]
    assert sorted(k["attempt"] for k in known) == [1, 1, 1, 1, 1, 2]
    assert {k["teacher"] for k in known} == {"dated-model"}
    assert len({k["prompt_hash"] for k in known}) == 6
    assert sorted(k["call"]["attempts"] for k in known) == [1, 1, 1, 1, 1, 2]
    assert sum(k["cost_usd"] for k in known) == pytest.approx(run.cost_usd) == pytest.approx(7 * 0.013)


def test_a_state_that_runs_twice_counts_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for batch in batches(planned):
        run_states.generate_batch(batch)

    for _ in range(2):
        assessed = run_states.assess_run(planned)
    for _ in range(2):
        run_states.close_run(assessed)

    after = projects.get(project.org_id, project.project_id)
    assert (after.pending, after.scored) == (6, 6)
    assert counts_of(runs.get(run.org_id, run.run_id)) == (6, 6, 0, 0)


def test_a_batch_that_runs_out_of_time_goes_on_in_the_next_invocation(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()
    teacher = ScriptedTeacher([good], delay=0.1)
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})

    with pytest.raises(BatchUnfinished, match="of 6 slots are done"):
        run_states.generate_batch(batches(planned)[0], seconds=0.45)
    asked = len(teacher.asked)
    run_states.generate_batch(batches(planned)[0])
    run_states.assess_run(planned)

    assert 0 < asked < 6
    assert len(teacher.asked) == 6
    assert runs.get(run.org_id, run.run_id).delivered == 6


# checklist 35
def test_cancel_keeps_what_was_made_and_asks_nothing_more(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "3")
    settings.get.cache_clear()
    teacher = teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    run_states.generate_batch(batches(planned)[0])
    asked = len(teacher.asked)

    lifecycle.cancel(run)
    assessed = run_states.assess_run(planned)
    run_states.close_run(assessed)

    done = runs.get(run.org_id, run.run_id)
    assert len(teacher.asked) == asked == 3
    assert (done.status, done.delivered, done.failed) == ("cancelled", 3, 3)
    assert done.reasons["failed"] == {"cancelled": 3}
    assert lifecycle.cancel(done).status == "cancelled"


# checklist 35
def test_a_cancel_that_is_set_answers_so_though_the_run_cannot_be_woken_or_has_ended(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=1)

    def away(_: str) -> bool:
        raise Busy("Step Functions is out of reach")

    monkeypatch.setattr(task_tokens, "wake", away)
    flagged = lifecycle.cancel(run)
    run_states.close_run(run_states.assess_run(planned))

    assert flagged.cancel_requested
    assert lifecycle.cancel(run).status == "cancelled"  # read before the first cancel, sent after the end


def test_a_batch_that_dies_fails_its_slots_with_its_cause(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    failure: Item = {"Error": "MemoryError", "Cause": json.dumps({"errorMessage": "out of memory"})}

    run_states.record_failure({**batches(planned)[0], "failure": failure})
    assessed = run_states.assess_run(planned)
    run_states.close_run({**assessed, "top_up": False})

    done = runs.get(run.org_id, run.run_id)
    assert counts_of(done)[1] == 0
    assert done.reasons["failed"] == {"batch_failed": done.failed}
    assert "out of memory" in str(done.error)


def test_a_plan_that_fails_closes_the_run_and_frees_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run = starting.start(project, {"model_id": "fake:model", "num_pairs": 3})
    started = platform.current().workflows
    assert isinstance(started, Started)

    run_states.close_run({**started.input, "failure": {"Error": "Boom", "Cause": "disk full"}})

    done = runs.get(run.org_id, run.run_id)
    assert (done.status, done.error) == ("failed", "Boom: disk full")
    assert projects.get(project.org_id, project.project_id).active_run is None
