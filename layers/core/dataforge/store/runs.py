"""Runs, what they said and what their teachers replied.

| question                       | access                                                     |
|---|---|
| a run, if it is the caller's   | get runs (org_id, run_id)                                  |
| a project's runs, newest first | query runs by_project (project_id), descending             |
| the last n log lines           | query run_events (run_id, begins log#), descending         |
| progress of a running run      | query run_events (run_id, begins progress#); see `events`  |
| replies already paid for       | query replies (run_id, between two slots)                  |
| one reply                      | get replies (run_id, slot)                                 |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from dataforge import clock, settings
from dataforge.errors import ConditionFailed, NotFound
from dataforge.log import redact
from dataforge.platform import current
from dataforge.platform.ports import Item, Where
from dataforge.store import events
from dataforge.store.rows import from_item, to_item

ACTIVE = ("pending", "parsing", "generating", "validating")
FINISHED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Run:
    org_id: str
    run_id: str
    project_id: str
    user_id: str
    kind: str
    """parse or generate."""
    config: Item
    files_prefix: str
    created_at: str
    sequence: str
    """The ulid of the run id: the order in which runs were begun, whatever their kind."""
    teacher: Item = field(default_factory=dict)
    """The model that writes it, as the catalogue had it when the run began; empty for a parse."""
    status: str = "pending"
    stage: str = "planning"
    cancel_requested: bool = False
    requested: int = 0
    """Pairs the caller wants; documents for a parse."""
    asked: int = 0
    """Slots promised so far, over all rounds: always delivered + rejected + failed at the end."""
    delivered: int = 0
    rejected: int = 0
    failed: int = 0
    assessed_round: int = -1
    reasons: Item = field(default_factory=dict)
    results: Item = field(default_factory=dict)
    report: Item | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    cached_tokens: int = 0
    """Input tokens that came out of the provider's prompt cache."""
    estimate: Item = field(default_factory=dict)
    """What the run was thought to take before its first call, see `workflows.estimating`."""
    stop_reason: str | None = None
    """Why it ended before it had all that was asked for: budget_reached."""
    teacher_calls: int = 0
    """Answered ones, each of which was paid for."""
    started_at: str | None = None
    completed_at: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One raw reply of a teacher, stored before anyone reads it."""

    run_id: str
    slot: str
    """`<first slot of the call>#<attempt>`, zero padded."""
    text: str
    model: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    expires_at: int
    cost_usd: float | None = None
    prompt_hash: str = ""
    """See `workflows.lineage`; empty, like the time, in replies of before there was any."""
    answered_at: str = ""
    cached_tokens: int = 0
    job: str = ""
    """The provider's batch job that brought it; empty: it was asked in real time."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one batch (or one document) of a run is; replaced, never added to, so repeating is harmless."""

    done: int = 0
    total: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    cached_tokens: int = 0
    teacher_calls: int = 0


def get(org_id: str, run_id: str) -> Run:
    """Raises NotFound, also for a run of another organisation."""
    item = current().tables.get("runs", {"org_id": org_id, "run_id": run_id})
    if item is None:
        raise NotFound(f"Generation {run_id} not found")
    return from_item(Run, item)


def change(run: Run, values: Item, *, where: Where | None = None) -> Run:
    """The run as it is afterwards; who listens hears of a new status. Raises ConditionFailed when `where` does not
    hold."""
    key = {"org_id": run.org_id, "run_id": run.run_id}
    after = from_item(Run, current().tables.update("runs", key, set=values, where=where))
    if "status" in values:
        events.beat(after, lambda: measure(after), _expiry(), now=True)
    return after


def advance(run: Run, status: str, stage: str) -> Run:
    """Move an unfinished run on; a finished one stays as it is."""
    try:
        return change(run, {"status": status, "stage": stage}, where={"status": ACTIVE})
    except ConditionFailed:
        return get(run.org_id, run.run_id)


def of_project(project_id: str, *, limit: int | None = None) -> list[Run]:
    """Newest first."""
    found: list[Run] = []
    cursor = None
    while True:
        page = current().tables.query_page(
            "runs", {"project_id": project_id}, index="by_project", cursor=cursor, descending=True
        )
        found += [from_item(Run, i) for i in page.items]
        cursor = page.cursor
        if cursor is None or (limit is not None and len(found) >= limit):
            return found[:limit]


def page_of_project(project_id: str, *, limit: int, cursor: str | None) -> tuple[list[Run], str | None]:
    """Newest first, with the cursor of the next page."""
    page = current().tables.query_page(
        "runs", {"project_id": project_id}, index="by_project", cursor=cursor, limit=limit, descending=True
    )
    return [from_item(Run, i) for i in page.items], page.cursor


def say(run_id: str, stage: str, message: str, *, level: str = "info", status: str | None = None) -> None:
    """One line of the run's log. status: that in which the run ends with this line."""
    line: Item = {
        "run_id": run_id,
        "at_seq": f"log#{events.new_id()}",
        "timestamp": clock.now(),
        "level": level,
        "stage": stage,
        "message": redact(message)[:2000],
        "expires_at": _expiry(),
        **({"status": status} if status else {}),
    }
    current().tables.put("run_events", line)
    events.line(run_id, line)


def logs(run_id: str, tail: int) -> list[Item]:
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


def note_progress(run: Run, part: str, progress: Progress) -> None:
    """The part's figures, exactly; and, now and then, an event about the whole run."""
    current().tables.put(
        "run_events",
        {
            **to_item(progress),
            "run_id": run.run_id,
            "at_seq": f"progress#{part}",
            "expires_at": _expiry(),
        },
    )
    events.beat(run, lambda: measure(run), _expiry())


def measure(run: Run) -> tuple[Progress, Progress]:
    """How far this stage is (of this round of asking), and all rounds together."""
    whole = progress_of(run.run_id)
    return (whole if run.kind == "parse" else progress_of(run.run_id, f"r{run.assessed_round + 1}b")), whole


def progress_of(run_id: str, part: str = "") -> Progress:
    """The sum over a run's batches (those whose name begins with `part`)."""
    total = Progress()
    cursor = None
    while True:
        page = current().tables.query_page(
            "run_events", {"run_id": run_id}, begins=("at_seq", f"progress#{part}"), cursor=cursor
        )
        for one in (from_item(Progress, {"cost_usd": None, **i}) for i in page.items):
            cost = None if total.cost_usd is None or one.cost_usd is None else total.cost_usd + one.cost_usd
            total = Progress(
                total.done + one.done,
                total.total + one.total,
                total.failed + one.failed,
                total.input_tokens + one.input_tokens,
                total.output_tokens + one.output_tokens,
                cost,
                total.cached_tokens + one.cached_tokens,
                total.teacher_calls + one.teacher_calls,
            )
        cursor = page.cursor
        if cursor is None:
            return total


def reply_key(first_slot: int, attempt: int) -> str:
    return f"{first_slot:06d}#{attempt:02d}"


def keep_reply(reply: Reply) -> None:
    current().tables.put("replies", to_item(reply))


def keep_replies(replies: Iterable[Reply]) -> None:
    current().tables.batch_put("replies", (to_item(reply) for reply in replies))


def get_reply(run_id: str, key: str) -> Reply | None:
    """None: it has expired, or there never was one."""
    item = current().tables.get("replies", {"run_id": run_id, "slot": key})
    return from_item(Reply, item) if item else None


def replies_between(run_id: str, first_slot: int, last_slot: int) -> dict[str, Reply]:
    """Every stored reply of the calls that start in [first_slot, last_slot], by its key."""
    found: dict[str, Reply] = {}
    cursor = None
    while True:
        page = current().tables.query_page(
            "replies",
            {"run_id": run_id},
            cursor=cursor,
            between=("slot", reply_key(first_slot, 0), reply_key(last_slot, 99)),
        )
        found.update({str(i["slot"]): from_item(Reply, i) for i in page.items})
        cursor = page.cursor
        if cursor is None:
            return found


def forget(table: str, range_key: str, run_id: str, check: Callable[[], None]) -> None:
    """Everything that a run left in a table; `check` is called between pages and may raise."""
    while True:
        check()
        page = current().tables.query_page(table, {"run_id": run_id})
        current().tables.batch_delete(table, ({"run_id": run_id, range_key: str(i[range_key])} for i in page.items))
        if page.cursor is None:
            return


def replies_named(run_id: str, prefix: str) -> list[Reply]:
    """Stored replies outside of the slots, by the beginning of their key; one page is all there ever is."""
    page = current().tables.query_page("replies", {"run_id": run_id}, begins=("slot", prefix))
    return [from_item(Reply, i) for i in page.items]


def reply_expiry() -> int:
    return _expiry()


def _expiry() -> int:
    return clock.epoch() + settings.get().retention_days * 86_400
