"""The time in which a runner really runs, told from the wall clock: a laptop sleeps, a clock is set."""

from __future__ import annotations

import time
from collections.abc import Callable

NOTE_EVERY = 10.0
"""Seconds between two notes that the runner is alive; as much running time is given away by a crash."""
JUMP_SECONDS = 2.0
"""Less than this, between two looks, is drift."""
STOOD_STILL_SECONDS = 30.0
"""A longer time between two looks was no running time: the process, or its machine, was stopped."""


class RunningTime:
    """now: the wall clock; monotonic: a clock that is never set, and that may or may not go on in sleep."""

    def __init__(self, now: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._now, self._monotonic = now, monotonic
        self._wall, self._ran = now(), monotonic()
        self._noted = float("-inf")

    def look(self) -> tuple[float, bool]:
        """Seconds on the wall clock since the last look that were no running time (negative: it was set back; 0.0:
        none), and whether a note is due."""
        wall, ran = self._now(), self._monotonic()
        passed, running = wall - self._wall, ran - self._ran
        self._wall, self._ran = wall, ran
        lost = passed - (running if running <= STOOD_STILL_SECONDS else 0.0)
        return (lost if abs(lost) > JUMP_SECONDS else 0.0), ran - self._noted >= NOTE_EVERY

    def noted(self) -> None:
        self._noted = self._monotonic()
