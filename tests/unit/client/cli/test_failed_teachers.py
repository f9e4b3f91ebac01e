"""What `dataforge run` says when the teacher is the reason that pairs are missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataforge_client.cli.exit_codes import is_refusal
from tests.support.fake_api import FakeApi


@pytest.mark.parametrize(("reason", "code"), [("teacher_refused", 4), ("unreadable_reply", 1)])
def test_a_run_without_a_pair_names_its_job_and_leaves_what_the_teacher_said(
    run: Callable[..., int],
    api: FakeApi,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    reason: str,
    code: int,
) -> None:
    api.failed, api.failed_for = 6, reason

    assert run("--pairs", "6") == code

    said = capfd.readouterr().err
    assert f"Error: gen_0005: No pair was delivered: {reason}" in said
    assert f"What the teacher said is in {tmp_path / 'set.failed.jsonl'}" in said
    assert (tmp_path / "set.failed.jsonl").read_text()
    assert not (tmp_path / "set.jsonl").exists()


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("teacher_unreachable", "--concurrency"),
        ("unreadable_reply", "2 failed (unreadable_reply)"),
    ],
)
def test_failed_calls_are_not_called_the_end_of_the_documents(
    run: Callable[..., int], api: FakeApi, capfd: pytest.CaptureFixture[str], reason: str, why: str
) -> None:
    api.failed, api.failed_for = 2, reason

    assert run("--pairs", "6") == 3

    said = capfd.readouterr().err
    assert why in said
    assert "found no more" not in said


@pytest.mark.parametrize(
    ("error", "refused"),
    [
        ("No record was accepted: teacher_refused (12 of 12 slots): openai:m refused the call", True),
        ("No record was accepted: judge_teacher_refused (12 of 12 slots): ...", True),
        ("No record was accepted: unreadable_reply (2 of 2 slots): it says teacher_refused", False),
        (None, False),
    ],
)
def test_the_error_of_a_synthetic_job_says_whether_its_teacher_refused(error: str | None, refused: bool) -> None:
    assert is_refusal(error) is refused
