"""The HTTP server of one machine: uvicorn, with limits of time and number that keep it answering whoever connects.

| what a client does                              | what happens                                             |
|---|---|
| sends no whole head                             | closed after HEAD_SECONDS                                |
| does not read its response                      | closed after WRITE_SECONDS                               |
| opens more connections than fit                 | the one that has been idle longest is closed; 503 if none |
| uses up the descriptors                         | accepting pauses; one line in the log a minute           |

The limits of bodies are those of `dataforge_functions.api.each_request`; the size of a head is limited by h11 (16 KiB).
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio.to_thread
import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

logger = logging.getLogger(__name__)

HEAD_SECONDS = 15.0
"""From the opening of a connection, or the end of a response, to the whole head of the next request."""
WRITE_SECONDS = 60.0
"""How long a client may read nothing of what is sent to it."""
MOST_CONNECTIONS = 512
MOST_SOCKET_BYTES = 65_536
"""Of one message that a client sends over a WebSocket."""
MOST_THREADS = 40
MOST_DESCRIPTORS = 8192
"""The limit of this process is raised to this, where the system allows."""
OWN_DESCRIPTORS = 32
"""For the listener, logs, workers and what is open before the first request."""
DESCRIPTORS_PER_THREAD = 4
"""The databases that a thread has open while it works."""
ACCEPT_BURST = 8
"""Connections that are accepted in one go; the descriptors of those that make room are free in the next."""
ACCEPT_PAUSE = 0.5
"""Seconds until the next try to accept, when there were no descriptors."""
SAY_EVERY = 60.0
"""Seconds between two lines of the log about one kind of trouble."""
_BUSY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Capacity:
    connections: int
    threads: int


def capacity(descriptors: int) -> Capacity:
    """What fits into this many descriptors; at least 8 connections and 4 threads."""
    left = descriptors - OWN_DESCRIPTORS
    threads = max(4, min(MOST_THREADS, left // (2 * DESCRIPTORS_PER_THREAD)))
    return Capacity(max(8, min(MOST_CONNECTIONS, left - DESCRIPTORS_PER_THREAD * threads)), threads)


def raise_descriptor_limit() -> int:
    """How many descriptors this process may have from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return wanted
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


class Connection(H11Protocol):
    """uvicorn's, closed when a head or the reading of a response takes too long."""

    idle_since: float
    """When it began to wait for a request, in the loop's time."""
    _timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.is_idle:
            self._cancel_timer()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._cancel_timer()  # the connection is not idle, and from now on not ours
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.is_idle and not self.transport.is_closing():
            self._wait_for_head()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self._write_timer or self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_write_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)
        self._cancel_write_timer()

    def _wait_for_head(self) -> None:
        self._cancel_timer()
        self.idle_since = self.loop.time()
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cancel_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None


class Server(uvicorn.Server):
    """Accepts connections itself: asyncio's server has no limit, and without descriptors it fills the log."""

    def __init__(self, config: uvicorn.Config, space: Capacity) -> None:
        super().__init__(config)
        self._space = space
        self._listeners: list[socket.socket] = []
        self._opening: set[asyncio.Task[object]] = set()
        self._say = Sparingly()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        anyio.to_thread.current_default_thread_limiter().total_tokens = self._space.threads
        self._listeners = list(sockets or ())
        for listener in self._listeners:
            listener.setblocking(False)
            self._listen(listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listener in self._listeners:
            asyncio.get_running_loop().remove_reader(listener)
        self._listeners = []
        await super().shutdown(sockets)

    def _listen(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(ACCEPT_BURST):
            try:
                opened, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as problem:  # no descriptors or no memory: the listener would be ready again at once
                self._say(logger.warning, "connections have to wait: %s", problem)
                loop.remove_reader(listener)
                loop.call_later(ACCEPT_PAUSE, self._listen, listener)
                return
            opened.setblocking(False)
            if self._make_room():
                task: asyncio.Task[object] = loop.create_task(loop.connect_accepted_socket(self._connection, opened))
                self._opening.add(task)
                task.add_done_callback(self._opening.discard)
            else:
                with suppress(OSError):
                    opened.send(_BUSY)
                opened.close()

    def _make_room(self) -> bool:
        """Whether one more connection fits, if need be in the place of the one that has been idle longest."""
        there = [c for c in self.server_state.connections if isinstance(c, Connection) and not c.transport.is_closing()]
        if len(there) + len(self._opening) < self._space.connections:
            return True
        self._say(logger.warning, "%s connections are open, idle ones are closed", len(there))
        longest = min((c for c in there if c.is_idle), key=lambda c: c.idle_since, default=None)
        if longest is None:
            return False
        longest.transport.abort()
        return True

    def _connection(self) -> Connection:
        return Connection(self.config, self.server_state, self.lifespan.state)


class Sparingly:
    """Writes a kind of line at most once in SAY_EVERY seconds, with how many were left out. A kind is a format."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def is_due(self, kind: str) -> bool:
        now = self._clock()
        if now - self._last.get(kind, -SAY_EVERY) < SAY_EVERY:
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return False
        self._last[kind] = now
        return True

    def __call__(self, write: Callable[..., None], kind: str, *values: object) -> None:
        if self.is_due(kind):
            write(f"{kind} (%s such since the last such line)", *values, self._left_out.pop(kind, 0))

    def filter(self, record: logging.LogRecord) -> bool:
        """As a filter of a logger: warnings that any client can cause are kept down."""
        return record.levelno > logging.WARNING or self.is_due(str(record.msg))


def make_server(app: FastAPI) -> Server:
    """Logs nothing about single requests."""
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="websockets-sansio",
        ws_max_size=MOST_SOCKET_BYTES,
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=3,
        lifespan="off",
    )
    logging.getLogger("uvicorn.error").addFilter(Sparingly().filter)
    return Server(config, capacity(raise_descriptor_limit()))
