"""What the handlers of events read out of them."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from dataforge import log
from dataforge.platform.ports import Execution
from dataforge_functions import on_execution_failed, on_jobs_changed, on_upload

ENVELOPE = {"version": "0", "id": "e", "source": "aws.s3", "account": "111122223333", "region": "us-east-1"}


@pytest.mark.parametrize("key", ["data-forge/u/a+b.md", "data-forge/u/50%25 off.md", "data-forge/u/Ünter.md"])
def test_a_key_is_taken_as_eventbridge_sends_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not URL-encoded there, other than in notifications that S3 sends to a function itself."""
    monkeypatch.setattr(on_upload.verification, "arrived", lambda given: given)
    event = {**ENVELOPE, "detail-type": "Object Created", "detail": {"bucket": {"name": "b"}, "object": {"key": key}}}

    assert on_upload.handler(event, None) == {"outcome": key}


@pytest.mark.parametrize("woken", [True, False])
def test_a_batch_job_is_known_by_its_name(woken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(on_jobs_changed.polling, "jobs_changed", lambda name: asked.append(name) or woken)
    event = {**ENVELOPE, "source": "aws.bedrock", "detail": {"batchJobName": "x-1-r0w0j0", "status": "Completed"}}

    assert on_jobs_changed.handler(event, None) == {"woken": woken}
    assert asked == ["x-1-r0w0j0"]


@pytest.mark.parametrize(("still_running", "ended"), [(0, True), (2, True), (99, False)])
def test_a_failed_execution_is_looked_after_once_it_is_described_as_ended(
    still_running: int, ended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`describe_execution` may be some seconds behind the event; an execution that was redriven runs again."""
    seen = [Execution("parse", "parse_1", "RUNNING")] * still_running + [Execution("parse", "parse_1", "TIMED_OUT")]
    told: list[object] = []
    state = {"org_id": "org_1", "run_id": "parse_1", "project_id": "proj_1", "kind": "parse"}
    workflows = SimpleNamespace(describe=lambda machine, name: seen.pop(0))
    monkeypatch.setattr(on_execution_failed, "current", lambda: SimpleNamespace(workflows=workflows))
    monkeypatch.setattr(on_execution_failed, "PAUSES", (0.0,) * 4)
    monkeypatch.setattr(
        on_execution_failed.lifecycle, "machine_broke", lambda given: told.append((given, log.context.get()))
    )
    detail = {"name": "parse_1", "status": "TIMED_OUT", "input": json.dumps(state)}

    assert on_execution_failed.handler({**ENVELOPE, "source": "aws.states", "detail": detail}, None) == {"ended": ended}

    assert told == [(state, {"org_id": "org_1", "run_id": "parse_1", "project_id": "proj_1"})]


def test_an_event_without_the_input_of_its_execution_fails_so_that_it_is_kept() -> None:
    detail = {"name": "parse_1", "status": "FAILED", "inputDetails": {"included": False}}

    with pytest.raises(KeyError, match="input"):
        on_execution_failed.handler({**ENVELOPE, "source": "aws.states", "detail": detail}, None)
