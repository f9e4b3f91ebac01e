"""Runs the state machine files durably on one machine, as Step Functions does on AWS.

One thread per execution, one per item of a Map in progress; their whole state is in the execution store
(`execution_store.py`), so `start_up` resumes where a killed process stopped. Finished items of a Map are not run again
and counted retries stay counted, but a task that was in flight is run again: handlers must be idempotent, as on Lambda.

Many processes may `start`, `describe` and `stop`; exactly one per file may run (a lock file ensures that).
"""

from __future__ import annotations

import fcntl
import json
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TextIO, TypeAlias, cast

from dataforge.platform.embedded import asl_interpreter as asl
from dataforge.platform.embedded.asl_interpreter import StateFailed
from dataforge.platform.embedded.execution_frames import ExecutionEnded, Frame, Running
from dataforge.platform.embedded.execution_store import ExecutionStore
from dataforge.platform.embedded.running_time import RunningTime
from dataforge.platform.ports import Execution, Item, Value

Invoke: TypeAlias = Callable[[str, Item, float], Item]
"""(function name, event, seconds it may take) -> its answer. Raises StateFailed, also for a time-out
(States.Timeout); any other exception counts as the handler's own."""

KEEP_THREAD_SECONDS = 1.0
"""An execution that waits no longer than this keeps its thread."""
TOKEN_CALL_SECONDS = 60.0
"""Time-out of a function that is called with a task token."""
LONG_WAIT_SECONDS = 3600.0
"""A wait that is no reason to keep a server for: that of a deletion which can still be undone."""
TELL_AGAIN_SECONDS = 10.0
"""After a callback of `on_broken` has raised."""
POLL_SECONDS = 0.1
"""Until a start or stop by another process is noticed."""

log = logging.getLogger(__name__)


class _Active:
    """An execution that a thread of this process works on."""

    def __init__(self, row: Running) -> None:
        self.row = row
        self.stopped = threading.Event()

    def sleep(self, seconds: float) -> None:
        if self.stopped.wait(max(0.0, seconds)):
            raise ExecutionEnded


class Runner:
    """The Workflows port of one machine. path: its SQLite file; machines: by name, as `definition.read` gives them.

    read_file: the bytes of a file by key, for the items of a Map. rng decides the jitter of retries. At most
    `most_at_once` executions run at a time, in the order of their start; the others are queued. One that only waits (in
    a Wait state, or for its next try) for longer than KEEP_THREAD_SECONDS occupies neither a slot nor a thread.

    now: the wall clock, in epoch seconds. The time-out of an execution counts only while a runner is running.
    """

    def __init__(
        self, path: Path, machines: Mapping[str, asl.Machine], *, invoke: Invoke, read_file: Callable[[str], bytes],
        rng: Random | None = None, most_at_once: int = 64, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._store = ExecutionStore(path, machines, now=now)
        self._now = now
        self._running_time = RunningTime(now)
        self._on_broken: Callable[[Item], None] | None = None
        self._telling = threading.Lock()
        self._stop_telling = self._store.patience.closing
        self._machines = machines
        self._invoke = invoke
        self._read_file = read_file
        self._rng = rng or Random()
        self._most_at_once = most_at_once
        self._lock_path = path.with_name(path.name + ".lock")
        self._active: dict[int, _Active] = {}
        self._wake = threading.Event()
        self._closing = False
        self._clock: threading.Thread | None = None
        self._threads: set[threading.Thread] = set()
        self._lock_file: TextIO | None = None
        self._runs_kind = {"Task": self._task, "Map": self._map, "Wait": self._wait}

    def start(self, machine: str, run_id: str, input: Item) -> None:
        self._store.start(machine, run_id, input)
        self._wake.set()

    def describe(self, machine: str, run_id: str) -> Execution | None:
        return self._store.describe(machine, run_id)

    def stop(self, machine: str, run_id: str, *, cause: str = "") -> None:
        self._store.stop(machine, run_id, cause=cause)
        self._wake.set()

    def send_task_success(self, token: str) -> None:
        self._store.send_task_success(token)
        self._wake.set()

    def is_busy(self) -> bool:
        """Whether an execution runs that is not only waiting, for longer than LONG_WAIT_SECONDS from now."""
        soon = self._now() + LONG_WAIT_SECONDS
        return any(row.wake is None or row.wake < soon for row in self._store.running())

    def on_broken(self, callback: Callable[[Item], None]) -> None:
        """Called with the input of its last state for each execution that ends without success: at least once, also
        after a crash, and again after TELL_AGAIN_SECONDS when it raises."""
        self._on_broken = callback

    def refusal(self) -> str | None:
        """Why executions cannot be stored now; nothing is begun meanwhile. None: they can."""
        return self._store.patience.refusal

    def left_behind(self) -> tuple[float, list[str]]:
        """Before `start_up`: seconds since the last process ran this file (0.0: none did), and the names of the
        executions that it left unfinished."""
        return self._store.left_behind()

    def start_up(self) -> None:
        """Start running, first the executions that an earlier process left unfinished. Raises RuntimeError when
        another process runs this file already."""
        lock_file = self._lock_path.open("w")
        try:
            # The kernel releases it when the process dies, however it dies.
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock_file.close()
            raise RuntimeError(f"Another server is running on {self._lock_path.parent}; stop it first") from None
        self._lock_file = lock_file
        self._store.delete_old()
        self._store.resume_clock()
        self._running_time = RunningTime(self._now)
        self._clock = threading.Thread(target=self._tick_on, name="workflow-clock", daemon=True)
        self._clock.start()

    def close(self, *, grace: float = 1.0) -> None:
        """Stop running and leave the rest for the next `start_up`; close this before the worker pool.

        Tasks in flight get `grace` seconds to finish; later results are dropped and the tasks run again.
        """
        self._closing = True
        self._store.patience.closing.set()
        self._wake.set()
        if self._clock:
            self._clock.join()
        deadline = time.time() + grace
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.time()))
        if self._clock:
            with suppress(Exception):  # without it, the time until the next start counts from the last note
                self._store.note_alive()
        self._store.close()
        if self._lock_file:
            self._lock_file.close()

    def _tick_on(self) -> None:
        while not self._closing:
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()
            try:
                self._tick()
            except ExecutionEnded:  # closing, while the disk is full
                break
            except Exception:
                log.exception("the execution store cannot be read; trying again")
                time.sleep(1)
        for active in list(self._active.values()):
            active.stopped.set()

    def _tick(self) -> None:
        """Start new executions, time out overdue ones, stop the threads of those that have ended."""
        alive = set[int]()
        lost, is_due = self._running_time.look()
        if lost:
            log.warning("%.0f s on the clock were no running time: the machine slept, or its clock was set", lost)
        rows = self._store.running()
        if lost or (rows and is_due):
            self._store.note_alive(lost=lost)
            self._running_time.noted()
            rows = self._store.running()
        self._tell()
        for row in rows:
            if row.deadline <= self._now():
                self._store.end(row.id, "TIMED_OUT", error="States.Timeout")
                continue
            alive.add(row.id)
            if row.wake is not None and row.wake - self._now() > KEEP_THREAD_SECONDS:
                continue
            if row.id not in self._active and len(self._active) < self._most_at_once and not self._closing:
                self._active[row.id] = active = _Active(row)
                self._spawn(self._run, active)
        for number, active in list(self._active.items()):
            if number not in alive:
                active.stopped.set()

    def _run(self, active: _Active) -> None:
        row = active.row
        try:
            with suppress(ExecutionEnded):
                try:
                    states = self._machines[row.machine].states
                    output = self._walk(active, self._store.root(row.id), states)
                    self._store.end(row.id, "SUCCEEDED", output=output)
                except StateFailed as failure:
                    self._store.end(row.id, "FAILED", error=failure.error, cause=failure.cause)
        except Exception as error:
            if not self._closing:
                log.exception("execution %s of %s failed unexpectedly", row.run_id, row.machine)
                self._give_up(active, error)
        finally:
            self._active.pop(row.id, None)
            self._wake.set()

    def _give_up(self, active: _Active, error: Exception) -> None:
        try:
            with suppress(ExecutionEnded):
                self._store.end(active.row.id, "FAILED", error="States.Runtime", cause=repr(error))
        except Exception:
            # The store is damaged or gone: the execution stays as it is, and is tried again.
            active.stopped.wait(5)

    def _tell(self) -> None:
        """Call `on_broken`, in a thread of its own, for the executions that nobody was informed of yet."""
        if self._on_broken is None or self._closing or not self._store.unreported() or not self._telling.acquire(False):
            return
        self._spawn(self._tell_all, self._on_broken)

    def _tell_all(self, callback: Callable[[Item], None]) -> None:
        again = False
        try:
            for execution, data in self._store.unreported():
                if self._closing:
                    return
                again = not self._tell_one(callback, execution, data) or again
            if again:
                self._stop_telling.wait(TELL_AGAIN_SECONDS)
        finally:
            self._telling.release()

    def _tell_one(self, callback: Callable[[Item], None], execution: int, data: Item) -> bool:
        """Whether it is reported; one that cannot be does not keep the others waiting."""
        try:
            callback(data)
            self._store.reported(execution)
        except Exception:
            if not self._closing:
                log.exception("an execution that broke could not be reported; trying again")
            return False
        return True

    def _walk(self, active: _Active, frame: Frame, states: Mapping[str, asl.State]) -> Value:
        """Run from the frame's state to the end of its machine: the output. Raises StateFailed or ExecutionEnded."""
        while True:
            state = self._state(active, frame, states)
            if frame.wake is not None:
                self._sleep_or_release(active, frame, frame.wake)
            try:
                following, data = self._enter(active, frame, state)
                asl.check_size(data, state.name)
            except StateFailed as failure:
                retry = asl.next_try(state.retry, failure.error, frame.tries, rng=self._rng)
                if retry:
                    tries, delay = retry
                    frame = self._store.postpone(frame, tries, self._now() + delay)
                    continue
                caught = asl.catch(state, frame.data, failure)
                if not caught:
                    raise
                following, data = caught
                asl.check_size(data, state.name)
            if following is None:
                return data
            frame = self._store.move(frame, following, data)

    def _state(self, active: _Active, frame: Frame, states: Mapping[str, asl.State]) -> asl.State:
        """Of the current definition; the execution may have been interrupted under an earlier one."""
        renamed = self._machines[active.row.machine].renamed
        state = states.get(frame.state) or states.get(renamed.get(frame.state, ""))
        if state is None:
            raise StateFailed("States.Runtime", f"State '{frame.state}' is not in the machine any more.")
        return state

    def _enter(self, active: _Active, frame: Frame, state: asl.State) -> tuple[str | None, Value]:
        """Run one state: the next state (None: the end) and its input."""
        if state.kind in asl.PURE:
            return asl.PURE[state.kind](state, frame.data)
        return self._runs_kind[state.kind](active, frame, state)

    def _task(self, active: _Active, frame: Frame, state: asl.State) -> tuple[str | None, Value]:
        if state.token:
            return self._task_with_token(active, frame, state)
        answer = self._called(active, cast(Item, asl.effective_input(state, frame.data)), state.timeout)
        result: Item = {"ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": 200}
        asl.check_size(result, state.name)
        return state.next, asl.output(state, frame.data, result)

    def _called(self, active: _Active, request: Item, seconds: float) -> Item:
        if active.stopped.is_set():
            raise ExecutionEnded
        try:
            return self._invoke(str(request["FunctionName"]), cast(Item, request.get("Payload", {})), seconds)
        except Exception as error:
            if active.stopped.is_set() or self._closing:
                raise ExecutionEnded from None
            raise error if isinstance(error, StateFailed) else asl.describe_exception(error) from error

    def _task_with_token(self, active: _Active, frame: Frame, state: asl.State) -> tuple[str | None, Value]:
        """Call the function with a token, then wait for `send_task_success`; after a crash only for the time left."""
        if frame.wake is None or self._store.is_token_completed(frame) is None:
            token = f"{frame.id}.{secrets.token_hex(16)}"
            with_token = replace(state, parameters=asl.with_token(state.parameters, token))
            request = cast(Item, asl.effective_input(with_token, frame.data))
            self._store.expect_token(frame, token)  # the token may be completed before the function returns
            self._called(active, request, TOKEN_CALL_SECONDS)
            wake = self._now() + asl.whole_seconds(state, frame.data)
            if not self._store.is_token_completed(frame):
                self._store.wait_until(frame, wake)
            while not self._store.is_token_completed(frame) and self._now() < wake:
                self._sleep_or_release(active, frame, wake)
        if not self._store.is_token_completed(frame):
            raise StateFailed("States.Timeout", f"The token of '{state.name}' was not completed in time.")
        return state.next, asl.output(state, frame.data, {})

    def _wait(self, active: _Active, frame: Frame, state: asl.State) -> tuple[str | None, Value]:
        data = asl.effective_input(state, frame.data)
        if frame.wake is None:
            wake = self._now() + asl.whole_seconds(state, data)
            # Stored first: after a crash only the rest of the wait is left.
            self._store.postpone(frame, (), wake)
            self._sleep_or_release(active, frame, wake)
        return state.next, asl.narrow(state, data)

    def _sleep_or_release(self, active: _Active, frame: Frame, wake: float) -> None:
        """Raises ExecutionEnded to free the thread and the slot; the clock thread resumes the execution at `wake`."""
        if frame.position is None and wake - self._now() > KEEP_THREAD_SECONDS:
            raise ExecutionEnded
        active.sleep(wake - self._now())

    def _map(self, active: _Active, frame: Frame, state: asl.State) -> tuple[str | None, Value]:
        processor = cast(asl.MapProcessor, state.processor)
        if not frame.opened:
            items = self._items(processor, asl.effective_input(state, frame.data), state.name)
            self._store.open_map(frame, processor.start_at, items)
        total, failed = self._store.count_children(frame)
        self._check_tolerance(processor, frame, failed, total)
        for child_failed in self._fan_out(active, processor, self._store.unfinished_children(frame)):
            failed += child_failed
            self._check_tolerance(processor, frame, failed, total)
        outputs = self._store.child_outputs(frame)
        # Step Functions measures the results even where ResultPath drops them (aws-cdk issue 24799).
        asl.check_size(outputs, state.name)
        return state.next, asl.output(state, frame.data, outputs)

    def _items(self, processor: asl.MapProcessor, data: Value, name: str) -> list[Value]:
        if processor.key is None:
            items = asl.get(processor.items_path, data)
        else:
            key = cast(Item, asl.fill(processor.key, data))["Key"]
            try:
                items = json.loads(self._read_file(str(key)))
            except (OSError, ValueError) as error:
                raise StateFailed("States.ItemReaderFailed", f"{key}: {error}") from error
        if not isinstance(items, list):
            raise StateFailed("States.ItemReaderFailed", f"The items of '{name}' are no JSON array.")
        return items

    def _check_tolerance(self, processor: asl.MapProcessor, frame: Frame, failed: int, total: int) -> None:
        if not asl.exceeds_tolerance(processor, failed, total):
            return
        if not processor.distributed:
            raise self._store.first_failure(frame)
        raise StateFailed(
            "States.ExceedToleratedFailureThreshold",
            f"The specified tolerated failure threshold was exceeded: {failed} of {total} items failed.",
        )

    def _fan_out(self, active: _Active, processor: asl.MapProcessor, children: list[int]) -> Iterator[bool]:
        """Run the children, `max_concurrency` at once; yields whether each failed, in the order of their end."""
        todo, done = queue.SimpleQueue[int](), queue.SimpleQueue[bool | Exception]()
        for child in children:
            todo.put(child)
        abandoned = threading.Event()

        def work() -> None:
            with suppress(queue.Empty):
                while not (abandoned.is_set() or active.stopped.is_set()):
                    done.put(self._child(active, processor, todo.get_nowait()))

        for _ in range(min(processor.max_concurrency, len(children))):
            self._spawn(work)
        try:
            for _ in children:
                yield self._next_done(active, done)
        finally:
            abandoned.set()

    def _next_done(self, active: _Active, done: queue.SimpleQueue[bool | Exception]) -> bool:
        while True:
            with suppress(queue.Empty):
                outcome = done.get(timeout=0.2)
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome
            if active.stopped.is_set():
                raise ExecutionEnded

    def _child(self, active: _Active, processor: asl.MapProcessor, number: int) -> bool | Exception:
        """Whether it failed; an exception that is not the child's own is returned, for the Map to raise."""
        try:
            child = self._store.child(number)
            try:
                output = self._walk(active, child, processor.states)
            except StateFailed as failure:
                self._store.finish_child(child, failure)
                return True
            self._store.finish_child(child, output)
        except Exception as error:
            return error
        return False

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        def work() -> None:
            try:
                target(*args)
            finally:
                self._threads.discard(thread)

        # Daemon threads, not a pool: the interpreter must not wait for a task of 15 minutes when it exits.
        thread = threading.Thread(target=work, daemon=True)
        self._threads.add(thread)
        thread.start()
