"""How often a write is decided and tried again that somebody else was faster with."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from dataforge.errors import Busy

ATTEMPTS = 40


def attempts(what: str) -> Iterator[None]:
    """One step for each attempt, with a growing random pause between two. Blocks for a second in all.

    what: who is at it at once, for the message. Raises Busy after the last attempt: whoever asked may come back.
    """
    for attempt in range(ATTEMPTS):
        yield
        time.sleep(random.uniform(0, 0.002 * (attempt + 1)))
    raise Busy(f"{what} at once; try again in a moment")
