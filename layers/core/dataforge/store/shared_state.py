"""What all workers of an account share while they ask: start times of a model's line, and what a run may still spend.

| question                                  | access                                         |
|---|---|
| when may a model be asked next?           | get, update where version (scope `rate#<model>`)  |
| what may this run still spend?            | get, update where version (scope `budget#<run>`)  |

Both are read, decided on and written back only if nobody wrote between; who came second decides again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from dataforge import clock
from dataforge.errors import ConditionFailed
from dataforge.platform import current
from dataforge.platform.ports import Item

T = TypeVar("T")
ATTEMPTS = 40
DAY = 86_400


def update(scope: str, decision: Callable[[Item], tuple[Item, T]], *, days: int = 1) -> T:
    """decision: from the attributes that are stored (none at first) to those to set, and its own result; it may be
    called several times. Blocks for some milliseconds. Raises ConditionFailed when too many write at once.
    """
    for attempt in range(ATTEMPTS):
        stored = current().tables.get("admissions", {"scope": scope}) or {}
        version = stored.get("version")
        fresh, result = decision(stored)
        number = version + 1 if isinstance(version, int) else 1
        item: Item = {**fresh, "version": number, "expires_at": clock.epoch() + days * DAY}
        try:
            if version is None:
                current().tables.put_new("admissions", {**item, "scope": scope})
            else:
                current().tables.update("admissions", {"scope": scope}, set=item, where={"version": version})
        except ConditionFailed:
            time.sleep(random.uniform(0, 0.002 * (attempt + 1)))
            continue
        return result
    raise ConditionFailed(f"too many workers write {scope} at once")
