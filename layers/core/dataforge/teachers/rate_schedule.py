"""How fast one model may be asked: the decisions, without a clock, a network or a table. `workflows.admitting` acts.

Two bounds, each where it can be known:

* **In flight, per worker** (`Window`): starts at what the run was given, and gives way only when the provider turns
  calls away *systematically*, that is a third of the last calls. Then the limit falls by a factor, once for all calls
  that were sent under it, and climbs again by one for every round of answers. A call that is turned away by chance
  waits as it was told, alone: nobody else slows down.
* **Per minute, per account** (`Schedule`): calls start at times that were given out beforehand, evenly spaced over one
  line that all workers of all runs share. A worker takes a short block of such times at once, so it does not write for
  every call; a worker that dies leaves times behind that pass by themselves. Organisations take turns by what each has
  had (start-time fair queueing): ten workers of one do not crowd out the one of another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

SYSTEMATIC = 1 / 3
"""Share of calls turned away from which it is the limit, not chance."""
LEAST_SEEN = 24
"""Fewer answers than this prove nothing."""
REMEMBERED = 64
DECREASE = 0.7

BLOCK = 0.5
"""Seconds of the line that one block covers."""
HORIZON = 0.25
"""Nothing is given out further ahead than this, so that nobody waits long behind a crowd."""
WAIT_SECONDS = 1.0
"""Seconds that a turned-down organisation's wish is kept in mind after the time it was told to come back."""
RETURN_SECONDS = 0.05
"""Seconds after which one whose turn it is not asks again."""


@dataclass(slots=True)
class ConcurrencyWindow:
    """How many calls of one worker may be in flight. Every call tells the `era` it was sent in when it comes back."""

    ceiling: int
    limit: float = 0.0
    in_flight: int = 0
    era: int = 0
    _seen: deque[bool] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def __post_init__(self) -> None:
        self.limit = float(self.ceiling)

    @property
    def has_room(self) -> bool:
        return self.in_flight < int(self.limit)

    def sent(self) -> int:
        """The era to come back with."""
        self.in_flight += 1
        return self.era

    def answered(self, era: int) -> None:
        """A reply, of whatever kind."""
        self.in_flight -= 1
        if era == self.era:
            self._seen.append(False)
            self.limit = min(float(self.ceiling), self.limit + 1 / self.limit)

    def lost(self) -> None:
        """Neither a reply nor a refusal: a reset or a time-out proves nothing about limits."""
        self.in_flight -= 1

    def turned_away(self, era: int) -> None:
        """By a 429. Calls sent before the last fall say nothing about the limit of now."""
        self.in_flight -= 1
        if era != self.era:
            return
        self._seen.append(True)
        if len(self._seen) >= LEAST_SEEN and sum(self._seen) >= SYSTEMATIC * len(self._seen):
            self.limit = max(1.0, self.limit * DECREASE)
            self.era += 1
            self._seen.clear()


@dataclass(frozen=True, slots=True)
class RateShare:
    """What one organisation had of the line, and until when its last, unmet wish counts."""

    had: float = 0.0
    wants_until: float = 0.0


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """The line of start times of one model's account. Times are seconds since the epoch."""

    given_until: float = 0.0
    turn: float = 0.0
    """What the organisation served last had before: whoever comes anew starts from here, not from the beginning."""
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
    line: RateSchedule, org: str, *, now: float, spacing: float, most: int
) -> tuple[RateSchedule, StartTimes | float]:
    """The line afterwards, and either a block of at most `most` times or the seconds after which to ask again.

    spacing: seconds between two starts. The new line must be written in both cases: a wish that is turned down counts.
    """
    mine = line.shares.get(org, RateShare())
    ahead = line.given_until - now
    waiting = [s.had for o, s in line.shares.items() if o != org and s.wants_until > now]
    had = max(mine.had, line.turn)
    if ahead > HORIZON or (waiting and min(max(w, line.turn) for w in waiting) < had):
        wait = max(RETURN_SECONDS, ahead - HORIZON)
        return _with(line, org, replace(mine, had=had, wants_until=now + wait + WAIT_SECONDS), now), wait
    count = max(1, min(most, int(BLOCK / spacing)))
    first = max(now, line.given_until)
    taken = replace(line, given_until=first + count * spacing, turn=had)
    return _with(taken, org, RateShare(had + count * spacing), now), StartTimes(first, spacing, count)


def _with(line: RateSchedule, org: str, share: RateShare, now: float) -> RateSchedule:
    """Organisations that want nothing and are not ahead of the turn are forgotten: they would start from it anyway."""
    kept = {o: s for o, s in line.shares.items() if s.had > line.turn or s.wants_until > now}
    return replace(line, shares={**kept, org: share})


def spacing(requests_per_minute: float | None, tokens_per_minute: float | None, tokens_per_call: float) -> float | None:
    """Seconds between two starts that keep both limits; None: no limit is known."""
    gaps = [60 / requests_per_minute] if requests_per_minute else []
    if tokens_per_minute:
        gaps.append(60 * max(1.0, tokens_per_call) / tokens_per_minute)
    return max(gaps) if gaps else None
