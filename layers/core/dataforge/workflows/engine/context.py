"""What the calls of a batch share."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from dataforge.platform.ports import Item
from dataforge.records import Slot
from dataforge.store.replies import Reply
from dataforge.store.runs import Run
from dataforge.teachers import Model
from dataforge.teachers.ports import Teacher
from dataforge.workflows.engine.cost_budget import CostBudget
from dataforge.workflows.engine.rate_limiter import RateLimiter

Call = Callable[[Sequence[Slot]], Awaitable[list[Item]]]
"""Asks for some slots together; the outcome of each."""


@dataclass(slots=True)
class BatchContext:
    """What the calls of a batch share, whatever they ask for."""

    run: Run
    name: str
    """`r<round>b<batch>`: the name of its progress."""
    teacher: Teacher
    stored: dict[str, Reply]
    slots: int
    purse: CostBudget
    gates: dict[str, RateLimiter] = field(default_factory=dict)
    """By the teacher's name; made anew for each round of calls."""
    outcomes: list[Item] = field(default_factory=list)
    used: list[Reply] = field(default_factory=list)
    answered: int = 0
    """Replies that the teacher gave to this attempt of the batch."""
    stop: str | None = None
    """Why no further call is sent: cancelled, out of budget, or the teacher refused for good, or is gone."""
    stop_detail: str = ""
    others: tuple[tuple[Teacher, Model], ...] = ()
    """Further teachers that its calls ask, each let in by the limits of its own model."""
    deadline: float = math.inf
    """time.monotonic() after which nothing more is begun."""
    later: deque[Callable[[], None]] = field(default_factory=deque)
    """What can wait for a lull between replies: requests must not wait for it."""

    def is_late(self) -> bool:
        return self.stop is None and time.monotonic() > self.deadline

    def is_over(self) -> bool:
        return self.stop is not None or self.is_late()

    def end(self, reason: str, detail: str) -> None:
        """Send nothing more; the first reason stays."""
        if self.stop is None:
            self.stop, self.stop_detail = reason, detail
