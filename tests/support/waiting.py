"""Waiting for a condition with a deadline, and watching other processes from a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def until(condition: Callable[[], T], what: str = "the condition never held", seconds: float = 60) -> T:
    """The condition's first true value, asked every 10 ms. Fails with `what` after the seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
    return value


def alive(pid: int) -> bool:
    try:
        # A zombie whose last thread is gone answers signal 0 too, but is dead.
        zombie = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return not zombie or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False
