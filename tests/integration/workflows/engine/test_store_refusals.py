"""A store that takes no writes: nothing more is paid for, the run says why it stands still, and goes on by itself."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataforge import platform, settings
from dataforge.errors import Busy, StoreRefuses
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.store import replies, run_log, runs
from dataforge.store.projects import Project
from dataforge.teachers import PROVIDERS
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import pausing, run_states
from dataforge.workflows.engine import store_gate
from dataforge_functions.api.wire import views
from dataforge_infra import catalog
from tests.support.document_runs import batches, begin, counts_of, good, teach
from tests.support.waiting import until


class FullDisk:
    """What stores replies, until `room` is set; then it stores them again."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, after: int, refused: Busy) -> None:
        self.room, self.tried, self.stored = threading.Event(), 0, 0
        self._keep, self._probe, self._after, self._refused = replies.keep, replies.probe, after, refused
        monkeypatch.setattr(replies, "keep", self.keep)
        monkeypatch.setattr(replies, "probe", self.probe)

    def keep(self, reply: replies.Reply) -> None:
        self._check()
        self._keep(reply)
        self.stored += 1

    def probe(self, run_id: str) -> None:
        self._check()
        self._probe(run_id)

    def _check(self) -> None:
        if self.stored >= self._after and not self.room.is_set():
            self.tried += 1
            raise self._refused


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(store_gate, "PAUSE", 0.02)
    monkeypatch.setattr(store_gate, "CHECK_EVERY", 0.01)
    monkeypatch.setenv("DATAFORGE_CONCURRENCY", "2")
    settings.get.cache_clear()
    yield
    settings.get.cache_clear()


# checklist 185
@pytest.mark.parametrize("refused", [StoreRefuses("the disk is full"), Busy("overloaded")])
def test_nothing_is_sent_until_what_was_paid_for_is_stored(
    project: Project, monkeypatch: pytest.MonkeyPatch, refused: Busy
) -> None:
    teacher = teach(monkeypatch, good)
    disk = FullDisk(monkeypatch, after=2, refused=refused)
    run, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    working = threading.Thread(target=lambda: [run_states.generate_batch(b) for b in batches(planned)])
    working.start()
    until(lambda: disk.tried >= 6, "it is not tried again")

    paused = runs.get(run.org_id, run.run_id)
    asked = len(teacher.asked)
    until(lambda: disk.tried >= 9, "it is not tried again")
    later = len(teacher.asked)
    disk.room.set()
    working.join(30)
    run_states.close_run(run_states.assess_run(planned))

    assert later == asked, "no question more than those in flight when the first one could not be stored"
    assert len(teacher.asked) == 6, "every prompt is paid for once, those that waited included"
    assert views.generation(paused).pausedReason == refused.message
    done = runs.get(run.org_id, run.run_id)
    assert (done.status, counts_of(done), done.paused) == ("completed", (6, 6, 0, 0), None)
    said = [str(line["message"]) for line in run_log.tail(run.run_id, 20)]
    assert any(line.startswith(f"Paused until replies can be stored: {refused.message}") for line in said)
    assert any("Goes on after" in line for line in said)


def test_a_run_says_why_it_waits_as_long_as_one_of_its_batches_does(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_gate, "REMIND", 0.0)
    teach(monkeypatch, good)
    run, _ = begin(project, num_pairs=1)
    rooms, stored = (threading.Event(), threading.Event()), []

    async def write(number: int) -> None:
        if not rooms[number].is_set():
            raise StoreRefuses(f"batch {number} is refused")
        stored.append(number)

    async def both() -> tuple[str | None, str | None]:
        gates = [store_gate.StoreGate(run), store_gate.StoreGate(run)]
        waiting = [asyncio.create_task(gate.write(lambda n=n: write(n))) for n, gate in enumerate(gates)]
        await asyncio.sleep(0.1)
        rooms[1].set()
        await waiting[1]
        await asyncio.sleep(0.2)
        one_waits = runs.get(run.org_id, run.run_id).paused
        rooms[0].set()
        await waiting[0]
        return one_waits, runs.get(run.org_id, run.run_id).paused

    one_waits, none_waits = asyncio.run(both())

    assert stored == [1, 0]
    assert one_waits == "batch 0 is refused"
    assert none_waits is None


def test_a_batch_that_begins_again_on_a_full_disk_asks_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach(monkeypatch, good)
    disk = FullDisk(monkeypatch, after=2, refused=StoreRefuses("the disk is full"))
    _, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    (batch,) = batches(planned)
    with pytest.raises(StoreRefuses, match="the disk is full"):
        run_states.generate_batch(batch, seconds=0.5)
    asked = len(teacher.asked)

    for _ in range(3):
        with pytest.raises(StoreRefuses, match="the disk is full"):
            run_states.generate_batch(batch, seconds=0.3)
    again, stored = len(teacher.asked), disk.stored
    disk.room.set()
    run_states.generate_batch(batch)

    assert asked > 2
    assert again == asked, "not a single question more, however often the batch is run"
    assert len(teacher.asked) == 6 + asked - stored, "only what was in flight was paid for twice"


def test_a_full_disk_is_a_refusal_on_one_machine_and_leaves_the_file_whole(tmp_path: Path) -> None:
    tables = SqliteTables(tmp_path / "data.db", catalog.TABLES)
    tables.put("replies", {"run_id": "r", "slot": "0", "text": "kept"})
    pages = tables._database.connection().execute("PRAGMA page_count").fetchone()[0]
    tables._database.connection().execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(StoreRefuses, match=r"data\.db cannot be written to: the disk is full"):
        tables.put("replies", {"run_id": "r", "slot": "1", "text": "x" * 100_000})
    tables._database.connection().execute("PRAGMA max_page_count = 100000")
    tables.put("replies", {"run_id": "r", "slot": "2", "text": "x" * 100_000})

    assert [i["slot"] for i in tables.query_page("replies", {"run_id": "r"}).items] == ["0", "2"]
    tables.close()


def test_whoever_reads_a_quiet_run_learns_that_the_disk_is_full(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(monkeypatch, good)
    run, _ = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})
    monkeypatch.setattr(pausing, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(pausing, "AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(pausing, "_probe", pausing._Probe())
    database = platform.current().tables._database.connection()  # type: ignore[attr-defined]
    run = runs.get(run.org_id, run.run_id)
    assert pausing.reason(run) is None
    monkeypatch.setattr(pausing, "_probe", pausing._Probe())
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    monkeypatch.setitem(replies.PROBE_BYTES, "embedded", 390_000)
    database.execute(f"PRAGMA max_page_count = {pages}")

    full = views.generation(run).pausedReason
    database.execute("PRAGMA max_page_count = 1000000")

    assert full is not None
    assert full.endswith("the disk is full")
    assert views.generation(run).pausedReason is None


def test_a_defect_of_the_store_is_no_pause(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(reply: replies.Reply) -> None:
        raise sqlite3.DatabaseError("file is not a database")

    teacher = ScriptedTeacher([good])
    monkeypatch.setitem(PROVIDERS, "fake", lambda _: teacher)
    monkeypatch.setattr(replies, "keep", broken)
    _, planned = begin(project, num_pairs=6, config={"pairs_per_chunk": 1})

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        run_states.generate_batch(batches(planned)[0])
    assert len(teacher.asked) <= 2
