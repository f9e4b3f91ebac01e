"""A state machine that cannot be started: the run is withdrawn and the error says so, or the caller gets a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataforge import settings
from dataforge.errors import Busy
from dataforge.platform import current
from dataforge.store import ledger, projects, run_status, runs
from dataforge.workflows import lifecycle, run_states
from tests.support.dead_machines import closed, noticed_at_once
from tests.support.projects import add
from tests.support.service import Service
from tests.support.synthetic_api import Synthetic
from tests.support.synthetic_runs import SyntheticHarness
from tests.support.waiting import until

TEXT = "# Berths\n\nBerth one is twenty metres long. The office opens at nine. Ships pay three euros a day."


def failing_start(
    monkeypatch: pytest.MonkeyPatch, *, carried_out: bool = False, before: Callable[[], None] = lambda: None
) -> None:
    """The next start of a machine fails, or only its answer is lost."""
    workflows = type(current().workflows)
    real, left = workflows.start, [1]

    def start(self: Any, machine: str, run_id: str, input: Any) -> None:
        fails, left[0] = left[0] > 0, 0
        if carried_out or not fails:
            real(self, machine, run_id, input)
        if fails:
            before()
            if carried_out:
                until(lambda: runs.get(input["org_id"], run_id).status != "pending")
            raise RuntimeError("start_execution: AccessDenied")

    monkeypatch.setattr(workflows, "start", start)


# checklist 184
def test_a_parse_and_a_generation_that_cannot_be_started_are_withdrawn(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id, org_id = service.project(), service.headers["X-Organization-ID"]
    add(service, project_id, content=TEXT)
    body = {"model_id": "extractive", "num_pairs": 1}

    failing_start(monkeypatch)
    no_parse = service.call("POST", f"/projects/{project_id}/parse", json={}, expect=503)
    monkeypatch.undo()
    parsed = service.parse(project_id)
    failing_start(monkeypatch)
    no_run = service.call("POST", f"/projects/{project_id}/generate", json=body, expect=503)
    monkeypatch.undo()

    assert all("could not be started and was withdrawn" in answer["message"] for answer in (no_parse, no_run))
    assert projects.get(org_id, project_id).active_run is None
    assert parsed["status"] == "completed"
    withdrawn = [r for r in runs.of_project(project_id) if r.status == "failed"]
    assert [r.kind for r in withdrawn] == ["generate", "parse"]
    assert all("AccessDenied" in str(r.error) and r.run_id in str((no_parse, no_run)) for r in withdrawn)
    assert all(r.asked == r.delivered + r.rejected + r.failed for r in withdrawn)
    assert service.generate(project_id, num_pairs=1)["status"] == "completed"


# checklist 117, 184
def test_a_synthetic_job_that_cannot_be_started_holds_no_money(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "templated")
    settings.get.cache_clear()
    org_id = service.headers["X-Organization-ID"]
    ledger.set_plan(org_id, "payg")
    ledger.top_up(org_id, 10_000_000)

    failing_start(monkeypatch)
    body = {"schema": "instruction_v1", "domain": "harbours", "count": 6, "model": "balanced"}
    Synthetic(service).start(body, expect=503)

    account = ledger.account_of(org_id)
    assert (account.balance, account.reserved) == (10_000_000, 0)
    [job] = Synthetic(service).call("GET", "/jobs")["jobs"]
    assert job["status"] == "failed"


# checklist 184
def test_a_start_whose_answer_was_lost_is_a_start(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    project_id = service.project()
    add(service, project_id, content=TEXT)

    failing_start(monkeypatch, carried_out=True)
    started = service.call("POST", f"/projects/{project_id}/parse", json={})

    assert service.wait(started["generation_id"])["status"] == "completed"


# checklist 184
def test_a_run_that_can_be_neither_started_nor_withdrawn_is_started_by_its_next_reader(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise Busy("DynamoDB is out of reach")

    project_id = service.project()
    add(service, project_id, content=TEXT)
    change = run_status.change

    failing_start(monkeypatch, before=lambda: monkeypatch.setattr(run_status, "change", away))
    started = service.call("POST", f"/projects/{project_id}/parse", json={})
    monkeypatch.setattr(run_status, "change", change)
    noticed_at_once(monkeypatch)

    assert closed(service, started["generation_id"])["status"] == "completed"


# checklist 184
def test_a_machine_that_starts_after_all_finds_its_run_withdrawn_and_asks_nothing(harness: SyntheticHarness) -> None:
    run, event = harness.start(count=12)
    lifecycle.finish(runs.get(harness.org_id, run.run_id), "failed", error="withdrawn")

    planned = run_states.plan_run(event)
    run_states.close_run(planned)

    assert planned["batches"] == 0
    assert harness.teacher.asked == []
    assert list(current().files.list(f"{run.files_prefix}/")) == []
