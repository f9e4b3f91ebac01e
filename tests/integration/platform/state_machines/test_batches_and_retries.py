"""The two state machine files on both backends, with the same outcome: batches, retries, failures, rounds."""

from __future__ import annotations

import json
import threading
import time

import pytest

from tests.support.stepfunctions_moto import definition
from tests.support.workflow_backends import Event, Functions, OpenBackend, finish, raising, with_retries


# checklist 18, 33, 199
@pytest.mark.parametrize(("machine", "work"), [("generate", "GenerateBatch"), ("parse", "ParseDocument")])
def test_a_run_plans_fans_out_and_closes(backend: OpenBackend, machine: str, work: str) -> None:
    functions = Functions()

    with backend(functions) as workflows:
        execution = finish(workflows, machine)

    assert execution.status == "SUCCEEDED"
    assert execution.output == {"closed": "gen_1", "failure": None}
    assert sorted(event["batch"] for event in functions.called(work)) == [0, 1]
    assert functions.called("RecordFailure") == []
    assert [name for name, _ in functions.calls][-1] == "CloseRun"
    assert len(functions.called("AssessRun")) == (machine == "generate")


def test_rejected_slots_are_planned_again_until_assess_is_content(backend: OpenBackend) -> None:
    functions = Functions()
    functions.play["AssessRun"] = lambda event: {**event, "top_up": len(functions.called("AssessRun")) < 3}

    with backend(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert len(functions.called("PlanRun")) == 3
    assert len(functions.called("GenerateBatch")) == 6
    assert functions.called("PlanRun")[1]["top_up"] is True
    assert len(functions.called("CloseRun")) == 1


def test_nothing_to_do_goes_straight_to_the_close(backend: OpenBackend) -> None:
    functions = Functions(batches=[])

    with backend(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert [name for name, _ in functions.calls] == ["PlanRun", "CloseRun"]


def test_a_plan_that_fails_is_retried_and_then_closes_the_run_with_its_failure(backend: OpenBackend) -> None:
    functions = Functions(play={"PlanRun": raising(LookupError("no chunks left"))})

    with backend(functions, generate=with_retries(definition("generate"))) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert len(functions.called("PlanRun")) == 4
    [closing] = functions.called("CloseRun")
    assert closing["run_id"] == "gen_1"
    assert closing["failure"]["Error"] == "LookupError"
    cause = json.loads(closing["failure"]["Cause"])
    assert (cause["errorType"], cause["errorMessage"]) == ("LookupError", "no chunks left")


def test_a_batch_that_fails_once_is_tried_again(backend: OpenBackend) -> None:
    functions = Functions()

    def generate(event: Event) -> Event:
        if event["batch"] == 1 and functions.called("GenerateBatch").count(event) == 1:
            raise ConnectionError("reset")
        return {"done": True}

    functions.play["GenerateBatch"] = generate

    with backend(functions, generate=with_retries(definition("generate"))) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert sorted(event["batch"] for event in functions.called("GenerateBatch")) == [0, 1, 1]
    assert functions.called("RecordFailure") == []


# checklist 21, 184, 199
def test_a_batch_that_always_fails_is_recorded_and_its_siblings_go_on(backend: OpenBackend) -> None:
    functions = Functions(batches=[{"batch": number} for number in range(5)])

    def generate(event: Event) -> Event:
        if event["batch"] == 2:
            raise ValueError("poison")
        return {"done": True}

    functions.play["GenerateBatch"] = generate

    with backend(functions, generate=with_retries(definition("generate"))) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert sorted(event["batch"] for event in functions.called("GenerateBatch")) == [0, 1, 2, 2, 2, 2, 3, 4]
    [recorded] = functions.called("RecordFailure")
    assert recorded["batch"] == 2
    assert recorded["failure"]["Error"] == "ValueError"
    assert len(functions.called("AssessRun")) == 1


def test_a_failing_record_of_a_failure_does_not_stop_the_run(backend: OpenBackend) -> None:
    functions = Functions(play={"GenerateBatch": raising(ValueError("a")), "RecordFailure": raising(ValueError("b"))})

    with backend(functions, generate=with_retries(definition("generate"), attempts=0)) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert execution.output == {"closed": "gen_1", "failure": None}
    assert len(functions.called("RecordFailure")) == 2
    assert len(functions.called("AssessRun")) == 1


def test_a_missing_file_of_batches_closes_the_run_with_a_failure(backend: OpenBackend) -> None:
    functions = Functions(play={"PlanRun": lambda event: {**event, "batches": 1, "batches_key": "not/there.json"}})

    with backend(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert functions.called("GenerateBatch") == []
    assert functions.called("CloseRun")[0]["failure"]["Error"].startswith("States.")


def test_a_run_whose_close_fails_has_failed(backend: OpenBackend) -> None:
    functions = Functions(play={"CloseRun": raising(ValueError("no room left"))})

    with backend(functions, generate=with_retries(definition("generate"), attempts=1)) as workflows:
        execution = finish(workflows)

    assert (execution.status, execution.error, execution.output) == ("FAILED", "ValueError", None)
    assert json.loads(execution.cause or "")["errorMessage"] == "no room left"
    assert len(functions.called("CloseRun")) == 2


def test_never_more_children_at_once_than_the_map_allows(backend: OpenBackend) -> None:
    functions = Functions(batches=[{"batch": number} for number in range(25)])
    lock, here, most = threading.Lock(), 0, 0

    def generate(event: Event) -> Event:
        nonlocal here, most
        with lock:
            here += 1
            most = max(most, here)
        time.sleep(0.03)
        with lock:
            here -= 1
        return {}

    functions.play["GenerateBatch"] = generate

    with backend(functions) as workflows:
        execution = finish(workflows)

    assert execution.status == "SUCCEEDED"
    assert len(functions.called("GenerateBatch")) == 25
    assert 1 < most <= 10
