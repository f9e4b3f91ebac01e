"""A defect of ours in one call: its slots fail for `internal_error`, and the rest of the batch is delivered."""

from __future__ import annotations

import pytest

from dataforge import settings
from dataforge.recipes import Recipe
from dataforge.records import Answer, Draft, Question
from dataforge.store import runs
from dataforge.store.projects import Project
from dataforge.workflows import run_states
from dataforge.workflows.engine.context import MAX_DEFECTS
from tests.support.document_runs import batches, begin, counts_of, good, teach


@pytest.fixture(autouse=True)
def _one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    settings.get.cache_clear()


def test_a_defect_in_one_call_fails_its_slots_only_and_is_logged(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The teacher's client stumbles over one answer, the reader over another: the rest of the batch is delivered."""
    teacher = teach(monkeypatch, good, TypeError("unhashable type: 'list'"), good)
    run, planned = begin(project, num_pairs=3, config={"pairs_per_chunk": 1})

    for batch in batches(planned):
        run_states.generate_batch(batch)
    run_states.close_run({**run_states.assess_run(planned), "top_up": False})

    done = runs.get(run.org_id, run.run_id)
    assert counts_of(done) == (3, 2, 0, 1)
    assert done.reasons["failed"] == {"internal_error": 1}
    assert len(teacher.asked) == 3
    assert "met a defect" in caplog.text


def test_a_reader_that_fails_on_a_reply_keeps_what_other_calls_made(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=3, config={"pairs_per_chunk": 1})
    read, calls = Recipe.read, iter(range(9))

    def stumbling(self: Recipe, answer: Answer, question: Question) -> list[Draft]:
        if next(calls) == 1:
            raise RecursionError("maximum recursion depth exceeded")
        return read(self, answer, question)

    monkeypatch.setattr(Recipe, "read", stumbling)
    for batch in batches(planned):
        run_states.generate_batch(batch)
    run_states.close_run({**run_states.assess_run(planned), "top_up": False})

    done = runs.get(run.org_id, run.run_id)
    assert (counts_of(done), done.reasons["failed"]) == ((3, 2, 0, 1), {"internal_error": 1})


def test_a_defect_that_meets_every_call_ends_the_batch_before_all_is_paid_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, *[KeyError("choices")] * 40)
    run, planned = begin(project, num_pairs=MAX_DEFECTS + 6, config={"pairs_per_chunk": 1})

    for batch in batches(planned):
        run_states.generate_batch(batch)
    run_states.close_run({**run_states.assess_run(planned), "top_up": False})

    done = runs.get(run.org_id, run.run_id)
    assert done.reasons["failed"] == {"internal_error": done.failed}
    assert len(teacher.asked) <= MAX_DEFECTS + 2
