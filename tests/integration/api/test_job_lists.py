"""Lists of jobs: bounded reading, cursors that go on where reading stopped, rows that nobody can look after."""

from __future__ import annotations

from typing import Any

import pytest

from dataforge import clock, ids
from dataforge.platform import current
from dataforge.store.item_codec import to_item
from dataforge.store.runs import Run
from dataforge.workflows import kinds, lifecycle
from dataforge.workflows.synthetic import jobs, starting
from tests.support.service import Service
from tests.support.table_watchers import counted


def fill(org_id: str, statuses: list[str]) -> list[str]:
    """Jobs that have ended, or run since long; their ids, newest first."""
    made = []
    for n, status in enumerate(statuses):
        run = Run(
            org_id=org_id,
            run_id=f"syn_job_{n:06d}",
            project_id=starting.project_of(org_id),
            user_id="user_1",
            kind=kinds.SYNTHETIC.name,
            config={"request": {"count": 1}, "price": {"record": 1}},
            files_prefix="data-forge/synthetic/x",
            created_at="2026-01-01T00:00:00Z",
            sequence=f"{n:06d}",
            status=status,
            completed_at=clock.now() if status in ("completed", "failed") else None,
        )
        current().tables.put("runs", to_item(run))
        made.append(run.run_id)
    return made[::-1]


def walk(org_id: str, *, status: Any, limit: int) -> tuple[list[str], list[int]]:
    found: list[str] = []
    sizes, cursor = [], None
    for _ in range(200):
        page, cursor = jobs.listed(org_id, status=status, limit=limit, cursor=cursor)
        found += [r.run_id for r in page]
        sizes.append(len(page))
        if cursor is None:
            return found, sizes
    raise AssertionError("the list never ends")


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_every_job_of_a_status_is_listed_once(service: Service, limit: int) -> None:
    org_id = service.headers["X-Organization-ID"]
    statuses = ["failed" if n % 7 == 0 else "completed" for n in range(240)]
    newest = fill(org_id, statuses)
    failed = [r for r, s in zip(newest, statuses[::-1], strict=True) if s == "failed"]

    found, sizes = walk(org_id, status="failed", limit=limit)

    assert found == failed
    assert max(sizes) <= limit
    assert walk(org_id, status=None, limit=100)[0] == newest


def test_a_status_that_few_have_is_looked_for_in_bounded_steps(service: Service) -> None:
    org_id = service.headers["X-Organization-ID"]
    newest = fill(org_id, ["failed", *["completed"] * (jobs.MOST_READ + 50)])

    with counted() as requests:
        page, cursor = jobs.listed(org_id, status="failed", limit=20, cursor=None)
    rest, end = jobs.listed(org_id, status="failed", limit=20, cursor=cursor)

    assert (page, [r.run_id for r in rest], end) == ([], [newest[-1]], None)
    assert requests.total() <= 6, requests


def test_a_job_that_cannot_be_reconciled_is_listed_as_stored(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    org_id = service.headers["X-Organization-ID"]
    newest = fill(org_id, ["completed", "generating", "failed"])
    assert ids.tail(newest[1]) == "000001"

    def describe(machine: str, run_id: str) -> None:
        raise OSError("not now")

    monkeypatch.setattr(current().workflows, "describe", describe)
    lifecycle._asked.clear()  # its last look at a job of this id was that of another test
    found, cursor = jobs.listed(org_id, status=None, limit=10, cursor=None)

    assert [(r.run_id, r.status) for r in found] == list(
        zip(newest, ["failed", "generating", "completed"], strict=True)
    )
    assert cursor is None
    assert newest[1] in caplog.text
