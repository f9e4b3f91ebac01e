"""Tables and files on one machine: kill -9, many threads, many processes, old data folders."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from dataforge.errors import ConditionFailed
from dataforge.platform.embedded.database import Database
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.ports import Put, Update
from dataforge_infra.catalog import Index, Table
from tests.support import storage_backends
from tests.support.paths import ROOT
from tests.support.storage_backends import PORT_TABLES

TABLE_WRITER = """
import sys, itertools
from pathlib import Path
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from dataforge.platform.ports import Put, Update
from tests.support.storage_backends import PORT_TABLES

tables = SqliteTables(Path(sys.argv[1]), PORT_TABLES)
run = sys.argv[2]
project = {"org_id": "o", "project_id": "p"}
for n in itertools.count():
    name = f"{run}-{n:06d}"
    pair = {"project_id": "p", "pair_id": name, "run_id": run, "project_status": "p#pending", "text": name * 200}
    tables.transact([Put("pairs", pair), Update("projects", project, add={"pending": 1})])
    print(name, flush=True)
"""

FILE_WRITER = """
import sys, itertools, hashlib
from pathlib import Path
from dataforge.platform.embedded.local_files import LocalFiles

files = LocalFiles(Path(sys.argv[1]), base_url=str, secret=b"x", max_upload_bytes=1)
run = sys.argv[2]
for n in itertools.count():
    data = f"{run}-{n}-".encode() * (1 + n % 50 * 400)
    own = files.write_stream(f"own/{run}/{n:06d}", (data[i:i + 4096] for i in range(0, len(data), 4096)))
    shared = files.write("shared", data, content_type=f"text/x-{hashlib.md5(data).hexdigest()}")
    print(own.key, own.etag, flush=True)
"""


def killed(program: str, *arguments: object, after: float) -> list[str]:
    """Run a writer, kill -9 it `after` so many seconds of writing; the lines it had acknowledged."""
    child = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert child.stdout is not None
    lines = [child.stdout.readline()]
    threading.Timer(after, child.send_signal, [signal.SIGKILL]).start()
    with child.stdout:
        lines += child.stdout.readlines()
    assert child.wait(30) == -signal.SIGKILL
    return [line.strip() for line in lines if line.endswith("\n")]


def test_committed_rows_survive_kill_9(tmp_path: Path) -> None:
    path, rng, acknowledged = tmp_path / "t.sqlite", random.Random(7), []
    with_project = SqliteTables(path, PORT_TABLES)
    with_project.put("projects", {"org_id": "o", "project_id": "p", "pending": 0})
    with_project.close()

    for round_number in range(6):
        acknowledged += killed(TABLE_WRITER, path, f"run{round_number}", after=rng.uniform(0, 0.25))

    tables = SqliteTables(path, PORT_TABLES)
    found = {str(i["pair_id"]): i for i in walk(tables, "pairs", {"project_id": "p"})}
    by_status = list(walk(tables, "pairs", {"project_status": "p#pending"}, index="by_status"))
    project = tables.get("projects", {"org_id": "o", "project_id": "p"}) or {}
    assert len(acknowledged) >= 6
    assert set(acknowledged) <= set(found)
    assert all(item["text"] == name * 200 for name, item in found.items())
    assert project["pending"] == len(found) == len(by_status)  # a transaction is there wholly or not at all
    tables.close()
    assert whole(path)


def test_files_survive_kill_9_and_no_half_file_is_ever_seen(tmp_path: Path) -> None:
    rng, acknowledged, stop = random.Random(11), {}, threading.Event()
    files = storage_backends.local_files(tmp_path)
    torn: list[str] = []

    def look() -> None:
        """Another process's reader, all the time: content and type of the replaced object always fit together."""
        while not stop.is_set():
            torn.extend(i.key for i in files.list("own/") if hashlib.md5(files.read(i.key)).hexdigest() != i.etag)
            before, data, after = files.info("shared"), read_or_none(), files.info("shared")
            if before and before == after and data is not None and before.etag != hashlib.md5(data).hexdigest():
                torn.append("shared")
            if after and after.content_type != f"text/x-{after.etag}":
                torn.append("shared's type")

    def read_or_none() -> bytes | None:
        try:
            return files.read("shared")
        except FileNotFoundError:
            return None

    watcher = threading.Thread(target=look)
    watcher.start()
    for round_number in range(6):
        lines = killed(FILE_WRITER, tmp_path, f"run{round_number}", after=rng.uniform(0, 0.25))
        acknowledged |= dict(line.split() for line in lines)
    stop.set()
    watcher.join()

    assert torn == []
    assert len(acknowledged) >= 6
    for key, etag in acknowledged.items():
        assert hashlib.md5(files.read(key)).hexdigest() == etag
    files.close()
    assert blobs_after_a_sweep(tmp_path) > 6


def forked(work: Callable[[], object]) -> int:
    """A child that does the work and ends with status 0, or 1 when it raised; gives its pid."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def killed_at_statement(number: int, database: Database, work: Callable[[], object]) -> bool:
    """Do the work in a child that is killed just before that SQL statement of it; False: it had fewer."""
    count = itertools.count(1)

    def trace(_: str) -> None:
        if next(count) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def child() -> None:
        database.connection().set_trace_callback(trace)
        work()

    status = os.waitpid(forked(child), 0)[1]
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def test_a_file_is_replaced_wholly_or_not_at_all_wherever_the_process_dies(tmp_path: Path) -> None:
    files = storage_backends.local_files(tmp_path)
    seen = set()

    for number in itertools.count(1):
        files.write("k", b"old", content_type="text/old")
        died = killed_at_statement(number, files._database, lambda: files.write("k", b"newer", content_type="text/new"))
        info, data = files.info("k"), files.read("k")
        assert info is not None
        seen.add((data, info.size, info.content_type, info.etag == hashlib.md5(data).hexdigest()))
        if not died:
            break

    assert number > 8
    assert seen == {(b"old", 3, "text/old", True), (b"newer", 5, "text/new", True)}
    files.close()
    assert blobs_after_a_sweep(tmp_path) == 1


def test_a_transaction_happens_wholly_or_not_at_all_wherever_the_process_dies(tables: SqliteTables) -> None:
    place: dict[str, str | int] = {"org_id": "o", "project_id": "p"}
    writes = [Put("key_hashes", {"key_hash": "h"}), Update("projects", place, add={"n": 1})]
    seen = set()

    for number in itertools.count(1):
        tables.put("projects", {**place, "n": 0})
        tables.delete("key_hashes", {"key_hash": "h"})
        died = killed_at_statement(number, tables._database, lambda: tables.transact(writes))
        found = tables.get("projects", place) or {}
        seen.add((found["n"], tables.get("key_hashes", {"key_hash": "h"}) is not None))
        if not died:
            break

    assert number > 4
    assert seen == {(0, False), (1, True)}


def blobs_after_a_sweep(folder: Path) -> int:
    """What is left in the folder two days later; it must be as many as there are objects."""
    later = storage_backends.local_files(folder, now=lambda: time.time() + 2 * 86_400)
    objects, blobs = len(list(later.list(""))), sum(p.is_file() for p in (folder / "blobs").rglob("*"))
    later.close()
    assert blobs == objects
    return blobs


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[SqliteTables]:
    opened = SqliteTables(tmp_path / "t.sqlite", PORT_TABLES)
    yield opened
    opened.close()


def walk(tables: SqliteTables, table: str, hash_key: dict[str, str | int], index: str | None = None) -> Iterator[dict]:
    cursor = None
    while True:
        page = tables.query_page(table, hash_key, index=index, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def whole(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def in_threads(work: Callable[[int], object], count: int = 8) -> list[object]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_threads_that_add_lose_nothing(tables: SqliteTables) -> None:
    place: dict[str, str | int] = {"org_id": "o", "project_id": "p"}
    tables.put("projects", {**place, "stats": {"seen": 0}})

    in_threads(lambda _: [tables.update("projects", place, add={"n": 1, "stats.seen": 2}) for _ in range(50)])

    assert tables.get("projects", place) == {**place, "n": 400, "stats": {"seen": 800}}


def test_threads_that_end_leave_no_files_open(tables: SqliteTables) -> None:
    tables.put("key_hashes", {"key_hash": "h"})
    before = len(os.listdir("/dev/fd"))

    for _ in range(30):
        in_threads(lambda _: tables.get("key_hashes", {"key_hash": "h"}), 2)

    assert len(os.listdir("/dev/fd")) < before + 10  # SQLite itself keeps a few for the next connection


def test_of_many_threads_one_wins_a_condition(tables: SqliteTables) -> None:
    tables.put("projects", {"org_id": "o", "project_id": "p", "active": None})

    def take(n: int) -> bool:
        try:
            tables.transact(
                [
                    Put("runs", {"org_id": "o", "run_id": f"r{n}", "project_id": "p"}),
                    Update("projects", {"org_id": "o", "project_id": "p"}, set={"active": n}, where={"active": None}),
                ]
            )
        except ConditionFailed:
            return False
        return True

    won = in_threads(take)

    assert sum(map(bool, won)) == 1
    assert len(list(walk(tables, "runs", {"org_id": "o"}))) == 1


def test_processes_that_add_lose_nothing(tables: SqliteTables, tmp_path: Path) -> None:
    place: dict[str, str | int] = {"org_id": "o", "project_id": "p"}
    tables.put("projects", dict(place))
    program = """
import sys
from pathlib import Path
from dataforge.platform.embedded.sqlite_tables import SqliteTables
from tests.support.storage_backends import PORT_TABLES
tables = SqliteTables(Path(sys.argv[1]), PORT_TABLES)
for _ in range(200):
    tables.update("projects", {"org_id": "o", "project_id": "p"}, add={"n": 1})
"""
    children = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "t.sqlite")], cwd=ROOT) for _ in range(3)
    ]
    for _ in range(200):
        tables.update("projects", place, add={"n": 1})

    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert tables.get("projects", place) == {**place, "n": 800}


def test_a_forked_child_and_its_parent_both_go_on(tables: SqliteTables, tmp_path: Path) -> None:
    place: dict[str, str | int] = {"org_id": "o", "project_id": "p"}
    tables.put("projects", {**place, "n": 0})

    inherited = tables._database.connection()

    def work() -> None:
        for _ in range(100):
            tables.update("projects", place, add={"n": 1})
        assert tables._database.connection() is not inherited

    child = forked(work)
    for _ in range(100):
        tables.update("projects", place, add={"n": 1})

    assert os.waitpid(child, 0)[1] == 0
    assert tables.get("projects", place) == {**place, "n": 200}
    assert whole(tmp_path / "t.sqlite")


def test_a_write_that_raises_leaves_the_connection_fit_for_the_next(tables: SqliteTables) -> None:
    tables.put("key_hashes", {"key_hash": "h"})
    with pytest.raises(ConditionFailed):
        tables.put_new("key_hashes", {"key_hash": "h"})

    tables.put("key_hashes", {"key_hash": "h", "again": True})

    assert tables.get("key_hashes", {"key_hash": "h"}) == {"key_hash": "h", "again": True}


def test_expired_items_go_in_time_and_others_stay(tmp_path: Path) -> None:
    now = [1000.0]
    tables = SqliteTables(tmp_path / "t.sqlite", PORT_TABLES, now=lambda: now[0])
    for slot, expiry in (
        ("old", {"expires_at": 1500}),
        ("young", {"expires_at": 9000}),
        ("for ever", {}),
        ("odd", {"expires_at": "soon"}),
    ):
        tables.put("replies", {"run_id": "r", "slot": slot, **expiry})
    tables.update("replies", {"run_id": "r", "slot": "young"}, set={"seen": True})

    now[0] = 2000.0
    tables.put("key_hashes", {"key_hash": "any write"})

    assert [i["slot"] for i in walk(tables, "replies", {"run_id": "r"})] == ["for ever", "odd", "young"]
    tables.close()


def test_an_older_data_folder_gets_new_indexes_and_keeps_its_items(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    plain = {"pairs": Table("project_id", "pair_id", indexes={"by_run": Index("run_id", "pair_id")})}
    old = SqliteTables(path, plain)
    old.put("pairs", {"project_id": "p", "pair_id": "1", "run_id": "r", "lang": "de", "until": 50})
    old.put("pairs", {"project_id": "p", "pair_id": "2", "run_id": "r"})
    old.close()

    grown = replace(plain["pairs"], indexes={"by_lang": Index("lang", "pair_id", "ALL")}, ttl="until")
    new = SqliteTables(path, {"pairs": grown, "more": Table("id")}, now=lambda: 40.0)
    new.put("more", {"id": "x"})

    assert [i["pair_id"] for i in walk(new, "pairs", {"lang": "de"}, "by_lang")] == ["1"]
    assert len(list(walk(new, "pairs", {"project_id": "p"}))) == 2
    new.close()
    again = SqliteTables(path, plain)
    assert [i["pair_id"] for i in walk(again, "pairs", {"run_id": "r"}, "by_run")] == ["1", "2"]
    again.close()


def test_every_query_walks_an_index(tables: SqliteTables) -> None:
    """No full scan and no sorting, whatever the table holds."""
    seen: list[str] = []
    db = tables._database.connection()
    db.set_trace_callback(seen.append)
    for query in ({}, {"descending": True}, {"begins": ("pair_id", "a")}, {"between": ("pair_id", "a", "b")}):
        tables.query_page("pairs", {"project_id": "p"}, **query)  # type: ignore[arg-type]
        tables.query_page("pairs", {"run_id": "r"}, index="by_run", **query)  # type: ignore[arg-type]
    tables.query_page("runs", {"project_id": "p"}, index="by_project", cursor="WyJhIiwiYiIsImMiXQ")
    db.set_trace_callback(None)

    plans = [
        str(step[3])
        for sql in seen
        if sql.startswith("SELECT")
        for step in sqlite3.Connection.execute(db, f"EXPLAIN QUERY PLAN {sql}")
    ]
    assert len(plans) == 9
    assert all("SEARCH" in plan and "INDEX" in plan for plan in plans), plans
    assert sum("COVERING INDEX pairs.by_run" in plan for plan in plans) == 4
