"""What a run says of its progress while it is walked through: it never falls, and ends at 100."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dataforge import settings
from dataforge.records import Question
from dataforge.store import replies, runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import run_states
from dataforge.workflows.engine import batch as engine_batch
from dataforge_functions.api.wire import views
from tests.support.document_runs import batches, begin, good, passage, wrong

PAUSE = 0.002


@contextmanager
def sampled(run: runs.Run) -> Iterator[list[int]]:
    """The run's progress as a client sees it, all the time and once more at the end."""
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        seen.append(views.generation(runs.get(run.org_id, run.run_id)).progress)

    def watch() -> None:
        while not over.wait(PAUSE):
            look()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join(30)
        look()


@pytest.fixture
def in_small_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engine_batch, "HEARTBEAT", PAUSE)
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "1")
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "4")
    settings.get.cache_clear()
    yield
    monkeypatch.undo()
    settings.get.cache_clear()


# checklist 33
@pytest.mark.usefixtures("in_small_steps")
def test_progress_never_falls_over_a_batch_that_is_restarted_and_a_round_of_topping_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, kept = replies.keep, list[replies.Reply]()

    def keep_three_then_fail_once(reply: replies.Reply) -> None:
        kept.append(reply)
        if len(kept) == 4:
            raise sqlite3.DatabaseError("a defect that ends the batch")
        keep(reply)

    monkeypatch.setattr(replies, "keep", keep_three_then_fail_once)
    rounds, failures = 1, 0

    def one_slot_fails_at_first(question: Question) -> str:
        return wrong(question) if rounds == 1 and passage(0) in question.passage.content else good(question)

    teacher = ScriptedTeacher([one_slot_fails_at_first], delay=0.02)
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})

    with sampled(run) as seen:
        while True:
            for batch in batches(planned):
                try:
                    run_states.generate_batch(batch)
                except ExceptionGroup:
                    failures += 1
                    run_states.generate_batch(batch)
            assessed = run_states.assess_run(planned)
            if not assessed["top_up"]:
                break
            planned, rounds = run_states.plan_run(assessed), rounds + 1
        run_states.close_run(assessed)

    assert (failures, rounds) == (1, 2), "a batch began again, and a round came after the first"
    assert seen == sorted(seen)
    assert seen[-1] == 100
    assert len(set(seen)) >= 5, "it was looked at on the way"
    assert max(seen[:-1]) >= 90
