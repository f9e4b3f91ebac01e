"""How often an organisation may call each API: a sliding window made of two counted minutes.

At `t` ms into a minute, the last minute's calls count by the share of them that still lies within 60 s:

    used = last * (60,000 - t) / 60,000 + this

A call is one atomic `add` on the item (organisation and API, minute); the minute before is closed and read once per
process. All in whole milliseconds, so that what Retry-After promises holds exactly. A refused call is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from dataforge import clock, settings
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import Key

MINUTE = 60_000
"""Milliseconds."""
_REMEMBER = 10_000
"""Buckets whose closed minute or refusal this process keeps in mind."""

_T = TypeVar("_T")

_closed: dict[str, tuple[int, int]] = {}
"""bucket -> (minute, its calls)."""
_refused: dict[str, tuple[int, int, int]] = {}
"""bucket -> (limit, ms since 1970 before which no call can be let in, ms when all is free again): counts only grow, so
a flood is answered from here, without a write."""


@dataclass(frozen=True, slots=True)
class Allowance:
    limit: int
    remaining: int
    reset: int
    """Whole seconds until the whole limit is free again, if nobody calls until then."""
    retry_after: int | None = None
    """Whole seconds after which a call is let in; None: this one is."""


@dataclass(frozen=True, slots=True)
class Window:
    """Calls let in during the last minute and this one."""

    last: int
    this: int
    elapsed: int
    """Milliseconds into this minute."""

    def free(self, limit: int) -> int:
        """How many more calls fit now; negative when there were too many."""
        return limit - self.this - -(-self.last * (MINUTE - self.elapsed) // MINUTE)

    def wait(self, limit: int) -> int:
        """Milliseconds until one more call fits, if none comes in between."""
        if self.free(limit) >= 1:
            return 0
        if self.this + 1 <= limit:
            return MINUTE - (limit - self.this - 1) * MINUTE // self.last - self.elapsed
        rest = MINUTE - self.elapsed
        return rest + max(0, MINUTE - (limit - 1) * MINUTE // self.this)

    def drained(self) -> int:
        """Milliseconds until no call counts any more."""
        return 2 * MINUTE - self.elapsed if self.this else MINUTE - self.elapsed if self.last else 0


def limit_of(api: str) -> int:
    s = settings.get()
    return {
        "data-forge": s.rate_data_forge,
        "synthetic": s.rate_synthetic,
        "datasets": s.rate_datasets,
        "training": s.rate_training,
        "accounts": s.rate_accounts,
    }[api]


def take(org_id: str, api: str) -> Allowance | None:
    """Count one call, or say when it may come. None: this API is not limited."""
    limit = limit_of(api)
    if limit == 0:
        return None
    bucket, now = f"{org_id}#{api}", clock.milliseconds()
    known = _refused.get(bucket)
    if known and known[0] == limit and now < known[1]:
        return Allowance(limit, 0, _seconds(known[2] - now), _seconds(known[1] - now))
    minute, elapsed = divmod(now, MINUTE)
    window = Window(_last(bucket, minute - 1), _add(bucket, minute, 1), elapsed)
    if window.free(limit) >= 0:
        return Allowance(limit, window.free(limit), _seconds(window.drained()))
    window = Window(window.last, max(0, _add(bucket, minute, -1)), elapsed)
    wait, drained = max(1, window.wait(limit)), window.drained()
    _remember(_refused, bucket, (limit, now + wait, now + drained))
    return Allowance(limit, 0, _seconds(drained), _seconds(wait))


def _last(bucket: str, minute: int) -> int:
    known = _closed.get(bucket)
    if known is None or known[0] != minute:
        item = current().tables.get("limiter", _key(bucket, minute))
        count = item.get("calls", 0) if item else 0
        known = (minute, count if isinstance(count, int) else 0)
        _remember(_closed, bucket, known)
    return known[1]


def _add(bucket: str, minute: int, calls: int) -> int:
    """The calls of this minute, these included."""
    tables, key = current().tables, _key(bucket, minute)
    for _ in range(2):
        try:
            return int(str(tables.update("limiter", key, add={"calls": calls})["calls"]))
        except ConditionFailed:
            pass  # the first call of the minute
        try:
            tables.put_new("limiter", {**key, "calls": calls, "expires_at": (minute + 3) * MINUTE // 1000})
            return calls
        except ConditionFailed:
            pass  # another process was the first
    raise AssertionError("unreachable: an item of this minute is not removed yet")


def _key(bucket: str, minute: int) -> Key:
    return {"bucket": bucket, "minute": minute}


def _seconds(milliseconds: int) -> int:
    return -(-milliseconds // 1000)


def _remember(memory: dict[str, _T], bucket: str, value: _T) -> None:
    if len(memory) >= _REMEMBER:
        memory.clear()
    memory[bucket] = value
