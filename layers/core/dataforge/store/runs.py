"""Runs of every kind.

| question                         | access                                                       |
|---|---|
| a run, if it is the caller's     | get runs (org_id, run_id)                                    |
| a project's runs, newest first   | query runs by_project (project_id), descending               |
| how they ended, where files lie  | the same, with a few attributes only                         |
| what a run left in other tables  | query run_events, replies (run_id), batch_delete             |

A run is written together with its project, see `projects.occupy`, and changed by `run_status`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields

from dataforge.errors import NotFound
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import item_codec
from dataforge.store.item_codec import from_item

ACTIVE = ("pending", "parsing", "generating", "validating", "training")

FINISHED = ("completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Run:
    org_id: str
    run_id: str
    project_id: str
    user_id: str
    kind: str
    """Of `workflows.kinds`."""
    config: Item
    files_prefix: str
    created_at: str
    sequence: str
    """The ulid of the run id: the order in which runs were begun, whatever their kind."""
    teacher: Item = field(default_factory=dict)
    """The model that writes it, as the catalogue had it when the run began; empty for a parse."""
    checkers: Item = field(default_factory=dict)
    """The models that check what the teacher wrote, by their role (`verifier`), as the catalogue had them then."""
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
    flagged: int = 0
    """Of the delivered: those that a check flags."""
    flagged_by_check: Item = field(default_factory=dict)
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
    paused: str | None = None
    """Why it stands still: see `workflows.pausing`."""
    progress: int = 0
    """Percent, of a run that ended without completing."""
    started_at: str | None = None
    completed_at: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunBrief:
    """What lists, counts and sweeps need to know of a run; a few hundred bytes, whatever the run holds."""

    org_id: str
    run_id: str
    status: str
    files_prefix: str
    completed_at: str | None = None


def get(org_id: str, run_id: str) -> Run:
    """Raises NotFound, also for a run of another organisation."""
    item = current().tables.get("runs", {"org_id": org_id, "run_id": run_id})
    if item is None:
        raise NotFound(f"Generation {run_id} not found")
    return from_item(Run, item)


def get_many(org_id: str, run_ids: Sequence[str]) -> list[Run]:
    """In the order asked; unknown ids, and those of other organisations, are left out."""
    keys = [{"org_id": org_id, "run_id": run_id} for run_id in run_ids]
    return [from_item(Run, i) for i in current().tables.batch_get("runs", keys)] if keys else []


def of_project(project_id: str) -> Iterator[Run]:
    """Newest first, with all that each holds; one page in memory."""
    found = item_codec.items_of("runs", {"project_id": project_id}, index="by_project", descending=True)
    return (from_item(Run, i) for i in found)


def briefs_of_project(project_id: str) -> Iterator[RunBrief]:
    """Newest first, without configurations and reports."""
    found = item_codec.items_of(
        "runs",
        {"project_id": project_id},
        index="by_project",
        descending=True,
        attributes=tuple(f.name for f in fields(RunBrief)),
    )
    return (from_item(RunBrief, i) for i in found)


def page_of_project(project_id: str, *, limit: int, cursor: str | None) -> tuple[list[Run], str | None]:
    """Newest first, with the cursor of the next page."""
    page = current().tables.query_page(
        "runs", {"project_id": project_id}, index="by_project", cursor=cursor, limit=limit, descending=True
    )
    return [from_item(Run, i) for i in page.items], page.cursor


def cursor_after(project_id: str, number: int, *, cursor: str | None) -> str | None:
    """The cursor that goes on after the first `number` runs of the page that `cursor` gives."""
    page = current().tables.query_page(
        "runs",
        {"project_id": project_id},
        index="by_project",
        cursor=cursor,
        limit=number,
        descending=True,
        attributes=("run_id",),
    )
    return page.cursor


def delete_rows(table: str, range_key: str, run_id: str, check: Callable[[], None]) -> None:
    """Everything that a run left in a table; `check` is called between pages and may raise."""
    while True:
        check()
        page = current().tables.query_page(table, {"run_id": run_id}, attributes=(range_key,))
        current().tables.batch_delete(table, ({"run_id": run_id, range_key: str(i[range_key])} for i in page.items))
        if page.cursor is None:
            return
