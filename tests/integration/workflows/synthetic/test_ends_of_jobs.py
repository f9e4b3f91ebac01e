"""How synthetic jobs end on both backends: killed machines, results too large for one answer, results that expire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from dataforge import clock, settings
from dataforge.platform import current
from dataforge.store import ledger, progress, run_status, runs
from dataforge.workflows import lifecycle, run_files
from dataforge.workflows.synthetic import closing, jobs
from tests.support.service import Service
from tests.support.synthetic_api import Synthetic
from tests.support.waiting import until

SMALL = {"schema": "instruction_v1", "domain": "harbours", "count": 6, "model": "balanced"}


@pytest.fixture(autouse=True)
def templated(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATAFORGE_SYNTHETIC_TEACHER", "templated")
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "2")
    settings.get.cache_clear()
    yield
    settings.get.cache_clear()


# checklist 112, 117, 120
def test_what_a_killed_machine_had_made_is_billed_and_handed_out(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, org_id = Synthetic(service), service.headers["X-Organization-ID"]
    ledger.set_plan(org_id, "payg")
    ledger.top_up(org_id, 10_000_000)
    job_id = api.start({**SMALL, "count": 400, "advanced": {"output_split": {"train": 80, "test": 20}}})["job_id"]
    until(lambda: progress.of_run(job_id, "r").done >= 16, "no records come")

    current().workflows.stop("generate", job_id, cause="pulled the plug")
    until(lambda: current().workflows.describe("generate", job_id).status != "RUNNING", "the children of a map go on")
    assert current().workflows.describe("generate", job_id).status == "ABORTED"  # type: ignore[union-attr]
    time.sleep(0.2)  # a batch that was running writes its last
    monkeypatch.setattr(lifecycle, "RECONCILE_AFTER", 0.0)
    monkeypatch.setattr(lifecycle, "RECONCILE_EVERY", 0.0)
    began = time.monotonic()
    job = api.call("GET", f"/jobs/{job_id}")
    assert job["status"] == "running", "the request only starts the recovery"
    assert time.monotonic() - began < 5
    until(lambda: api.call("GET", f"/jobs/{job_id}")["status"] != "running", "the recovery does not end")
    job = api.call("GET", f"/jobs/{job_id}")

    records = api.records(job_id)
    assert job["status"] == "failed"
    assert "The state machine ended as ABORTED" in job["error"]
    assert 0 < len(records) == job["count_accepted"] < 400
    assert job["count_accepted"] + job["count_rejected"] + job["count_failed"] == 400
    assert job["cost_usd"] == round(len(records) * 0.003, 6)
    account = ledger.account_of(org_id)
    assert (account.reserved, account.balance) == (0, 10_000_000 - 3000 * len(records))
    splits = api.call("GET", f"/jobs/{job_id}/splits")["counts"]
    assert sum(splits.values()) == api.file(f"/jobs/{job_id}/manifest")["count_accepted"] == len(records)
    assert api.call("GET", f"/jobs/{job_id}") == job


# checklist 116
def test_results_above_five_megabytes_are_whole_and_redirected_on_aws(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAFORGE_BATCH_CALLS", "250")
    settings.get.cache_clear()
    api = Synthetic(service)
    job = api.run({**SMALL, "count": 1200, "system_prompt": "Stay calm. " * 360})
    path = f"/v1/synthetic/jobs/{job['job_id']}/results"

    answer = service.http.get(path, headers=api.headers, follow_redirects=False)
    response = api.call("GET", f"/jobs/{job['job_id']}/results", format="url")

    data = service.fetch(response["url"])
    assert len(data) > 5_000_000
    assert len(data.splitlines()) == job["count_accepted"]
    if service.backend == "aws":
        assert (answer.status_code, answer.content) == (302, b"")
        assert service.fetch(answer.headers["location"]) == data
    else:
        assert (answer.status_code, int(answer.headers["content-length"])) == (200, len(data))
        assert answer.content == data


def test_results_expire_and_say_so(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    api, org_id = Synthetic(service), service.headers["X-Organization-ID"]
    old, kept = (api.run({**SMALL, "advanced": {"output_split": {"a": 50, "b": 50}}}) for _ in range(2))
    days_ago = datetime.now(UTC) - timedelta(days=31)
    run_status.change(runs.get(org_id, old["job_id"]), {"completed_at": clock.iso(days_ago)})

    answer = [
        api.call("GET", f"/jobs/{old['job_id']}/{name}", expect=410)
        for name in ("results", "results/url", "quality-report", "manifest", "outcomes", "splits")
    ]
    gone = jobs.sweep(org_id)

    assert {t["code"] for t in answer} == {"RESULTS_EXPIRED"}
    assert "kept for 30 days" in answer[0]["message"]
    assert gone > 0
    assert not list(current().files.list(runs.get(org_id, old["job_id"]).files_prefix))
    assert jobs.sweep(org_id) == 0
    job = api.call("GET", f"/jobs/{old['job_id']}")
    assert (job["status"], job["count_accepted"]) == ("succeeded", old["count_accepted"])
    assert job["expires_at"] < clock.now() < kept["expires_at"]
    assert len(api.records(kept["job_id"])) == kept["count_accepted"]


def test_every_job_has_a_manifest_whatever_came_of_it(service: Service) -> None:
    api, org_id = Synthetic(service), service.headers["X-Organization-ID"]
    job_id = api.start({**SMALL, "count": 60})["job_id"]
    api.call("POST", f"/jobs/{job_id}/cancel")
    ended = api.wait(job_id)
    lost = runs.get(org_id, api.run(SMALL)["job_id"])
    lost = run_status.change(lost, {"status": "generating", "completed_at": None})
    current().files.delete(run_files.key_of(lost, closing.MANIFEST))
    closing.give_up(lost, "its machine died")

    cancelled = api.file(f"/jobs/{job_id}/manifest")
    given_up = api.file(f"/jobs/{lost.run_id}/manifest")

    assert (cancelled["count_requested"], cancelled["count_accepted"]) == (60, ended["count_accepted"])
    assert (given_up["job_id"], given_up["quality_report"], given_up["files"]) == (lost.run_id, None, {})
    assert given_up["parameters"]["domain"] == SMALL["domain"]


def test_every_record_that_was_asked_for_is_in_a_file_of_outcomes(service: Service) -> None:
    api, org_id = Synthetic(service), service.headers["X-Organization-ID"]
    job_id = api.start({**SMALL, "count": 60})["job_id"]
    early = api.call("GET", f"/jobs/{job_id}/outcomes", expect=409)
    api.call("POST", f"/jobs/{job_id}/cancel")
    api.wait(job_id)

    files = api.call("GET", f"/jobs/{job_id}/outcomes")["files"]

    run = runs.get(org_id, job_id)
    found = {name: service.fetch(file["url"]).decode().splitlines() for name, file in files.items()}
    assert early["code"] == "JOB_NOT_COMPLETE"
    assert {name: len(lines) for name, lines in found.items()} == {n: file["lines"] for n, file in files.items()}
    assert sum(map(len, found.values())) == run.asked
    assert {json.loads(line)["reason"] for line in found.get("failed", ())} <= {"cancelled"}


def test_how_long_results_stay_can_be_set(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATAFORGE_RESULTS_DAYS", "2")
    settings.get.cache_clear()

    job = Synthetic(service).run(SMALL)

    lasts = datetime.fromisoformat(job["expires_at"]) - datetime.fromisoformat(job["completed_at"])
    assert abs(lasts - timedelta(days=2)) <= timedelta(seconds=1)
