"""The log of a run, line by line.

| question                | access                                                     |
|---|---|
| a new line              | put run_events (run_id, `log#<ulid>`)                      |
| the last n lines        | query run_events (run_id, begins `log#`), descending       |
| those after a cursor    | see `run_events.since`                                     |
"""

from __future__ import annotations

from dataforge import clock
from dataforge.log import redact
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import retention, run_events


def write(run_id: str, stage: str, message: str, *, level: str = "info", status: str | None = None) -> None:
    """One line of the run's log. status: that in which the run ends with this line."""
    line: Item = {
        "run_id": run_id,
        "at_seq": f"log#{run_events.new_id()}",
        "timestamp": clock.now(),
        "level": level,
        "stage": stage,
        "message": redact(message)[:2000],
        "expires_at": retention.expiry(),
        **({"status": status} if status else {}),
    }
    current().tables.put("run_events", line)
    run_events.publish_line(run_id, line)


def tail(run_id: str, tail: int) -> list[Item]:
    """The last `tail` lines, oldest first."""
    lines: list[Item] = []
    cursor = None
    while len(lines) < tail:
        page = current().tables.query_page(
            "run_events",
            {"run_id": run_id},
            begins=("at_seq", "log#"),
            cursor=cursor,
            limit=min(1000, tail - len(lines)),
            descending=True,
        )
        lines += page.items
        cursor = page.cursor
        if cursor is None:
            break
    return lines[::-1]
