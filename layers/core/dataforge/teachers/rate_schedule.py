"""How fast one model may be called: the decisions, without a clock, a network or a table.
`workflows.engine.rate_limiter` carries them out.

Two limits, each where it can be known:

* **In flight, per worker** (`ConcurrencyWindow`): starts at the run's concurrency, and decreases only when the provider
  rejects calls *systematically*, that is a third of the last calls. Then the limit falls by a factor, once for all
  calls that were sent under it, and grows again by one for every round of answers. A call that is rejected by chance
  waits for its own `retry_after`: no other call slows down. A server that lets an eighth of its calls wait in vain
  works on fewer at a time: the limit falls to what it did answer meanwhile, and never grows as high again.
* **Per minute, per account** (`RateSchedule`): calls start at times reserved beforehand, evenly spaced on one schedule
  that all workers of all runs share. A worker reserves a short block of start times at once, so it does not write for
  every call; the times of a worker that dies pass unused. Organisations are served by what each has used (start-time
  fair queueing): ten workers of one do not starve the one of another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

SYSTEMATIC = 1 / 3
"""Share of rejected calls from which the limit is the reason, not chance."""
LEAST_SEEN = 24
"""Calls below which the share of rejections proves nothing."""
LEAST_TIMED_OUT = 3
"""Time-outs below which their share proves nothing: each has cost a whole time-out."""
IN_VAIN = 1 / 8
"""Share of calls that timed out from which the server is taken to have too many at once."""
REMEMBERED = 64
DECREASE = 0.7

BLOCK = 0.5
"""Seconds of the schedule that one block of start times covers."""
HORIZON = 0.25
"""Seconds ahead that start times are reserved at most, so that no organisation waits long behind many others."""
WAIT_SECONDS = 1.0
"""Seconds that the request of an organisation without start times counts after the time at which it should retry."""
RETURN_SECONDS = 0.05
"""Seconds after which a worker retries when it is another organisation's turn."""


@dataclass(slots=True)
class ConcurrencyWindow:
    """How many calls of one worker may be in flight. Every call returns with the `era` in which it was sent: the limit
    falls once for all calls of an era."""

    ceiling: int
    limit: float = 0.0
    in_flight: int = 0
    era: int = 0
    _timed_out: int = 0
    """Calls of this era."""
    _seen: deque[bool] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def __post_init__(self) -> None:
        self.limit = float(self.ceiling)

    @property
    def has_capacity(self) -> bool:
        return self.in_flight < int(self.limit)

    def sent(self) -> int:
        """Counts a call. Its era, to report the outcome with."""
        self.in_flight += 1
        return self.era

    def answered(self, era: int) -> None:
        """The call got a reply, of whatever kind."""
        self.in_flight -= 1
        if era == self.era:
            self._seen.append(False)
            self.limit = min(float(self.ceiling), self.limit + 1 / self.limit)

    def lost(self) -> None:
        """The call got neither a reply nor a rejection: a reset proves nothing about limits."""
        self.in_flight -= 1

    def timed_out(self, era: int) -> None:
        """The server took the call and did not answer in time."""
        self.in_flight -= 1
        if era != self.era:
            return
        self._timed_out += 1
        self._seen.append(True)
        if self._timed_out >= LEAST_TIMED_OUT and sum(self._seen) >= IN_VAIN * len(self._seen):
            answered = len(self._seen) - sum(self._seen)
            self.ceiling = max(1, min(self.ceiling, int(self.limit) - 1))
            self._fall_to(min(self.limit / 2, max(1.0, float(answered))))

    def _fall_to(self, limit: float) -> None:
        self.limit = max(1.0, limit)
        self.era += 1
        self._timed_out = 0
        self._seen.clear()

    def rejected(self, era: int) -> None:
        """The call got a 429. Calls sent before the last decrease prove nothing about the present limit."""
        self.in_flight -= 1
        if era != self.era:
            return
        self._seen.append(True)
        if len(self._seen) >= LEAST_SEEN and sum(self._seen) >= SYSTEMATIC * len(self._seen):
            self._fall_to(self.limit * DECREASE)


@dataclass(frozen=True, slots=True)
class RateShare:
    """Seconds of the schedule that one organisation used, and until when its last unmet request counts."""

    used: float = 0.0
    waiting_until: float = 0.0


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """The start times of one model's account. Times are seconds since the epoch."""

    reserved_until: float = 0.0
    turn: float = 0.0
    """What the organisation served last had used before: a new organisation starts from here, not from 0."""
    shares: Mapping[str, RateShare] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StartTimes:
    """`count` start times, the first at `first`, then one every `spacing` seconds."""

    first: float
    spacing: float
    count: int

    def times(self) -> list[float]:
        return [self.first + n * self.spacing for n in range(self.count)]


def reserve(
    schedule: RateSchedule, org: str, *, now: float, spacing: float, most: int
) -> tuple[RateSchedule, StartTimes | float]:
    """The schedule afterwards, and either at most `most` start times or the seconds after which to retry.

    spacing: seconds between two starts. The new schedule must be stored in both cases: an unmet request counts.
    """
    mine = schedule.shares.get(org, RateShare())
    ahead = schedule.reserved_until - now
    waiting = [s.used for o, s in schedule.shares.items() if o != org and s.waiting_until > now]
    used = max(mine.used, schedule.turn)
    if ahead > HORIZON or (waiting and min(max(w, schedule.turn) for w in waiting) < used):
        wait = max(RETURN_SECONDS, ahead - HORIZON)
        return _with(schedule, org, replace(mine, used=used, waiting_until=now + wait + WAIT_SECONDS), now), wait
    count = max(1, min(most, int(BLOCK / spacing)))
    first = max(now, schedule.reserved_until)
    taken = replace(schedule, reserved_until=first + count * spacing, turn=used)
    return _with(taken, org, RateShare(used + count * spacing), now), StartTimes(first, spacing, count)


def _with(schedule: RateSchedule, org: str, share: RateShare, now: float) -> RateSchedule:
    """Organisations without a request that are not ahead of `turn` are dropped: they would start from it anyway."""
    kept = {o: s for o, s in schedule.shares.items() if s.used > schedule.turn or s.waiting_until > now}
    return replace(schedule, shares={**kept, org: share})


def spacing(requests_per_minute: float | None, tokens_per_minute: float | None, tokens_per_call: float) -> float | None:
    """Seconds between two starts that keep within both limits; None: no limit is known."""
    gaps = [60 / requests_per_minute] if requests_per_minute else []
    if tokens_per_minute:
        gaps.append(60 * max(1.0, tokens_per_call) / tokens_per_minute)
    return max(gaps) if gaps else None
