"""What the asynchronous client does in its own way: sleep, call blocking functions, do several things at once.

`runtime.py` of the package is the same for the synchronous one.
"""

from __future__ import annotations

import asyncio
from asyncio import sleep
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

__all__ = ["concurrently", "in_thread", "sleep"]

Argument = TypeVar("Argument")
Result = TypeVar("Result")


async def in_thread(function: Callable[[], Result]) -> Result:
    """The result of a function that waits for the disk; the event loop goes on meanwhile."""
    return await asyncio.to_thread(function)


async def concurrently(
    function: Callable[[Argument], Awaitable[Result]], arguments: Sequence[Argument], limit: int
) -> list[Result]:
    """The results for all arguments, in their order, at most `limit` at a time. The first error cancels the others."""
    free = asyncio.Semaphore(limit)

    async def one(argument: Argument) -> Result:
        async with free:
            return await function(argument)

    tasks = [asyncio.ensure_future(one(argument)) for argument in arguments]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
