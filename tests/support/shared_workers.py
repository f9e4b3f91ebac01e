"""Worker processes that outlive a test: every request says to which machine they belong.

The one-machine server starts two interpreters, half a second of CPU each, and most tests ask them for a handful of
answers. Here two of them serve all tests of a process, one machine after the other, with the same pool, channel and
handlers as the product's; only the data folder and the environment come with the request, not with the start. How real
workers start, die and are replaced is shown by `test_worker_pool` and, with the whole server, by tests/e2e.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from dataforge import log, platform, settings
from dataforge.platform.embedded.worker_pool import WorkerPool, serve
from dataforge.platform.ports import Item
from dataforge_infra.local import worker
from dataforge_infra.local.platform import build

SIZE = 2
Handler = Callable[[Item, object], Item]


@cache
def _pool() -> WorkerPool:
    return WorkerPool([sys.executable, "-m", "tests.support.shared_workers"], SIZE)


def close() -> None:
    """At the end of the tests."""
    if _pool.cache_info().currsize:
        _pool().close()
        _pool.cache_clear()


class Lent:
    """A machine's hold on the pool, with the promises that `machine` needs of a pool of its own."""

    def __init__(self, home: Path) -> None:
        self._owner: Item = {"home": str(home), "environment": dict(os.environ)}
        self._closed = False
        self._idle = threading.Condition()
        self._asked = 0

    def invoke(self, handler: str, event: Item, timeout_s: float) -> Item:
        with self._idle:
            if self._closed:
                raise RuntimeError("the machine is closed")
            self._asked += 1
        try:
            return _pool().invoke(handler, {"owner": self._owner, "event": event}, timeout_s)
        finally:
            with self._idle:
                self._asked -= 1
                self._idle.notify_all()

    def close(self) -> None:
        """What is still at work for this machine dies, as it would with its server."""
        with self._idle:
            self._closed = True
            while self._asked:
                for pid in _pool().pids():
                    with suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                self._idle.wait(1)


def make_workers(home: Path, size: int) -> Lent | WorkerPool:
    """In the place of `dataforge_infra.local.platform.pool`."""
    if size == SIZE:
        return Lent(home)
    from dataforge_infra.local.platform import pool

    return pool(home, size)


def _resolve(name: str) -> Handler:
    handler = worker.resolve(name)

    def run(request: Item, context: object) -> Item:
        owner, event = request["owner"], request["event"]
        assert isinstance(owner, dict)
        assert isinstance(event, dict)
        _belong_to(owner)
        return handler(event, context)

    return run


_now: list[Item] = []


def _belong_to(owner: Item) -> None:
    """Plug in the data folder and take the environment over, as a fresh worker would find them."""
    if _now == [owner]:
        return
    os.environ.clear()
    os.environ.update({name: str(value) for name, value in owner["environment"].items()})
    settings.get.cache_clear()
    log.configure(settings.get().log_level)
    platform.use(build(Path(str(owner["home"])), base_url=lambda: "", invoke=worker.no_workflows))
    _now[:] = [owner]


if __name__ == "__main__":
    worker.warm_up()
    serve(_resolve)
