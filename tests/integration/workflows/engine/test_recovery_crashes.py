"""A recovery that is killed at any of its writes goes on when it starts again: nothing is asked or counted twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dataforge import clock, platform, settings
from dataforge.platform.ports import Execution, Item
from dataforge.store import documents, projects, runs
from dataforge.store.documents import Document
from dataforge.store.projects import Project
from dataforge.workflows import lifecycle, run_files, run_states
from dataforge.workflows.documents import parsing
from dataforge.workflows.engine import outcomes
from dataforge_infra import catalog
from tests.support.dead_machines import noticed_at_once
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


class Dead:
    """A workflows port on which every execution has failed, which notes what is asked of it; `when` is called before
    the recovery of a run is described."""

    def __init__(self, when: Callable[[], object] = lambda: None) -> None:
        self.calls: set[tuple[str, str]] = set()
        self._when = when

    def describe(self, machine: str, run_id: str) -> Execution | None:
        self.calls.add(("describe", machine))
        if run_id.endswith("-recovery"):
            self._when()
        return Execution(machine, run_id, "FAILED", error="States.Runtime")

    def start(self, machine: str, run_id: str, input: Item) -> None:
        self.calls.add(("start", machine))


# checklist 184
def test_what_was_counted_while_the_recovery_died_stays_counted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gives the run up has read its row before."""
    noticed_at_once(monkeypatch)
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    for item in batches(planned):
        run_states.generate_batch(item)
    use(Dead(lambda: run_states.assess_run(planned)))

    seen = lifecycle.reconcile(run)

    after = runs.get(run.org_id, run.run_id)
    assert seen == after
    assert (after.status, counts_of(after)) == ("failed", (6, 6, 0, 0))
    assert projects.get(project.org_id, project.project_id).active_run is None


# checklist 184
def test_a_run_that_its_recovery_closed_at_the_last_moment_stays_as_it_was_closed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    noticed_at_once(monkeypatch)
    teach(monkeypatch, good)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    use(Dead(lambda: run_states.close_run({**planned, "recovering": "closed by the recovery"})))

    seen = lifecycle.reconcile(run)

    assert (seen.status, seen.error, counts_of(seen)) == ("failed", "closed by the recovery", (6, 0, 0, 6))


# checklist 184
@pytest.mark.parametrize("function", ["close_run", "on_upload", "api"])
def test_who_begins_the_parse_that_waits_may_recover_the_run_that_holds_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """On AWS these functions have a role each: what they do here must be in the catalog."""
    noticed_at_once(monkeypatch)
    teach(monkeypatch, good)
    projects.change(project, {"config": {"auto_parse": True}})
    waiting = Document(project.project_id, "doc_1", "new.md", "text/markdown", 1, "k", clock.now(), verified=True)
    documents.add(project, waiting)
    begin(project, num_pairs=6)
    dead = Dead()
    dead.describe = lambda machine, run_id: (  # type: ignore[method-assign]
        None if run_id.endswith("-recovery") else Dead.describe(dead, machine, run_id)
    )
    use(dead)

    parsing.start_waiting(project.org_id, project.project_id)
    lifecycle.finish(next(runs.of_project(project.project_id)), "failed")
    begun = parsing.start_waiting(project.org_id, project.project_id)

    assert begun is not None
    assert dead.calls == {("describe", "generate"), ("start", "generate"), ("start", "parse")}
    assert {machine for _, machine in dead.calls} <= set(catalog.FUNCTIONS[function].starts)


def use(workflows: Dead) -> None:
    platform.use(replace(platform.current(), workflows=workflows))  # type: ignore[arg-type]


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
