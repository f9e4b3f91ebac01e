"""Nothing is sent to a teacher while what it would answer cannot be stored: the disk is full, a store refuses writes.

    a reply is refused by the store -> it is held in memory, the gate closes -> it is tried again every PAUSE seconds
    -> all that was held is stored -> the gate opens

A batch begins with a probe, so that one which is run again does not begin by paying for replies that it would lose.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from dataforge.errors import Busy, ConditionFailed, StoreRefuses
from dataforge.store import replies as reply_store
from dataforge.store import run_log, run_status
from dataforge.store.runs import Run

T = TypeVar("T")
logger = logging.getLogger(__name__)

PAUSE = 2.0
"""Seconds between two tries of a write that was refused."""
REMIND = 10.0
"""Seconds after which a batch that still waits says so again: another one that goes on has cleared the run's note."""
CHECK_EVERY = 0.25
"""Seconds between two looks at whether there is still anything to wait for."""


class Closed(Exception):
    """The gate did not open before the batch had to end."""


@dataclass(slots=True)
class StoreGate:
    """One per attempt of a batch."""

    run: Run
    end: float = math.inf
    """time.monotonic() at which what is held is given up: the invocation ends."""
    why: str | None = None
    """What the store said; None: the gate is open."""
    _held: int = 0
    """Writes that wait."""
    _since: float = 0.0
    _noted: float = 0.0
    """time.monotonic() of the last note in the run's row."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, write: Callable[[], Awaitable[T]]) -> T:
        """The result of a write, tried until the store takes it. Raises Closed."""
        held = False
        try:
            while True:
                try:
                    done = await write()
                except Busy as refused:
                    if not held:
                        held, self._held = True, self._held + 1
                    await self._close(refused)
                    if time.monotonic() + PAUSE > self.end:
                        raise Closed(refused.message) from refused
                    await asyncio.sleep(PAUSE)
                    continue
                return done
        finally:
            if held:
                self._held -= 1
                if self._held == 0:
                    await self._open()

    async def probe(self) -> None:
        """Wait until the store takes as much as a long reply. Raises Closed."""
        await self.write(lambda: asyncio.to_thread(reply_store.probe, self.run.run_id))
        if self.run.paused is not None and self.why is None:  # noted by an attempt that has ended
            await self._tell("Goes on: replies can be stored again", None)

    async def passed(self, is_over: Callable[[], bool]) -> bool:
        """Wait until the gate is open; False: there is nothing to wait for any more."""
        while self.why is not None:
            if is_over() or time.monotonic() > self.end:
                return False
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), CHECK_EVERY)
            except TimeoutError:
                continue
        return True

    def raise_if_closed(self) -> None:
        """Raises StoreRefuses, on which the state machine tries the batch again."""
        if self.why is not None:
            raise StoreRefuses(self.why)

    async def _close(self, refused: Busy) -> None:
        was, self.why = self.why, refused.message
        if was is None:
            logger.error("run %s is paused: %s", self.run.run_id, refused.message)
            self._since = self._noted = time.monotonic()
            await self._tell(f"Paused until replies can be stored: {self.why}", self.why)
        elif time.monotonic() - self._noted >= REMIND:
            self._noted = time.monotonic()
            await self._note(self.why)

    async def _open(self) -> None:
        if time.monotonic() + PAUSE > self.end:  # given up, not stored: it stays closed
            return
        waited, why, self.why = time.monotonic() - self._since, self.why, None
        self._changed.set()
        logger.warning("run %s goes on after %.0f s", self.run.run_id, waited)
        await self._tell(f"Goes on after {waited:.0f} s, in which replies could not be stored: {why}", None)

    async def _tell(self, line: str, paused: str | None) -> None:
        """In the run's row and log, where these can be written."""
        try:
            await asyncio.to_thread(run_log.write, self.run.run_id, self.run.stage, line, level="warning")
        except Busy:
            logger.warning("run %s: its log does not say: %s", self.run.run_id, line)
        await self._note(paused)

    async def _note(self, paused: str | None) -> None:
        try:
            await asyncio.to_thread(run_status.change, self.run, {"paused": paused})
        except (Busy, ConditionFailed):  # ConditionFailed: it was deleted
            logger.warning(
                "run %s: it could not be noted that it %s", self.run.run_id, "pauses" if paused else "goes on"
            )
