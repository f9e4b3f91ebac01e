"""What the synchronous client does in its own way: sleep, call blocking functions, do several things at once.

`aio/runtime.py` is the same for the asynchronous one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import TypeVar

__all__ = ["concurrently", "in_thread", "sleep"]

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def in_thread(function: Callable[[], Result]) -> Result:
    """The result of a function that waits for the disk. It blocks only the caller, who expects that."""
    return function()


def concurrently(function: Callable[[Argument], Result], arguments: Sequence[Argument], limit: int) -> list[Result]:
    """The results for all arguments, in their order, at most `limit` at a time, in threads.

    The first error is raised; what has begun is finished before, what has not is not begun.
    """
    failed: list[BaseException] = []

    def one(argument: Argument) -> Result:
        if failed:
            raise failed[0]
        try:
            return function(argument)
        except BaseException as problem:
            failed.append(problem)
            raise

    pool = ThreadPoolExecutor(limit, "dataforge")
    try:
        return list(pool.map(one, arguments))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
