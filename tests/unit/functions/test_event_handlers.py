"""What the handlers of events read out of them."""

from __future__ import annotations

import pytest

from dataforge_functions import on_jobs_changed, on_upload

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
