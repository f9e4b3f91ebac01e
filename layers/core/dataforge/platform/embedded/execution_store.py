"""Durable store of executions: one SQLite file that the runner and every worker process write to.

An execution has one root frame (where it stands) and, while it is inside a Map, one frame per item. Every write is
one transaction, made before anything acts on it, so after kill -9 the frames tell what is left to do. A commit
survives the death of the process; a power cut may lose the last commits, and then work is repeated, never skipped.

    workflow_executions   (machine, run_id) -> status, output, error, cause, deadline (moved on by the time that no
                          runner was alive)
    workflow_frames       id -> execution, position (NULL: root), state, its input, tries, time to continue, end;
                          `result` of a frame that waits for a token: the token, and whether it was completed

    workflow_unreported   executions that ended without success, until `reported`: their last input
    workflow_clock        when a runner was alive last

An execution that ends loses its frames, so a thread that still works on one gets `ExecutionEnded` at its next write.
Where the disk is full, a write of the runner waits until there is room (`Patience`): nothing is begun again meanwhile.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from dataforge.errors import TooLarge
from dataforge.platform.embedded import refusals
from dataforge.platform.embedded.asl_interpreter import LIMIT, Machine, StateFailed
from dataforge.platform.embedded.execution_frames import ExecutionEnded, Frame, Running
from dataforge.platform.embedded.patience import Patience, patient
from dataforge.platform.ports import Execution, ExecutionStatus, Item, Value

_RETENTION_DAYS = 90
"""How long an ended execution is kept, and its name cannot be used again; as on Step Functions."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS workflow_executions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    machine TEXT NOT NULL,
    run_id TEXT NOT NULL,
    status TEXT NOT NULL,
    output TEXT,
    error TEXT,
    cause TEXT,
    deadline REAL NOT NULL,
    ended REAL,
    UNIQUE (machine, run_id)
);
CREATE INDEX IF NOT EXISTS workflow_running ON workflow_executions (id) WHERE status = 'RUNNING';
CREATE TABLE IF NOT EXISTS workflow_frames (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    execution INTEGER NOT NULL REFERENCES workflow_executions (id),
    position INTEGER,
    state TEXT NOT NULL,
    data TEXT NOT NULL,
    tries TEXT NOT NULL DEFAULT '[]',
    wake REAL,
    opened INTEGER NOT NULL DEFAULT 0,
    ended TEXT,
    result TEXT
);
CREATE INDEX IF NOT EXISTS workflow_frames_of ON workflow_frames (execution, position);
CREATE TABLE IF NOT EXISTS workflow_unreported (execution INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS workflow_clock (id INTEGER PRIMARY KEY CHECK (id = 1), alive REAL NOT NULL);
"""


class ExecutionStore:
    """`start`, `describe` and `stop` of the Workflows port, from any process; the rest is for the runner.

    now: the wall clock, in epoch seconds.
    """

    def __init__(self, path: Path, machines: Mapping[str, Machine], *, now: Callable[[], float] = time.time) -> None:
        self._machines = machines
        self._now = now
        self.patience = Patience()
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def start(self, machine: str, run_id: str, input: Item) -> None:
        """Raises KeyError for an unknown machine, TooLarge above 256 KiB of input, StoreRefuses."""
        plan = self._machines[machine]
        text = _dump(input)
        if len(text.encode()) > LIMIT:
            raise TooLarge(f"The input of {run_id} is larger than {LIMIT} bytes")
        with refusals.translated("The executions"), self._write() as db:
            added = db.execute(
                "INSERT INTO workflow_executions (machine, run_id, status, deadline) VALUES (?, ?, 'RUNNING', ?) "
                "ON CONFLICT DO NOTHING",
                (machine, run_id, self._now() + plan.timeout),
            )
            if added.rowcount:
                db.execute(
                    "INSERT INTO workflow_frames (execution, state, data) VALUES (?, ?, ?)",
                    (added.lastrowid, plan.start_at, text),
                )

    def describe(self, machine: str, run_id: str) -> Execution | None:
        rows = self._read(
            "SELECT status, output, error, cause FROM workflow_executions WHERE machine = ? AND run_id = ?",
            machine, run_id,
        )  # fmt: skip
        if not rows:
            return None
        status, output, error, cause = rows[0]
        value = cast(Item, json.loads(output)) if output is not None else None
        return Execution(machine, run_id, status, output=value, error=error, cause=cause)

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        for (execution,) in self._read(
            "SELECT id FROM workflow_executions WHERE machine = ? AND run_id = ? AND status = 'RUNNING'",
            machine, run_id,
        ):  # fmt: skip
            with refusals.translated("The executions"):
                self._end(execution, "ABORTED", cause=cause)

    def running(self) -> list[Running]:
        """In the order they were started."""
        rows = self._read(
            "SELECT e.id, e.machine, e.run_id, e.deadline, f.wake FROM workflow_executions e "
            "LEFT JOIN workflow_frames f ON f.execution = e.id AND f.position IS NULL "
            "WHERE e.status = 'RUNNING' ORDER BY e.id"
        )
        return [Running(*row) for row in rows]

    def root(self, execution: int) -> Frame:
        return self._frame("execution = ? AND position IS NULL", execution)

    def child(self, frame: int) -> Frame:
        return self._frame("id = ?", frame)

    @patient
    def move(self, frame: Frame, state: str, data: Value) -> Frame:
        """Enter the next state; leaving a Map deletes the frames of its items."""
        return self._step(frame, state=state, data=_dump(data), tries="[]", wake=None)

    @patient
    def postpone(self, frame: Frame, tries: Sequence[int], wake: float) -> Frame:
        """Run the same state (again) at `wake`; a Map starts over."""
        return self._step(frame, state=frame.state, data=_dump(frame.data), tries=_dump(list(tries)), wake=wake)

    @patient
    def expect_token(self, frame: Frame, token: str) -> None:
        """Accept this token, from now on until the frame moves."""
        with self._write() as db:
            expected = (_dump([token, False]), frame.id)
            _changed(db.execute("UPDATE workflow_frames SET result = ? WHERE id = ?", expected))

    @patient
    def wait_until(self, frame: Frame, wake: float) -> None:
        """Set the time at which the wait for the token ends."""
        with self._write() as db:
            _changed(db.execute("UPDATE workflow_frames SET wake = ? WHERE id = ?", (wake, frame.id)))

    def is_token_completed(self, frame: Frame) -> bool | None:
        """None: the frame waits for no token."""
        rows = self._read("SELECT result FROM workflow_frames WHERE id = ? AND ended IS NULL", frame.id)
        if not rows:
            raise ExecutionEnded
        return bool(json.loads(rows[0][0])[1]) if rows[0][0] is not None else None

    def send_task_success(self, token: str) -> None:
        """A token that no frame waits for (any more) is ignored."""
        with self._write() as db:
            db.execute(
                "UPDATE workflow_frames SET result = ?, wake = ? WHERE id = ? AND result = ? AND ended IS NULL",
                (_dump([token, True]), self._now(), token.partition(".")[0], _dump([token, False])),
            )

    @patient
    def open_map(self, frame: Frame, start_at: str, items: Sequence[Value]) -> None:
        """Create a frame for every item, all or none."""
        with self._write() as db:
            _changed(db.execute("UPDATE workflow_frames SET opened = 1, wake = NULL WHERE id = ?", (frame.id,)))
            db.executemany(
                "INSERT INTO workflow_frames (execution, position, state, data) VALUES (?, ?, ?, ?)",
                ((frame.execution, position, start_at, _dump(item)) for position, item in enumerate(items)),
            )

    def unfinished_children(self, frame: Frame) -> list[int]:
        rows = self._read(
            "SELECT id FROM workflow_frames WHERE execution = ? AND position IS NOT NULL AND ended IS NULL "
            "ORDER BY position",
            frame.execution,
        )
        return [row[0] for row in rows]

    def count_children(self, frame: Frame) -> tuple[int, int]:
        """All, and those that failed."""
        rows = self._read(
            "SELECT count(*), count(*) FILTER (WHERE ended = 'FAILED') FROM workflow_frames "
            "WHERE execution = ? AND position IS NOT NULL",
            frame.execution,
        )
        return rows[0][0], rows[0][1]

    @patient
    def finish_child(self, child: Frame, output: Value | StateFailed) -> None:
        failed = isinstance(output, StateFailed)
        result = _dump([output.error, output.cause]) if isinstance(output, StateFailed) else _dump(output)
        with self._write() as db:
            _changed(
                db.execute(
                    "UPDATE workflow_frames SET ended = ?, result = ?, data = 'null' WHERE id = ?",
                    ("FAILED" if failed else "SUCCEEDED", result, child.id),
                )
            )

    def child_outputs(self, frame: Frame) -> list[Value]:
        """Of the children that succeeded, in the order of the items."""
        return [json.loads(result) for (result,) in self._results(frame, "SUCCEEDED")]

    def first_failure(self, frame: Frame) -> StateFailed:
        error, cause = json.loads(next(self._results(frame, "FAILED"))[0])
        return StateFailed(error, cause)

    @patient
    def end(
        self, execution: int, status: ExecutionStatus, *, output: Value | None = None, error: str | None = None,
        cause: str | None = None,
    ) -> None:  # fmt: skip
        """Does nothing to an execution that has ended already."""
        self._end(execution, status, output=output, error=error, cause=cause)

    def _end(
        self, execution: int, status: ExecutionStatus, *, output: Value | None = None, error: str | None = None,
        cause: str | None = None,
    ) -> None:  # fmt: skip
        result = _dump(output) if status == "SUCCEEDED" else None
        with self._write() as db:
            ended = db.execute(
                "UPDATE workflow_executions SET status = ?, output = ?, error = ?, cause = ?, ended = ? "
                "WHERE id = ? AND status = 'RUNNING'",
                (status, result, error, cause, self._now(), execution),
            )
            if ended.rowcount:
                if status != "SUCCEEDED":
                    db.execute(
                        "INSERT OR REPLACE INTO workflow_unreported SELECT execution, data FROM workflow_frames "
                        "WHERE execution = ? AND position IS NULL",
                        (execution,),
                    )
                db.execute("DELETE FROM workflow_frames WHERE execution = ?", (execution,))

    def unreported(self) -> list[tuple[int, Item]]:
        """Executions that ended without success and were not reported yet, with the input of their last state."""
        rows = self._read("SELECT execution, data FROM workflow_unreported ORDER BY execution")
        return [(execution, cast(Item, json.loads(data))) for execution, data in rows]

    def reported(self, execution: int) -> None:
        with self._write() as db:
            db.execute("DELETE FROM workflow_unreported WHERE execution = ?", (execution,))

    def left_behind(self) -> tuple[float, list[str]]:
        """Before `resume_clock`: seconds since a runner was alive, and the run_id of each execution that it left
        unfinished, or whose end nobody was informed of."""
        alive = self._read("SELECT alive FROM workflow_clock")
        rows = self._read(
            "SELECT run_id FROM workflow_executions "
            "WHERE status = 'RUNNING' OR id IN (SELECT execution FROM workflow_unreported) ORDER BY id"
        )
        return max(0.0, self._now() - alive[0][0]) if alive else 0.0, [run_id for (run_id,) in rows]

    def resume_clock(self) -> None:
        """At the start of a runner: the time since one was alive does not count, only running time does."""
        now = self._now()
        with self._write() as db:
            alive = db.execute("SELECT alive FROM workflow_clock").fetchone()
            if alive is not None:
                _shift(db, now - alive[0])
            else:  # executions of an earlier release, which did not note it
                for machine, plan in self._machines.items():
                    db.execute(
                        "UPDATE workflow_executions SET deadline = ? WHERE status = 'RUNNING' AND machine = ?",
                        (now + plan.timeout, machine),
                    )
            _note_alive(db, now)

    @patient
    def note_alive(self, *, lost: float = 0.0) -> None:
        """The runner is alive now. lost: seconds on the clock since the last note that were no running time: the
        machine slept, or the clock was set; negative when it was set back."""
        with self._write() as db:
            if lost:
                _shift(db, lost)
            _note_alive(db, self._now())

    def delete_old(self) -> None:
        with self._write() as db:
            db.execute("DELETE FROM workflow_executions WHERE ended < ?", (self._now() - _RETENTION_DAYS * 86400,))

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _step(self, frame: Frame, *, state: str, data: str, tries: str, wake: float | None) -> Frame:
        with self._write() as db:
            _changed(
                db.execute(
                    "UPDATE workflow_frames SET state = ?, data = ?, tries = ?, wake = ?, opened = 0, result = NULL "
                    "WHERE id = ?",
                    (state, data, tries, wake, frame.id),
                )
            )
            if frame.position is None:
                db.execute(
                    "DELETE FROM workflow_frames WHERE execution = ? AND position IS NOT NULL", (frame.execution,)
                )
        return Frame(
            id=frame.id,
            execution=frame.execution,
            position=frame.position,
            state=state,
            data=json.loads(data),
            tries=tuple(json.loads(tries)),
            wake=wake,
            opened=False,
        )

    def _frame(self, where: str, key: int) -> Frame:
        columns = "id, execution, position, state, data, tries, wake, opened"
        rows = self._read(f"SELECT {columns} FROM workflow_frames WHERE {where}", key)  # noqa: S608
        if not rows:
            raise ExecutionEnded
        number, execution, position, state, data, tries, wake, opened = rows[0]
        return Frame(
            id=number,
            execution=execution,
            position=position,
            state=state,
            data=json.loads(data),
            tries=tuple(json.loads(tries)),
            wake=wake,
            opened=bool(opened),
        )

    def _results(self, frame: Frame, ended: str) -> Iterator[tuple[Any, ...]]:
        return iter(
            self._read(
                "SELECT result FROM workflow_frames WHERE execution = ? AND ended = ? ORDER BY position",
                frame.execution, ended,
            )
        )  # fmt: skip

    def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has ended it already
                    self._db.execute("ROLLBACK")
                raise


def _shift(db: sqlite3.Connection, seconds: float) -> None:
    """Move the deadlines of running executions; where the clock was set back, the ends of waits too."""
    db.execute("UPDATE workflow_executions SET deadline = deadline + ? WHERE status = 'RUNNING'", (seconds,))
    if seconds < 0:
        db.execute("UPDATE workflow_frames SET wake = wake + ? WHERE wake IS NOT NULL", (seconds,))


def _note_alive(db: sqlite3.Connection, now: float) -> None:
    db.execute("INSERT OR REPLACE INTO workflow_clock (id, alive) VALUES (1, ?)", (now,))


def _changed(cursor: sqlite3.Cursor) -> None:
    if not cursor.rowcount:
        raise ExecutionEnded


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
