"""Admits every call of a batch: a place in flight, then a start time that all workers of the account share."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

from dataforge import settings
from dataforge.platform.ports import Item
from dataforge.records import Answer, Question, Rates
from dataforge.store import shared_state
from dataforge.teachers import Model
from dataforge.teachers.rate_schedule import ConcurrencyWindow, RateSchedule, RateShare, StartTimes, reserve, spacing

STALE = 0.1
"""A start time missed by more than this many seconds is given up; one missed by less is made up for one gap at a time:
calls that were held up together must not start together."""
CHECK_EVERY = 0.25
"""Seconds between two looks at whether there is still anything to wait for."""
MARGIN = 1.03
"""The gap between two calls, as a multiple of what the limit allows: clocks and networks are never quite even."""
_REPLY_TOKENS = 600
"""A first guess, until replies show it."""


class RateLimiter:
    """One per batch. concurrency: calls in flight at most. is_over: whether nothing more is to be sent.

    Time is the clock of the system: the line of start times is shared between machines.
    """

    def __init__(self, model: Model, org_id: str, concurrency: int, is_over: Callable[[], bool]) -> None:
        self.window = ConcurrencyWindow(concurrency)
        self._model, self._org_id, self._is_over = model, org_id, is_over
        self._told = Rates()
        self._tokens: float | None = None
        self._times: deque[float] = deque()
        self._last = 0.0
        self._line = asyncio.Lock()  # one call at a time waits for its start: a stall cannot bunch them
        self._waiting: deque[asyncio.Event] = deque()
        """Calls that wait for a place in flight, first come, first served."""

    async def enter(self, question: Question) -> int | None:
        """Come in when a call may start: the era to leave with. None: nothing more is to be sent."""
        if not await self._found_room():
            return None
        era = self.window.sent()
        try:
            if await self._start_time(question):
                return era
        except BaseException:
            self._out()
            raise
        self._out()
        return None

    async def _found_room(self) -> bool:
        """Whoever just got a reply overtakes nobody: a call that is sent again would wait for all new ones.

        False: nothing more is to be sent.
        """
        if not self._waiting and self.window.has_capacity:
            return True
        turn = asyncio.Event()
        self._waiting.append(turn)
        try:
            while not (self._waiting[0] is turn and self.window.has_capacity):
                if self._is_over():
                    return False
                turn.clear()
                await _within(turn.wait(), CHECK_EVERY)
            return True
        finally:
            self._waiting.remove(turn)
            self._call_next()

    def _call_next(self) -> None:
        if self._waiting:
            self._waiting[0].set()

    def answered(self, era: int, answer: Answer) -> None:
        self.window.answered(era)
        self._call_next()
        self._told = answer.rates or self._told
        used = answer.input_tokens + answer.output_tokens
        self._tokens = used if self._tokens is None else 0.9 * self._tokens + 0.1 * used

    def turned_away(self, era: int, rates: Rates | None, *, limited: bool) -> None:
        """limited: by a limit of the account (429); else the provider is overloaded, whoever asks."""
        if limited:
            self.window.rejected(era)
        else:
            self.window.lost()
        self._told = rates or self._told
        self._call_next()

    def lost(self, era: int, *, timed_out: bool = False) -> None:
        """Reset, timed out, refused."""
        if timed_out:
            self.window.timed_out(era)
            self._call_next()
        else:
            self._out()

    def _out(self) -> None:
        self.window.lost()
        self._call_next()

    async def _start_time(self, question: Question) -> bool:
        """Wait for a start time, where a limit is known. False: nothing more is to be sent."""
        while not self._is_over():
            if self._spacing(question) is None:
                return True
            async with self._line:
                gap = self._spacing(question) or 0.001  # replies may have shown new limits meanwhile
                wait = await self._refilled(gap)
                start = max(self._times.popleft(), self._last + gap) if wait == 0 else time.time() + wait
                if await self._slept_until(start) and wait == 0:
                    self._last = time.time()
                    return True
        return False

    async def _refilled(self, gap: float) -> float:
        """0 when there is a time to take, else the seconds after which to ask for one again."""
        earliest = max(time.time(), self._last + gap)
        while self._times and self._times[0] < earliest - STALE:
            self._times.popleft()
        if self._times:
            return 0
        got = await asyncio.to_thread(self._reserve, gap)
        if isinstance(got, float):
            return got
        self._times.extend(got.times())
        return 0

    def _reserve(self, gap: float) -> StartTimes | float:
        def decide(stored: Item) -> tuple[Item, StartTimes | float]:
            line, got = reserve(
                _line(stored),
                self._org_id,
                now=time.time(),
                spacing=gap,
                most=2 * self.window.ceiling,
            )
            return _stored(line), got

        return shared_state.update(f"rate#{self._model.base_url or ''}{self._model.backend}", decide)

    def _spacing(self, question: Question) -> float | None:
        """The catalogue's limits, else the settings', else what the provider sent."""
        s, m = settings.get(), self._model
        requests = m.requests_per_minute or s.requests_per_minute or self._told.requests
        tokens = m.tokens_per_minute or s.tokens_per_minute or self._told.tokens
        if not requests and not tokens:
            return None
        guess = sum(len(t.content) for t in question.messages) / 4 + _REPLY_TOKENS
        gap = spacing(requests, tokens, self._tokens or guess)
        return gap and gap * MARGIN

    async def _slept_until(self, moment: float) -> bool:
        while (left := moment - time.time()) > 0:
            if self._is_over():
                return False
            await asyncio.sleep(min(left, CHECK_EVERY))
        return True


def _line(stored: Item) -> RateSchedule:
    shares = cast("dict[str, dict[str, float]]", stored.get("shares") or {})
    return RateSchedule(
        float(str(stored.get("given_until") or 0)),
        float(str(stored.get("turn") or 0)),
        {org: RateShare(float(s["had"]), float(s["until"])) for org, s in shares.items()},
    )


def _stored(line: RateSchedule) -> Item:
    return {
        "given_until": line.reserved_until,
        "turn": line.turn,
        "shares": {org: {"had": s.used, "until": s.waiting_until} for org, s in line.shares.items()},
    }


async def _within(wait: object, seconds: float) -> None:
    try:
        await asyncio.wait_for(wait, seconds)  # type: ignore[arg-type]
    except TimeoutError:
        return
