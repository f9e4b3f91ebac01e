"""Tables that count, or that break: wrapped around the real ones of either backend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from dataforge import platform

WRITES = ("put", "put_new", "update", "delete", "transact", "batch_put", "batch_delete")


class Broken(BaseException):
    """The machine went away. Not an Exception: nothing that handles errors may save what a kill would not."""


class Watched:
    """Every call of a port goes on to the real one, after `before` was called with it."""

    def __init__(self, real: Any, before: Any) -> None:
        self._real, self._before = real, before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        if not callable(method):
            return method

        def call(*args: Any, **kwargs: Any) -> Any:
            self._before(name, args)
            return method(*args, **kwargs)

        return call


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Requests as DynamoDB would see them: a batch of more than 100 keys is several."""
    requests: Counter[str] = Counter()

    def count(name: str, args: tuple[Any, ...]) -> None:
        requests[name] += -(-len(args[1]) // 100) if name == "batch_get" else 1

    with _wrapped(count):
        yield requests


@contextmanager
def breaking_at(step: int) -> Iterator[None]:
    """The step-th write to any port (from 0) raises Broken, and so do all after it."""
    done: list[str] = []

    def count(name: str, args: tuple[Any, ...]) -> None:
        if name in (*WRITES, "write", "write_stream", "delete_prefix", "start", "stop"):
            if len(done) >= step:
                raise Broken(f"before {name}")
            done.append(name)

    with _wrapped(count, others=("files", "workflows")):
        yield


def killed_until_done(call: Callable[[], object], *, most: int = 200) -> int:
    """Run the call killed at its first write, then again killed at its second, ... until it lives. How many kills."""
    for step in range(most):
        try:
            with breaking_at(step):
                call()
        except Broken:
            continue
        return step
    raise AssertionError(f"still not done after {most} kills")


@contextmanager
def _wrapped(before: Any, *, others: Sequence[str] = ()) -> Iterator[None]:
    plugged = platform.current()
    watched: dict[str, Any] = {port: Watched(getattr(plugged, port), before) for port in ("tables", *others)}
    platform.use(replace(plugged, **watched))
    try:
        yield
    finally:
        platform.use(plugged)
