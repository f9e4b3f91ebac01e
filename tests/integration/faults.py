"""A process that dies between any two writes: the same call, killed after one write, after two, and so on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from dataforge import platform
from dataforge.platform.ports import Files, Tables, Workflows

WRITES = {
    "put", "put_new", "update", "delete", "transact", "batch_put", "batch_delete", "write", "write_stream",
    "delete_prefix", "start", "stop",
}


class Killed(BaseException):
    """Not an Exception: nothing that handles errors may save what a kill would not."""


class Mortal:
    """A port that dies at its n-th write, counted over all ports that share the `left` list."""

    def __init__(self, port: object, left: list[int]) -> None:
        self._port, self._left = port, left

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        if name not in WRITES:
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            if self._left[0] == 0:
                raise Killed
            self._left[0] -= 1
            return method(*args, **kwargs)

        return write


def killed_until_done(call: Callable[[], object], *, most: int = 200) -> int:
    """Run the call killed at its first write, then again killed at its second, ... until it lives. How many kills."""
    alive = platform.current()
    for writes in range(most):
        left = [writes]
        platform.use(replace(
            alive, tables=cast(Tables, Mortal(alive.tables, left)), files=cast(Files, Mortal(alive.files, left)),
            workflows=cast(Workflows, Mortal(alive.workflows, left)),
        ))
        try:
            call()
            return writes
        except Killed:
            continue
        finally:
            platform.use(alive)
    raise AssertionError(f"still not done after {most} kills")
