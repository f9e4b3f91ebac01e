"""The promises of the Workflows port on both backends: time-outs, starts, stops, limits, the subset of the language."""

from __future__ import annotations

import threading

import pytest

from dataforge.errors import TooLarge
from tests.support.stepfunctions_moto import definition
from tests.support.workflow_backends import Event, Functions, OpenBackend, finish, wait, with_retries


def test_a_task_that_takes_too_long_is_a_time_out_that_catch_sees(backend: OpenBackend) -> None:
    slow = with_retries(definition("generate"), attempts=0)
    slow["States"]["GenerateBatches"]["ItemProcessor"]["States"]["GenerateBatch"]["TimeoutSeconds"] = 1
    release = threading.Event()
    functions = Functions(batches=[{"batch": 0}], play={"GenerateBatch": lambda event: {"late": release.wait(30)}})

    with backend(functions, generate=slow) as workflows:
        execution = finish(workflows)
        release.set()

    assert execution.status == "SUCCEEDED"
    [recorded] = functions.called("RecordFailure")
    assert recorded["failure"]["Error"] == "States.Timeout"


def test_an_execution_that_takes_too_long_is_timed_out(backend: OpenBackend) -> None:
    release = threading.Event()
    functions = Functions(play={"PlanRun": lambda event: {"late": release.wait(30)}})

    with backend(functions, generate={**definition("generate"), "TimeoutSeconds": 1}) as workflows:
        execution = finish(workflows)
        release.set()

    assert execution.status == "TIMED_OUT"
    assert functions.called("CloseRun") == []


def test_starting_a_run_twice_runs_it_once(backend: OpenBackend) -> None:
    functions = Functions()

    with backend(functions) as workflows:
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        wait(workflows)
        workflows.start("generate", "gen_1", {"run_id": "another"})
        execution = wait(workflows)

    assert execution.output == {"closed": "gen_1", "failure": None}
    assert len(functions.called("PlanRun")) == 1


def test_a_stopped_run_is_aborted_and_does_nothing_more(backend: OpenBackend) -> None:
    entered, release = threading.Event(), threading.Event()

    def plan(event: Event) -> Event:
        entered.set()
        release.wait(30)
        return {**event, "batches": 0}

    functions = Functions(play={"PlanRun": plan})

    with backend(functions) as workflows:
        workflows.start("generate", "gen_1", {"run_id": "gen_1"})
        assert entered.wait(30)
        workflows.stop("generate", "gen_1", cause="asked to")
        release.set()
        execution = wait(workflows)
        workflows.stop("generate", "gen_1", cause="again")
        again = workflows.describe("generate", "gen_1")

    assert execution.status == "ABORTED"
    assert again == execution
    assert functions.called("CloseRun") == []


def test_stopping_what_has_ended_changes_nothing(backend: OpenBackend) -> None:
    functions = Functions()

    with backend(functions) as workflows:
        execution = finish(workflows)
        workflows.stop("generate", "gen_1")
        workflows.stop("generate", "never_started")
        again = workflows.describe("generate", "gen_1")
        unknown = workflows.describe("generate", "never_started")

    assert again == execution
    assert unknown is None


def test_an_input_above_256_kib_is_refused(backend: OpenBackend) -> None:
    with backend(Functions()) as workflows, pytest.raises(TooLarge):
        workflows.start("generate", "gen_1", {"run_id": "gen_1", "text": "x" * 256 * 1024})


def test_an_answer_above_256_kib_ends_the_execution(backend: OpenBackend) -> None:
    functions = Functions(play={"CloseRun": lambda event: {"text": "x" * 256 * 1024}})

    with backend(functions, generate=with_retries(definition("generate"), attempts=0)) as workflows:
        execution = finish(workflows)

    assert (execution.status, execution.error) == ("FAILED", "States.DataLimitExceeded")


def test_many_runs_at_once_all_finish(backend: OpenBackend) -> None:
    functions = Functions()
    runs = [f"gen_{number}" for number in range(8)]

    with backend(functions) as workflows:
        for run in runs:
            workflows.start("generate", run, {"run_id": run})
        outputs = [wait(workflows, run_id=run).output for run in runs]

    assert outputs == [{"closed": run, "failure": None} for run in runs]


TOUR = {
    "StartAt": "Shape",
    "TimeoutSeconds": 60,
    "States": {
        "Shape": {
            "Type": "Pass",
            "Parameters": {"list.$": "$.list", "first.$": "$.list[0]", "fixed": {"a": [1, 2]}},
            "ResultPath": "$.shaped.here",
            "Next": "Rest",
        },
        "Rest": {"Type": "Wait", "SecondsPath": "$.zero", "Next": "Pick"},
        "Pick": {
            "Type": "Choice",
            "Choices": [
                {"And": [{"Variable": "$.word", "StringEquals": "b"}, {"Variable": "$.n", "NumericLessThan": 0}],
                 "Next": "Wrong"},
                {"Not": {"Variable": "$.nobody", "IsPresent": False}, "Next": "Wrong"},
                {"Or": [{"Variable": "$.n", "NumericGreaterThanEquals": 7},
                        {"Variable": "$.on", "BooleanEquals": False}],
                 "Next": "Each"},
            ],
            "Default": "Wrong",
        },
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.list",
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Ask",
                "States": {
                    "Ask": {
                        "Type": "Task",
                        "Resource": "arn:aws:states:::lambda:invoke",
                        "Parameters": {"FunctionName": "${GenerateBatch}", "Payload": {"batch.$": "$"}},
                        "ResultSelector": {"answer.$": "$.Payload.square", "status.$": "$.StatusCode"},
                        "TimeoutSeconds": 10,
                        "End": True,
                    }
                },
            },
            "ResultPath": "$.answers",
            "Next": "Done",
        },
        "Done": {"Type": "Succeed", "InputPath": "$", "OutputPath": "$"},
        "Wrong": {"Type": "Fail", "Error": "Wrong", "Cause": "turn"},
    },
}  # fmt: skip


def test_the_rest_of_the_subset_means_the_same(backend: OpenBackend) -> None:
    functions = Functions(play={"GenerateBatch": lambda event: {"square": event["batch"] ** 2}})
    data = {"list": [3, 4, 5], "word": "b", "n": 7, "zero": 0, "on": True}

    with backend(functions, tour=TOUR) as workflows:
        workflows.start("tour", "tour_1", data)
        execution = wait(workflows, "tour", "tour_1")
        workflows.start("tour", "tour_2", {**data, "n": 6})
        wrong = wait(workflows, "tour", "tour_2")

    assert execution.output == {
        **data,
        "shaped": {"here": {"list": [3, 4, 5], "first": 3, "fixed": {"a": [1, 2]}}},
        "answers": [{"answer": 9, "status": 200}, {"answer": 16, "status": 200}, {"answer": 25, "status": 200}],
    }
    assert (wrong.status, wrong.error, wrong.cause) == ("FAILED", "Wrong", "turn")
