"""A pool of warm child processes that run the state functions, one request at a time each; the Lambda of one machine.

The parent keeps one thread per worker. A request waits in one first-come queue, and its time-out counts only from the
moment a worker takes it, so a Map wider than the pool queues and never times out by queueing. A worker that times out
or dies is replaced; its process group goes with it.

    parent -> child stdin     {"handler": "dataforge_functions.plan_run.handler", "event": {...}, "timeout_s": 300}
    child stdout -> parent    {"ready": true}, then per request {"result": ...} or {"error": name, "cause": text}

The child moves both channels to private descriptors first, so what a handler prints goes to stderr and what it reads
from stdin is empty. It dies with its parent, however that dies: the end of stdin kills it in the middle of a handler,
and on Linux the kernel does (PR_SET_PDEATHSIG), also where a handler never lets another thread run.
"""

from __future__ import annotations

import ctypes
import json
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias, cast

from dataforge.platform.embedded.asl_interpreter import StateFailed, describe_exception
from dataforge.platform.ports import Item

Handler: TypeAlias = Callable[[Item, object], Item]

_START_SECONDS = 120
_READY = b'{"ready": true}'
_PR_SET_PDEATHSIG = 1


class Context:
    """The second argument of a handler: the part of Lambda's context that our functions may use."""

    def __init__(self, function_name: str, timeout_s: float) -> None:
        self.function_name = function_name
        self._deadline = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


@dataclass(frozen=True, slots=True)
class _Job:
    request: bytes
    timeout_s: float
    answer: Future[Item]


class _WorkerDied(Exception):
    """The worker is gone; the message says how."""


class WorkerPool:
    """command: the argument vector of a program that calls `serve`; env None: the parent's environment."""

    def __init__(self, command: Sequence[str], size: int, env: Mapping[str, str] | None = None) -> None:
        self._command = list(command)
        self._env = dict(env) if env is not None else None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._closed = False
        # Each thread owns its worker for life: on Linux the death signal fires when the *thread* that made a
        # child ends, so workers made by passing threads would be killed at random.
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(size)]
        for thread in self._threads:
            thread.start()

    def invoke(self, handler: str, event: Item, timeout_s: float) -> Item:
        """Wait for a free worker, then for the handler's answer.

        Raises StateFailed: the exception's class name; `States.Timeout`; `Runtime.ExitError` when the worker died
        (the cause names exit code or signal); `Runtime.MarshalError` when the answer is no JSON.
        """
        request = {"handler": handler, "event": event, "timeout_s": timeout_s}
        job = _Job(json.dumps(request, ensure_ascii=False).encode() + b"\n", timeout_s, Future())
        with self._lock:
            if self._closed:
                raise StateFailed("Runtime.ExitError", "The worker pool is closed.")
            self._jobs.put(job)
        return job.answer.result()

    def close(self) -> None:
        """Kill every worker and reap it; requests in flight or queued fail with Runtime.ExitError."""
        with self._lock:
            self._closed = True
            for worker in self._workers:
                worker.kill()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def pids(self) -> list[int]:
        with self._lock:
            return [worker.process.pid for worker in self._workers]

    def _work(self) -> None:
        """Owns one worker. A worker that died while idle is replaced without failing a request."""
        worker: _Worker | None = None
        with suppress(_WorkerDied):
            worker = self._start_worker()
        while (job := self._jobs.get()) is not None:
            try:
                if worker is None or worker.process.poll() is not None:
                    self._discard(worker)
                    worker = None
                    worker = self._start_worker()
                job.answer.set_result(worker.ask(job.request, job.timeout_s))
            except StateFailed as failure:
                if failure.error == "States.Timeout":
                    self._discard(worker)
                    worker = None
                job.answer.set_exception(failure)
            except Exception as death:
                # Mostly _WorkerDied; whatever it is, the caller must get it and this thread must continue.
                self._discard(worker)
                worker = None
                cause = {"errorType": "Runtime.ExitError", "errorMessage": str(death)}
                job.answer.set_exception(StateFailed("Runtime.ExitError", json.dumps(cause)))
        self._discard(worker)

    def _start_worker(self) -> _Worker:
        with self._lock:
            if self._closed:
                raise _WorkerDied("The worker pool is closed.")
            try:
                worker = _Worker(self._command, self._env)
            except OSError as error:
                raise _WorkerDied(f"A worker did not start: {error}") from None
            self._workers.add(worker)
        try:
            worker.await_ready()
        except (_WorkerDied, StateFailed) as death:
            self._discard(worker)
            raise _WorkerDied(f"A worker did not start: {death}") from None
        return worker

    def _discard(self, worker: _Worker | None) -> None:
        if worker:
            with self._lock:
                self._workers.discard(worker)
            worker.reap()


class _Worker:
    """The parent's end of one child. Only its owner thread calls `ask`; any thread may call `kill`."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str] | None) -> None:
        # A session of its own: Ctrl-C in the terminal reaches the parent only, and one signal reaches the
        # worker with all that it started.
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=env, start_new_session=True
        )
        self._in = cast(BinaryIO, self.process.stdin)
        self._out = cast(BinaryIO, self.process.stdout)
        os.set_blocking(self._in.fileno(), False)
        self._read = bytearray()

    def await_ready(self) -> None:
        # Until `serve` has the channel for itself, a chatty import may write lines of its own to it.
        while self._exchange(b"", _START_SECONDS).strip() != _READY:
            pass

    def ask(self, request: bytes, timeout_s: float) -> Item:
        reply = cast("dict[str, Any]", json.loads(self._exchange(request, timeout_s)))
        if "error" in reply:
            raise StateFailed(reply["error"], reply["cause"])
        return cast(Item, reply["result"])

    def kill(self) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def reap(self) -> None:
        self.kill()
        self.process.wait()
        self._in.close()
        self._out.close()

    def _exchange(self, request: bytes, timeout_s: float) -> bytes:
        """Write the request and read one line. Raises _WorkerDied, or StateFailed(States.Timeout)."""
        deadline = time.monotonic() + timeout_s
        unsent = memoryview(request)
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        if unsent:
            poll.register(self._in, select.POLLOUT)
        while b"\n" not in self._read:
            left = deadline - time.monotonic()
            if left <= 0:
                raise StateFailed("States.Timeout", f"The task took longer than {timeout_s:g} seconds.")
            # Polled often enough to notice a death that a grandchild hides by holding the pipe open.
            ready = {descriptor for descriptor, _ in poll.poll(min(left, 0.5) * 1000)}
            if self._in.fileno() in ready:
                unsent = self._send_some(unsent)
                if not unsent:
                    poll.unregister(self._in)
            if self._out.fileno() in ready:
                chunk = os.read(self._out.fileno(), 1 << 16)
                self._read += chunk
                if not chunk:
                    raise _WorkerDied(self._exit_description())
            elif not ready and self.process.poll() is not None:
                raise _WorkerDied(self._exit_description())
        line, _, rest = bytes(self._read).partition(b"\n")
        self._read = bytearray(rest)
        return line

    def _send_some(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._in.fileno(), unsent) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:
            raise _WorkerDied(self._exit_description()) from None

    def _exit_description(self) -> str:
        self.kill()
        code = self.process.wait()
        if code >= 0:
            return f"The worker ended with exit code {code}."
        with suppress(ValueError):
            return f"The worker was killed by signal {-code} ({signal.Signals(-code).name})."
        return f"The worker was killed by signal {-code}."


def serve(resolve: Callable[[str], Handler]) -> None:
    """The child's side: answer requests for ever. resolve: handler name -> the function; it may import."""
    requests, replies = _take_over_stdio()
    _die_with_parent()
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # Requests are read beside the handler, which keeps the main thread: the end of stdin must be seen at once.
    threading.Thread(target=_read_requests, args=(requests, inbox), daemon=True).start()
    _send(replies, _READY)
    while True:
        _send(replies, _respond(resolve, json.loads(inbox.get())))


def _take_over_stdio() -> tuple[BinaryIO, BinaryIO]:
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return os.fdopen(requests, "rb"), os.fdopen(replies, "wb")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _read_requests(requests: BinaryIO, inbox: queue.SimpleQueue[bytes]) -> None:
    for line in requests:
        inbox.put(line)
    # The parent is gone: go too, with what the handler has started, even in the middle of it.
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


def _respond(resolve: Callable[[str], Handler], request: dict[str, Any]) -> bytes:
    try:
        handler = resolve(request["handler"])
        result = handler(request["event"], Context(request["handler"], request["timeout_s"]))
    except Exception as error:
        # The first frame is this function.
        stack = traceback.format_tb(error.__traceback__)[1:][-20:]
        return _failure(describe_exception(error, stack))
    try:
        return json.dumps({"result": result}, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        return _failure(StateFailed("Runtime.MarshalError", f"The answer of {request['handler']} is no JSON: {error}"))


def _failure(failure: StateFailed) -> bytes:
    return json.dumps({"error": failure.error, "cause": failure.cause}).encode()


def _send(replies: BinaryIO, message: bytes) -> None:
    replies.write(message + b"\n")
    replies.flush()
