"""How long rows that only serve a run are kept.

| question                                  | access                                                    |
|---|---|
| an unfinished run keeps its rows longer   | query replies, run_events (run_id), put them again        |
"""

from __future__ import annotations

from collections.abc import Iterator

from dataforge import clock, settings
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import item_codec

TABLES = ("replies", "run_events")


def expiry() -> int:
    """For the attribute `expires_at` of a row that is written now: seconds since 1970."""
    return clock.epoch() + settings.get().retention_days * 86_400


def prolong(run_id: str, seconds: float) -> None:
    """Keep the rows of a run that many seconds longer, none of them longer than one that is written now.

    Only while nothing else writes to the run.
    """
    for table in TABLES:
        current().tables.batch_put(table, _later(table, run_id, int(seconds)))


def _later(table: str, run_id: str, seconds: int) -> Iterator[Item]:
    latest = expiry()
    for item in item_codec.items_of(table, {"run_id": run_id}):
        expires = item.get("expires_at")
        if isinstance(expires, (int, float)) and expires < latest:
            yield {**item, "expires_at": min(int(expires) + seconds, latest)}
