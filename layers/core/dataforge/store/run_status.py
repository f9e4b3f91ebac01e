"""Changes of a run's row, published to whoever follows it.

| question                        | access                                                           |
|---|---|
| what a run has come to          | update runs (org_id, run_id) where its status is what is expected |
"""

from __future__ import annotations

from dataforge.errors import ConditionFailed
from dataforge.platform.ports import Item, Where
from dataforge.store import own_writes, retention, run_events, runs
from dataforge.store.item_codec import from_item
from dataforge.store.runs import ACTIVE, Run


def change(run: Run, values: Item, *, where: Where | None = None) -> Run:
    """The run as it is afterwards; a new status is published. Raises ConditionFailed when `where` does not
    hold."""
    key = {"org_id": run.org_id, "run_id": run.run_id}
    after = from_item(Run, own_writes.update("runs", key, set=values, where=where or {}))
    if "status" in values:
        run_events.publish_progress(after, lambda: run_events.measure(after), retention.expiry(), now=True)
    return after


def advance(run: Run, status: str, stage: str) -> Run:
    """Move an unfinished run on; a finished one stays as it is."""
    try:
        return change(run, {"status": status, "stage": stage}, where={"status": ACTIVE})
    except ConditionFailed:
        return runs.get(run.org_id, run.run_id)
