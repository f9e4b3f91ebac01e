"""Runs that wait: for a time, for an answer to their token, and what an answer that nobody waits for does."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from dataforge.platform.ports import Workflows
from tests.support.stepfunctions_moto import definition
from tests.support.workflow_backends import Event, Functions, OpenBackend, finish, raising, wait, with_retries


def with_jobs(functions: Functions, *, seconds: int, answer: Callable[[str], None] = lambda _: None) -> None:
    """Play a run at batch price: one wave of jobs, then everything has its reply."""
    plan, said = functions._PlanRun, iter(["wait", "assess"])
    functions.play["PlanRun"] = lambda event: {**plan(event), "mode": "batch"}
    functions.play["SubmitJobs"] = lambda event: {**event, "next": next(said), "seconds": seconds}
    functions.play["WaitForJobs"] = lambda event: answer(event["token"])
    functions.play["CheckJobs"] = lambda event: {**event, "next": "collect"}
    functions.play["CollectReplies"] = lambda event: event


def test_a_run_at_batch_price_waits_as_long_as_its_state_says_and_looks_again(backend: OpenBackend) -> None:
    functions = Functions()
    with_jobs(functions, seconds=2)
    began = time.monotonic()

    with backend(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED", execution
    assert time.monotonic() - began >= 2
    [waited] = functions.called("WaitForJobs")
    assert waited["state"]["run_id"] == "gen_1"
    assert [n for n, _ in functions.calls if n not in ("GenerateBatch", "WaitForJobs")] == [
        "PlanRun",
        "SubmitJobs",
        "CheckJobs",
        "CollectReplies",
        "SubmitJobs",
        "AssessRun",
        "CloseRun",
    ]
    assert len(functions.called("GenerateBatch")) == 4


# checklist 184
@pytest.mark.parametrize("failing", ["SubmitJobs", "CheckJobs", "CollectReplies", "AssessRun"])
def test_a_state_that_fails_for_good_leads_to_one_recovery_and_then_to_the_close(
    backend: OpenBackend, failing: str
) -> None:
    """The recovery reads what is stored of the round: without it, replies that were paid for would be lost."""
    functions = Functions()
    with_jobs(functions, seconds=1)
    plan = functions._PlanRun

    def planned(event: Event) -> Event:
        if "recovering" not in event:
            return {**plan(event), "mode": "batch"}
        return {**plan(event), "mode": "stopped", "recovering": "why"}

    functions.play["PlanRun"] = planned
    functions.play[failing] = raising(ValueError("no such job"))

    with backend(functions, generate=with_retries(definition("generate"), attempts=0)) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED", execution
    first, second = functions.called("PlanRun")
    assert "failure" not in first
    assert second["failure"]["Error"] == "ValueError"
    after = [name for name, _ in functions.calls][[name for name, _ in functions.calls].index(failing) + 1 :]
    assert after == ["PlanRun", "GenerateBatch", "GenerateBatch", "AssessRun", "CloseRun"]
    assert functions.called("CloseRun")[0]["recovering"] == "why"


@pytest.mark.parametrize("inside", [True, False], ids=["while the function runs", "later"])
def test_an_answered_token_ends_the_wait_at_once(backend: OpenBackend, inside: bool) -> None:
    functions, tokens = Functions(), list[str]()
    with_jobs(
        functions,
        seconds=300,
        answer=lambda token: ports[0].send_task_success(token) if inside else tokens.append(token),
    )
    ports: list[Workflows] = []

    with backend(functions) as workflows:
        ports.append(workflows)
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        while not (inside or tokens):
            time.sleep(0.02)
        time.sleep(0 if inside else 0.2)
        for token in tokens * 2:  # twice is no error
            workflows.send_task_success(token)
        execution = wait(workflows)

    assert execution.status == "SUCCEEDED", execution
    assert len(functions.called("CheckJobs")) == 1


def test_a_token_of_a_run_that_is_over_is_no_error(backend: OpenBackend) -> None:
    functions, tokens = Functions(), list[str]()
    with_jobs(functions, seconds=1, answer=tokens.append)

    with backend(functions) as workflows:
        finish(workflows)
        workflows.send_task_success(tokens[0])
        workflows.send_task_success("12.never-seen")

        execution = workflows.describe("generate", "gen_1")

    assert execution is not None
    assert execution.status == "SUCCEEDED"


def test_a_function_that_cannot_keep_the_token_costs_a_look_at_the_jobs_only(backend: OpenBackend) -> None:
    functions = Functions()
    with_jobs(functions, seconds=300, answer=raising(ValueError("no table")))  # type: ignore[arg-type]

    with backend(functions, generate=with_retries(definition("generate"), 0)) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED", execution
    assert len(functions.called("CheckJobs")) == 1
