"""A recovery that is killed at any of its writes goes on when it starts again: nothing is asked or counted twice."""

from __future__ import annotations

import pytest

from dataforge import platform, settings
from dataforge.platform.ports import Item
from dataforge.store import projects, runs
from dataforge.store.projects import Project
from dataforge.workflows import run_files, run_states
from dataforge.workflows.engine import outcomes
from tests.support.document_runs import batches, begin, counts_of, good, teach
from tests.support.embedded_platform import Started
from tests.support.synthetic_runs import SyntheticHarness, lines
from tests.support.table_watchers import killed_until_done


@pytest.fixture(autouse=True)
def three_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "2")
    settings.get.cache_clear()


def die_on_the_way(run: runs.Run, planned: Item) -> None:
    """The first batch is written, the second has its replies only, the third was never begun."""
    for item in batches(planned)[:2]:
        run_states.generate_batch(item)
    platform.current().files.delete(run_files.key_of(run, outcomes.part_file(0, 1)))


def begun() -> Item:
    """The input of the run's first execution."""
    started = platform.current().workflows
    assert isinstance(started, Started)
    return started.input


def recover(event: Item) -> None:
    planned = run_states.plan_run({**event, "recovering": "The state machine ended as ABORTED"})
    if planned["batches"]:
        for item in batches(planned):
            run_states.generate_batch(item)
        run_states.assess_run(planned)
    run_states.close_run(planned)


# checklist 184
def test_of_a_document_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    teacher = teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    die_on_the_way(run, planned)
    asked = len(teacher.asked)
    event = begun()

    kills = killed_until_done(lambda: recover(event))

    run = runs.get(run.org_id, run.run_id)
    after = projects.get(project.org_id, project.project_id)
    assert kills > 10
    assert len(teacher.asked) == asked == 4
    assert (run.status, counts_of(run)) == ("failed", (6, 4, 0, 2))
    assert run.reasons["failed"] == {"run_failed": 2}
    assert (after.pending, after.scored, after.active_run) == (4, 4, None)
    assert run.teacher_calls == 4


# checklist 184
def test_of_a_synthetic_run(harness: SyntheticHarness) -> None:
    run, event = harness.start(count=24)
    die_on_the_way(run, run_states.plan_run(event))
    asked = len(harness.teacher.asked)

    kills = killed_until_done(lambda: recover(event))

    run = runs.get(run.org_id, run.run_id)
    assert kills > 10
    assert len(harness.teacher.asked) == asked
    assert (run.status, counts_of(run)) == ("failed", (24, 16, 0, 8))
    assert len(lines(run)) == 16
    assert run.teacher_calls == asked
