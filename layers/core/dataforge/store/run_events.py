"""Events of a run for whoever follows it: one kind of record, for logs, bars, sockets and streams alike.

| question                          | access                                                                   |
|---|---|
| how far the run is now            | get run_events (run_id, `now`)                                           |
| it is so far now                  | put_new, or update where nobody else did since; every PUBLISH_EVERY at most |
| what was logged after a line      | query run_events (run_id, between `log#<cursor>` and the end)            |

Progress of a run is one item that is replaced, so a long run does not fill the table; a follower gets the newest, and
every log line since its cursor. Ids are ulids: they sort by time over all processes of a run; a cursor is the id of the
last line and that of the last progress.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, cast

from ulid import ULID

from dataforge import clock
from dataforge.errors import ConditionFailed, Invalid
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import own_writes, retention
from dataforge.store import progress as progress_store
from dataforge.store.item_codec import from_item, to_item
from dataforge.store.progress import Progress
from dataforge.store.runs import ACTIVE, Run

PUBLISH_EVERY = 500
"""Milliseconds between two progress events of a run, whatever the number of its batches."""

STALLED = 15_000
"""Milliseconds without an event after which the rate is measured anew: the run stood still, or the server did."""

WINDOW = 30_000
"""Milliseconds over which a rate is measured."""

MIN_WINDOW = 1000

SETTLING = 300
"""Milliseconds that a log line may take to be seen by all: younger lines are read at the next look, in their order."""

NOW = "now"

START = ".".join(["0" * 26] * 2)
"""The cursor before every event."""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """type progress: the numbers are set; type log: `level` and `message` are. done and total: of this stage (of this
    round of asking). cost_usd: dollars so far; None: the price is not known."""

    id: str
    type: Literal["progress", "log"]
    timestamp: str
    stage: str
    status: str | None = None
    """Of the run; on the last log line of a run, too."""
    level: str | None = None
    message: str | None = None
    done: int | None = None
    total: int | None = None
    failed: int | None = None
    rate_per_second: float | None = None
    eta_seconds: float | None = None
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    counts: Item | None = None
    """requested, asked, delivered, flagged (of the delivered), rejected, failed, over the whole run."""


@dataclass(frozen=True, slots=True)
class ProgressSnapshot:
    """The item behind a progress event: the event, and from where its rate is measured."""

    event: Item
    beat: str
    """The event's id, on which its replacement is conditional."""
    at: int
    """Milliseconds of the event; since and was: where the window began, and how much was done then."""
    since: int
    was: int
    lap: str
    """Stage and round: counts start again with each. The names of the fields are those of stored attributes."""


def new_id() -> str:
    return str(ULID()).lower()


def publish_line(run_id: str, item: Item) -> None:
    """Push a log line, as it was stored, to the run's subscribers."""
    current().publisher.publish(run_id, message(_of_line(item)))


def message(event: RunEvent) -> Item:
    """What sockets push and streams return."""
    return to_item(event)


def publish_progress(
    run: Run, measure: Callable[[], tuple[Progress, Progress]], expires_at: int, *, now: bool = False
) -> None:
    """Publish how far a run is, unless somebody did within PUBLISH_EVERY.

    measure: (this stage, the whole run), called only then. now: whatever was published before, since the run's state
    changed. Of two at once one is published.
    """
    last = _snapshot(run.run_id)
    at = clock.milliseconds()
    if last is not None and not now and at - last.at < PUBLISH_EVERY:
        return
    stage, whole = measure()
    fresh = _next(last, run, stage, whole, at)
    item: Item = {**to_item(fresh), "expires_at": expires_at}
    key = {"run_id": run.run_id, "at_seq": NOW}
    try:
        if last is None:
            own_writes.put_new("run_events", key, item)
        else:
            own_writes.update("run_events", key, set=item, where={"beat": last.beat})
    except ConditionFailed:
        if now:
            publish_progress(run, measure, expires_at, now=now)
        return
    current().publisher.publish(run.run_id, fresh.event)


def _next(last: ProgressSnapshot | None, run: Run, stage: Progress, whole: Progress, at: int) -> ProgressSnapshot:
    stage_round = f"{run.stage}#{run.assessed_round}"
    fresh = last is None or last.lap != stage_round or stage.done < last.was or at - last.at > STALLED
    since, was = (at, stage.done) if fresh or last is None else (last.since, last.was)
    rate = None if fresh or last is None else cast("float | None", last.event.get("rate_per_second"))
    if at - since >= MIN_WINDOW:
        rate = round((stage.done - was) / (at - since) * 1000, 3)
    if at - since >= WINDOW:
        since, was = at, stage.done
    total = max(run.asked - run.delivered - run.rejected - run.failed, stage.done)
    live = run.completed_at is None
    cost = whole.cost_usd if live else run.cost_usd
    event = RunEvent(
        id=new_id(),
        type="progress",
        timestamp=clock.now(),
        stage=run.stage,
        status=run.status,
        done=stage.done if live else run.asked,
        total=total if live else run.asked,
        failed=stage.failed if live else run.failed,
        rate_per_second=rate if live else None,
        eta_seconds=round((total - stage.done) / rate, 1) if rate and live else None,
        cost_usd=None if cost is None else round(cost, 8),
        input_tokens=whole.input_tokens,
        output_tokens=whole.output_tokens,
        counts={n: getattr(run, n) for n in ("requested", "asked", "delivered", "flagged", "rejected", "failed")},
    )
    return ProgressSnapshot(event=message(event), beat=event.id, at=at, since=since, was=was, lap=stage_round)


def latest(run_id: str) -> RunEvent | None:
    """The newest progress event."""
    last = _snapshot(run_id)
    return from_item(RunEvent, last.event) if last else None


@dataclass(frozen=True, slots=True)
class EventPage:
    """events: in the order of their ids. cursor: after which the next ones come. more: there are further lines now."""

    events: list[RunEvent]
    cursor: str
    more: bool


def since(run_id: str, cursor: str, limit: int) -> EventPage:
    """At most `limit` log lines after a cursor, and the newest progress, if it is another one than then.

    cursor: that of the last page, START from the beginning. Raises Invalid for anything else.
    """
    if not re.fullmatch(r"[0-9a-z]{26}\.[0-9a-z]{26}", cursor):
        raise Invalid("after must be the `cursor` of an earlier answer, or be left out", field="after")
    line, seen = cursor.split(".")
    page = current().tables.query_page(
        "run_events", {"run_id": run_id}, between=("at_seq", f"log#{line}~", "log#~"), limit=limit
    )
    youngest = clock.milliseconds() - SETTLING
    lines = list(takewhile(lambda e: e.status or _milliseconds(e.id) <= youngest, map(_of_line, page.items)))
    now = latest(run_id)
    progress = [now] if now is not None and now.id > seen else []
    events = sorted([*lines, *progress], key=lambda e: e.id)
    line, seen = lines[-1].id if lines else line, progress[0].id if progress else seen
    return EventPage(events, f"{line}.{seen}", page.cursor is not None and len(lines) == len(page.items))


def _snapshot(run_id: str) -> ProgressSnapshot | None:
    item = current().tables.get("run_events", {"run_id": run_id, "at_seq": NOW})
    return from_item(ProgressSnapshot, item) if item else None


def _of_line(item: Item) -> RunEvent:
    return RunEvent(
        id=str(item["at_seq"]).removeprefix("log#"),
        type="log",
        timestamp=str(item["timestamp"]),
        stage=str(item["stage"]),
        status=cast("str | None", item.get("status")),
        level=str(item["level"]),
        message=str(item["message"]),
    )


def _milliseconds(ulid: str) -> int:
    return ULID.from_str(ulid.upper()).milliseconds


def record_progress(run: Run, part: str, progress: Progress) -> None:
    """The part's figures, exactly; and, now and then, an event about the whole run."""
    progress_store.put(run.run_id, part, progress)
    publish_progress(run, lambda: measure(run), retention.expiry())


def measure(run: Run) -> tuple[Progress, Progress]:
    """How far this stage is (of this round of asking), and all rounds together."""
    return progress_store.of_round(run.run_id, run.assessed_round + 1)


def percent(run: Run, stage: Progress) -> int:
    """0 before planning, 100 only when completed; it never falls. stage: as `measure` gives it.

    The first round is the first 90, validating it included; each further round takes half of what is left.
    """
    if run.status == "completed":
        return 100
    if run.status not in ACTIVE:
        return run.progress
    assessed = run.assessed_round + 1
    base, width = (100 - 10 / 2 ** (assessed - 1), 10 / 2**assessed) if assessed else (0.0, 90.0)
    fresh = run.asked - run.delivered - run.rejected - run.failed
    if run.status == "validating":
        return int(base + width * (fresh > 0))  # 0 once it is counted, until the next round is planned
    return int(base + width * min(1.0, stage.done / max(1, fresh))) if run.asked else 0
