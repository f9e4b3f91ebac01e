"""A run at batch price whose machine died: what its jobs answered is collected, whatever happens to the recovery."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge import platform
from dataforge.errors import TeacherUnreachable
from dataforge.platform.ports import Item
from dataforge.store import ledger, run_log, runs
from dataforge.teachers import JOBS, BatchJobs
from dataforge.workflows import kinds, lifecycle, run_states
from dataforge.workflows.engine.provider_batch import collecting, polling, submitting
from tests.support.batch_servers import BatchServer
from tests.support.synthetic_batches import PLAIN, WHOLE
from tests.support.synthetic_walks import Walk
from tests.support.table_watchers import killed_until_done


@pytest.fixture(autouse=True)
def over_at_the_first_look(provider: BatchServer) -> None:
    provider.steps = ("validating",)


def submitted(walk: Walk) -> Item:
    """Up to the first wave of jobs; then the machine dies."""
    return submitting.submit_jobs(walk.generate(run_states.plan_run(walk.event)))


def logged(walk: Walk) -> str:
    return "\n".join(str(line["message"]) for line in run_log.tail(walk.run.run_id, 200))


# checklist 184
@pytest.mark.parametrize(("job_status", "delivered"), [("completed", 20), ("hold", 12)])
@pytest.mark.parametrize("request_", [PLAIN, WHOLE], ids=["writer only", "four questions in turn"])
def test_a_recovery_that_is_killed_at_any_write_goes_on_and_counts_everything_once(
    provider: BatchServer, job_status: str, delivered: int, request_: dict[str, Any]
) -> None:
    provider.plot.job_status = lambda _: job_status
    walk = Walk(**request_)
    submitted(walk)
    asked, lines = len(provider.asked), len(provider.batched[0])

    kills = killed_until_done(walk.recover)

    run = runs.get(walk.run.org_id, walk.run.run_id)
    assert kills > 10
    assert (len(provider.asked), len(provider.batches)) == (asked, 1), "nothing is asked or sent"
    assert (run.status, run.asked) == ("failed", 20)
    assert run.asked == run.delivered + run.rejected + run.failed
    assert run.delivered == (delivered if request_ is PLAIN else 4)
    answered = lines if job_status == "completed" else lines // 2
    assert run.teacher_calls == asked + answered, "every reply is paid for once"
    assert provider.files == {}
    entries, _ = ledger.entries(walk.run.org_id, limit=100)
    assert [e.kind for e in entries].count("settle") == 1


# checklist 184
def test_replies_of_a_round_whose_states_fail_for_good_are_assessed_and_delivered(provider: BatchServer) -> None:
    """As the machine goes on after a Catch: the same execution, once more from PlanRun."""
    walk = Walk(**PLAIN)
    failure = {"Error": "TeacherUnreachable", "Cause": '{"errorMessage": "the key was revoked"}'}
    caught = {**submitted(walk), "failure": failure, "recovering": "A state of the run failed"}
    asked = len(provider.asked)

    run = walk.recover(caught)

    assert (run.status, run.delivered, run.failed) == ("failed", 20, 0)
    assert (len(provider.asked), len(provider.batches)) == (asked, 1), "nothing is asked or sent"
    assert run.error == "A state of the run ended with TeacherUnreachable: the key was revoked"
    assert "What was paid for is saved" in logged(walk)


# checklist 184
@pytest.mark.parametrize("was_made", [True, False])
def test_a_job_whose_creation_got_no_answer_is_found_by_the_recovery(provider: BatchServer, was_made: bool) -> None:
    provider.crash_after_create = 1
    walk = Walk(**PLAIN)
    with pytest.raises(TeacherUnreachable):
        submitted(walk)
    if not was_made:
        provider.batches.clear()

    run = walk.recover()

    assert (run.delivered, run.failed) == ((20, 0) if was_made else (4, 16))
    assert len(provider.batches) == int(was_made)


def test_a_provider_that_is_away_for_a_while_is_waited_for(provider: BatchServer) -> None:
    walk = Walk(**PLAIN)
    submitted(walk)
    provider.away = 3

    run = walk.recover()

    assert (run.delivered, run.failed) == (20, 0)


# checklist 184
def test_replies_that_cannot_be_fetched_do_not_cost_the_others(
    provider: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "RECOVERY_PATIENCE", 30)
    walk = Walk(**PLAIN)
    submitted(walk)
    provider.away = 10_000

    run = walk.recover()

    assert (run.status, run.delivered, run.failed) == ("failed", 4, 16)
    assert run.reasons["failed"] == {"run_failed": 16}
    assert "its replies are lost" in logged(walk)
    assert [b.resource["status"] for b in provider.batches.values()] == ["cancelling"], "closing tries once more"


def test_a_job_that_does_not_stop_is_given_up_after_a_while(
    provider: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "RECOVERY_PATIENCE", 30)
    monkeypatch.setattr(provider, "_step", lambda batch: batch.resource)
    walk = Walk(**PLAIN)
    submitted(walk)

    run = walk.recover()

    assert (run.status, run.delivered, run.failed) == ("failed", 4, 16)
    assert "does not end: its replies are lost" in logged(walk)


def test_a_run_that_died_between_two_waves_asks_nothing_more(provider: BatchServer) -> None:
    walk = Walk(**WHOLE)
    walk.generate(collecting.collect_replies(_over(submitted(walk))))
    asked = len(provider.asked)

    run = walk.recover()

    assert (len(provider.asked), len(provider.batches)) == (asked, 1)
    assert (run.delivered, run.failed) == (4, 16)
    assert run.reasons["failed"] == {"critic_run_failed": 16}


def _over(e: Item) -> Item:
    while e["next"] == "wait":
        e = polling.check_jobs(e)
    return e


# checklist 184
def test_when_the_recovery_dies_too_no_job_goes_on_unseen(provider: BatchServer) -> None:
    provider.plot.job_status = lambda _: "hold"
    walk = Walk(**PLAIN)
    submitted(walk)

    run = runs.get(walk.run.org_id, walk.run.run_id)
    run = kinds.of(run.kind).step("give_up")(run, "its recovery died too")

    assert (run.status, run.failed) == ("failed", 20)
    assert [b.resource["status"] for b in provider.batches.values()] == ["cancelling"]


# checklist 184
def test_a_run_ends_also_where_nobody_may_read_the_key_of_its_provider(
    provider: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.plot.job_status = lambda _: "hold"
    walk = Walk(**PLAIN)
    submitted(walk)

    def denied(*_: object) -> BatchJobs:
        raise PermissionError("not allowed to read the secret")

    monkeypatch.setitem(JOBS, "openai", denied)
    run = runs.get(walk.run.org_id, walk.run.run_id)
    run = kinds.of(run.kind).step("give_up")(run, "its recovery died too")

    assert (run.status, run.failed) == ("failed", 20)


# checklist 184
def test_a_recovery_of_a_run_that_was_closed_meanwhile_writes_nothing(provider: BatchServer) -> None:
    walk = Walk(**PLAIN)
    submitted(walk)
    lifecycle.finish(runs.get(walk.run.org_id, walk.run.run_id), "cancelled")
    run, files = runs.get(walk.run.org_id, walk.run.run_id), _files(walk)

    planned = run_states.plan_run({**walk.event, "recovering": "The state machine ended as ABORTED"})
    run_states.close_run(planned)

    assert (planned["batches"], planned.get("next")) == (0, None)
    assert runs.get(run.org_id, run.run_id) == run
    assert _files(walk) == files


def _files(walk: Walk) -> list[tuple[str, int]]:
    return [(f.key, f.size) for f in platform.current().files.list(f"{walk.run.files_prefix}/")]
