"""What can wait in a batch waits while replies come."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from types import SimpleNamespace

from dataforge.workflows.engine import batch as engine_batch


async def test_what_can_wait_is_done_when_no_reply_waits_and_not_between_replies() -> None:
    done: list[int] = []
    batch = SimpleNamespace(deferred=deque(partial(done.append, n) for n in range(3)), answered=0)
    aside = asyncio.create_task(engine_batch._run_deferred(batch))  # type: ignore[arg-type]

    for _ in range(20):  # a reply every millisecond
        batch.answered += 1
        await asyncio.sleep(0.001)
    in_the_rush = list(done)
    await asyncio.sleep(20 * engine_batch.IDLE)
    aside.cancel()

    assert in_the_rush == []
    assert done == [0, 1, 2]
