"""The Map states of the embedded runner: what a failing child does, what is done again, what is too large."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dataforge.platform.embedded.asl_interpreter import StateFailed
from tests.support.runner_harness import RunnerHarness, fan, task


def odd_fails(event: Any) -> Any:
    if event % 2:
        raise ValueError(f"item {event}")
    return {"item": event}


def test_a_distributed_map_gives_the_outputs_of_the_children_that_succeeded(
    open_runner: Callable[..., RunnerHarness],
) -> None:
    tolerant = fan(task("work"), ToleratedFailurePercentage=50.0, ResultPath="$.done")
    harness = open_runner({"A": tolerant}, {"work": odd_fails})
    harness.runner.start_up()
    harness.runner.start("m", "run", {"items": [0, 1, 2, 3]})

    result = harness.result()

    assert result.output == {"items": [0, 1, 2, 3], "done": [{"item": 0}, {"item": 2}]}


@pytest.mark.parametrize(
    ("limits", "items"),
    [({}, [0, 1]), ({"ToleratedFailurePercentage": 40.0}, [0, 1, 2, 3]), ({"ToleratedFailureCount": 1}, [1, 3, 2])],
)
def test_a_distributed_map_above_its_tolerance_fails(
    open_runner: Callable[..., RunnerHarness], limits: dict[str, Any], items: list[int]
) -> None:
    harness = open_runner({"A": fan(task("work"), **limits)}, {"work": odd_fails})
    harness.runner.start_up()
    harness.runner.start("m", "run", {"items": items})

    result = harness.result()

    assert (result.status, result.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")


def test_an_inline_map_fails_with_the_error_of_its_child(open_runner: Callable[..., RunnerHarness]) -> None:
    harness = open_runner({"A": fan(task("work"), "INLINE")}, {"work": odd_fails})
    harness.runner.start_up()
    harness.runner.start("m", "run", {"items": [0, 3]})

    result = harness.result()

    assert (result.status, result.error) == ("FAILED", "ValueError")
    assert json.loads(result.cause or "")["errorMessage"] == "item 3"


def test_a_map_that_is_retried_does_all_its_items_again(open_runner: Callable[..., RunnerHarness]) -> None:
    calls: list[int] = []

    def work(event: int) -> Any:
        calls.append(event)
        if calls == [5]:
            raise ValueError
        return {}

    retry = [{"ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "JitterStrategy": "FULL"}]
    harness = open_runner({"A": fan(task("work"), MaxConcurrency=1, Retry=retry)}, {"work": work})
    harness.runner.start_up()
    harness.runner.start("m", "run", {"items": [5, 6]})

    result = harness.result()

    assert (result.status, result.output) == ("SUCCEEDED", [{}, {}])
    assert calls[-2:] == [5, 6]


def test_the_results_of_a_map_are_limited_even_where_they_are_dropped(
    open_runner: Callable[..., RunnerHarness],
) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    states = {"A": fan(task("big"), ResultPath=None, Catch=catch), "B": {"Type": "Succeed"}}
    harness = open_runner(states, {"big": lambda event: "x" * 100_000})
    harness.runner.start_up()
    harness.runner.start("m", "run", {"items": [1, 2, 3]})

    result = harness.result()

    # States.ALL does not catch it, on Step Functions neither.
    assert (result.status, result.error) == ("FAILED", "States.DataLimitExceeded")


@pytest.mark.parametrize(("error", "at"), [(ValueError("x"), "B"), (StateFailed("States.Timeout"), "C")])
def test_a_time_out_is_no_task_failed(open_runner: Callable[..., RunnerHarness], error: Exception, at: str) -> None:
    def work(event: Any) -> Any:
        raise error

    catch = [{"ErrorEquals": ["States.TaskFailed"], "Next": "B"}, {"ErrorEquals": ["States.Timeout"], "Next": "C"}]
    states = {
        "A": task("work", Catch=catch),
        "B": {"Type": "Pass", "Result": {"at": "B"}, "End": True},
        "C": {"Type": "Pass", "Result": {"at": "C"}, "End": True},
    }
    harness = open_runner(states, {"work": work})
    harness.runner.start_up()
    harness.runner.start("m", "run", {})

    result = harness.result()

    assert result.output == {"at": at}
