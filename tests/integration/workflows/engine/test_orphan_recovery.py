"""A run whose state machine died: what was paid for is delivered, reported, and the project is free again."""

from __future__ import annotations

import json
import time

import boto3
import pytest

from dataforge.platform import current
from dataforge.platform.embedded.workflow_runner import Runner
from dataforge.store import documents, progress, projects, runs
from dataforge.workflows import kinds, lifecycle
from tests.support.dead_machines import closed, kill, noticed_at_once
from tests.support.service import Service
from tests.support.waiting import until

PAGES = "\n\n".join(
    f"# Berth {n}\n\nBerth {n} is {n + 20} metres long. The office opens at {n % 12 + 1} o'clock for berth {n}. "
    f"Ships at berth {n} pay {n + 3} euros a day. The crane of berth {n} lifts {n + 5} tonnes."
    for n in range(40)
)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    noticed_at_once(monkeypatch)


# checklist 184, 185
def test_a_document_run_whose_machine_died_delivers_what_was_paid_for(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    project_id = service.project()
    service.upload(project_id, "berths.md", PAGES.encode())
    service.parse(project_id)
    started = service.call("POST", f"/projects/{project_id}/generate", json={"model_id": "extractive", "num_pairs": 60})
    run_id = str(started["generationId"])
    end = time.monotonic() + 60
    while progress.of_run(run_id, "r").done < 5 and service.call("GET", f"/generations/{run_id}")["status"] not in (
        runs.FINISHED
    ):
        assert time.monotonic() < end
        time.sleep(0.01)
    kill("generate", run_id)

    job = closed(service, run_id)

    run = runs.get(service.headers["X-Organization-ID"], run_id)
    assert run.asked == run.delivered + run.rejected + run.failed
    if job["status"] == "failed":  # else it was faster than the kill
        assert "The state machine ended as" in str(run.error)
        assert run.delivered > 0, "stored replies became pairs"
        assert run.report is not None
        assert run.report["delivered"] == run.delivered
        assert current().workflows.describe("generate", lifecycle.recovery_name(run_id)) is not None
    pairs = service.call("GET", f"/projects/{project_id}/pairs", page_size=1)
    assert pairs["total"] == run.delivered + run.rejected
    again = service.call("POST", f"/projects/{project_id}/generate", json={"model_id": "extractive", "num_pairs": 1})
    assert again["generationId"] != run_id, "the project is free"


# checklist 184
def test_documents_of_a_parse_that_died_are_free_again(service: Service) -> None:
    org_id = service.headers["X-Organization-ID"]
    project_id = service.project()
    for n in range(3):
        service.upload(project_id, f"berths-{n}.md", PAGES.encode())
    started = service.call("POST", f"/projects/{project_id}/parse", json={})
    run_id = str(started["generationId"])
    kill("parse", run_id)
    for document in documents.of_project(project_id):
        if document.parsing_status == "pending":
            documents.mark(document, {"parsing_status": "parsing"})

    job = closed(service, run_id)

    run = runs.get(org_id, run_id)
    assert run.asked == run.delivered + run.rejected + run.failed
    assert "parsing" not in {d.parsing_status for d in documents.of_project(project_id)}
    if job["status"] == "failed":
        assert "The state machine ended as" in str(run.error)
    parsed = service.parse(project_id) if run.delivered < 3 else None
    assert {d.parsing_status for d in documents.of_project(project_id)} == {"parsed"}
    assert parsed is None or parsed["status"] == "completed"


# checklist 184, 185
def test_a_run_whose_execution_breaks_is_closed_with_what_was_paid_for_before_anybody_looks(service: Service) -> None:
    org_id = service.headers["X-Organization-ID"]
    project_id = service.project()
    service.upload(project_id, "berths.md", PAGES.encode())
    service.parse(project_id)
    started = service.call("POST", f"/projects/{project_id}/generate", json={"model_id": "extractive", "num_pairs": 90})
    run_id = str(started["generationId"])
    until(lambda: progress.of_run(run_id, "r").done >= 5 or runs.get(org_id, run_id).status in runs.FINISHED)
    outcome = (let_time_out if service.backend == "embedded" else kill_and_tell)("generate", run_id)

    until(lambda: runs.get(org_id, run_id).status in runs.FINISHED, "nobody closes it")

    run = runs.get(org_id, run_id)
    assert run.asked == run.delivered + run.rejected + run.failed
    if run.status == "failed":  # else it was faster than its end
        assert f"The state machine ended as {outcome}" in str(run.error)
        assert run.delivered > 0, "stored replies became pairs"
    until(lambda: projects.get(org_id, project_id).active_run is None, "the project is not free")


def let_time_out(machine: str, run_id: str) -> str:
    """The runner of one machine notices by itself."""
    runner = current().workflows
    assert isinstance(runner, Runner)
    with runner._store._write() as db:
        db.execute("UPDATE workflow_executions SET deadline = 0 WHERE run_id = ?", (run_id,))
    return "TIMED_OUT"


def kill_and_tell(machine: str, run_id: str) -> str:
    """The function of the rule `execution-failed` gets what EventBridge would send, with the rights of its role."""
    kill(machine, run_id)
    states = boto3.client("stepfunctions")
    [arn] = [m["stateMachineArn"] for m in states.list_state_machines()["stateMachines"] if m["name"] == machine]
    name = f"{arn.replace(':stateMachine:', ':execution:')}:{run_id}"
    found = states.describe_execution(executionArn=name)
    detail = {key: found[key] for key in ("executionArn", "stateMachineArn", "name", "status", "input")}
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    told = boto3.client("lambda").invoke(FunctionName="OnExecutionFailed", Payload=json.dumps(event))
    assert json.loads(told["Payload"].read()) == {"ended": True}
    return str(found["status"])


# checklist 184
def test_a_run_is_reconciled_once_in_an_interval(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "RECONCILE_EVERY", 30.0)
    project_id = service.project()
    service.upload(project_id, "berths.md", PAGES.encode())
    started = service.call("POST", f"/projects/{project_id}/parse", json={})
    run = runs.get(service.headers["X-Organization-ID"], str(started["generationId"]))
    workflows, looked = current().workflows, list[str]()
    described = workflows.describe

    def describe(machine: str, run_id: str) -> object:
        looked.append(run_id)
        return described(machine, run_id)

    monkeypatch.setattr(workflows, "describe", describe)
    for _ in range(20):
        lifecycle.reconcile(run)

    assert looked.count(run.run_id) <= 1
    service.wait(run.run_id)


def test_an_unknown_kind_is_an_error_and_never_taken_for_another() -> None:
    with pytest.raises(Exception, match="no kind of run 'poem'") as caught:
        kinds.of("poem")
    assert getattr(caught.value, "code", None) == "UNKNOWN_RUN_KIND"
