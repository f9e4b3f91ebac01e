"""Where an execution stands: the rows of the execution store as the runner works on them."""

from __future__ import annotations

from dataclasses import dataclass

from dataforge.platform.ports import Value


class ExecutionEnded(Exception):
    """The execution ended, or its Map failed, while a thread worked on this frame."""


@dataclass(frozen=True, slots=True)
class Frame:
    id: int
    execution: int
    position: int | None
    """The index of the item in its Map; None for the execution itself."""
    state: str
    data: Value
    tries: tuple[int, ...]
    """How often each retrier of the state has answered in this visit."""
    wake: float | None
    """Not before this time (epoch seconds)."""
    opened: bool
    """The Map at which the execution stands has a frame for each item."""


@dataclass(frozen=True, slots=True)
class Running:
    id: int
    machine: str
    run_id: str
    deadline: float
    wake: float | None = None
    """When the execution, which only waits, continues; Map children do not count."""
