"""The state machines of the template are the very files that one machine runs, in the language of Step Functions."""

from __future__ import annotations

import json
import re

import pytest

from dataforge_infra import catalog
from tests.support.paths import INFRA

CAMEL = {catalog.camel(name): name for name in catalog.FUNCTIONS}


def test_the_template_carries_the_file_unchanged(deployment):
    for name, file in catalog.WORKFLOWS.items():
        key = _machine(deployment, name)["DefinitionS3Location"]["Key"]

        assert (deployment.folder / f"asset.{key}").read_bytes() == (INFRA / file).read_bytes()


def test_every_placeholder_is_filled_with_what_it_names(dev):
    for name, file in catalog.WORKFLOWS.items():
        wanted = set(re.findall(r"\$\{(.*?)\}", (INFRA / file).read_text()))
        filled = {key: dev.text(value) for key, value in _machine(dev, name)["DefinitionSubstitutions"].items()}

        assert set(filled) == wanted
        assert filled.pop("Bucket", "<FilesBucket>") == "<FilesBucket>"
        assert all(re.fullmatch(rf"<Functions{key}[0-9A-F]{{8}}\.Arn>", arn) for key, arn in filled.items())


def test_nothing_else_in_the_templates_waits_to_be_filled(deployment):
    text = json.dumps([deployment.data, deployment.service])

    assert set(re.findall(r"\$\{(.*?)\}", text)) <= {"AWS::AccountId", "AWS::Region", "AWS::Partition"}


def test_a_state_waits_a_little_longer_than_its_function_may_run():
    """A function that uses up its time ends with Lambda's own error, and nothing of it goes on behind the retry."""
    tasks = [task for file in catalog.WORKFLOWS.values() for task in _tasks(json.loads((INFRA / file).read_text()))]

    assert len(tasks) >= 8
    for name, task in tasks:
        facts = catalog.FUNCTIONS[CAMEL[name]]
        assert task["Parameters"]["FunctionName"] == f"${{{name}}}"
        if "TimeoutSecondsPath" not in task:  # that waits for an answer to its token, long after the function is done
            assert facts.timeout_s + 10 <= task["TimeoutSeconds"] <= facts.timeout_s + 60, name
        assert facts.handler == f"dataforge_functions.{CAMEL[name]}.handler"


def test_machines_are_standard_traced_and_log_errors_without_customers_data(deployment):
    for name in catalog.WORKFLOWS:
        machine = _machine(deployment, name)

        assert machine["StateMachineType"] == "STANDARD"
        assert machine["TracingConfiguration"] == {"Enabled": True}
        assert machine["LoggingConfiguration"]["Level"] == "ERROR"
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


@pytest.mark.parametrize("file", catalog.WORKFLOWS.values())
def test_every_step_leads_to_a_state_that_exists_and_no_state_is_out_of_reach(file):
    for machine in _machines(json.loads((INFRA / file).read_text())):
        states = machine["States"]
        steps = {name: set(_next(state)) for name, state in states.items()}
        reached, waiting = set(), {machine["StartAt"]}
        while waiting:
            reached |= waiting
            waiting = set().union(*(steps[name] for name in waiting)) - reached

        assert reached == set(states)
        assert all(
            state["Type"] in ("Choice", "Succeed", "Fail") or ("Next" in state) != ("End" in state)
            for state in states.values()
        )


@pytest.mark.parametrize("file", catalog.WORKFLOWS.values())
def test_no_failure_ends_a_machine_before_its_last_state(file):
    machine = json.loads((INFRA / file).read_text())
    unguarded = {
        name for name, state in machine["States"].items() if state["Type"] in ("Task", "Map") and "Catch" not in state
    }

    assert unguarded == {name for name, state in machine["States"].items() if state.get("End")}


def _machine(deployment, name):
    machines = deployment.properties("AWS::StepFunctions::StateMachine")
    [machine] = [machine for machine in machines if machine["StateMachineName"].endswith(f"-{name}")]
    return machine


def _tasks(definition):
    """(state name, state) of every Task, also inside maps."""
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        elif state["Type"] == "Map":
            yield from _tasks(state["ItemProcessor"])


def _machines(definition):
    """The definition itself and the processors of its maps: each has states of its own."""
    yield definition
    for state in definition["States"].values():
        if state["Type"] == "Map":
            yield from _machines(state["ItemProcessor"])


def _next(state):
    """Every state that may follow this one."""
    branches = [*state.get("Choices", []), *state.get("Catch", []), state]
    return [branch[key] for branch in branches for key in ("Next", "Default") if key in branch]


def test_functions_know_how_many_of_them_a_map_runs_at_once(dev):
    widths = {
        state["MaxConcurrency"]
        for file in catalog.WORKFLOWS.values()
        for state in json.loads((INFRA / file).read_text())["States"].values()
        if state["Type"] == "Map"
    }
    answer = {f["Environment"]["Variables"]["DATAFORGE_WORKERS"] for f in dev.properties("AWS::Lambda::Function")}

    assert widths == {catalog.MAP_CONCURRENCY}
    assert answer == {str(catalog.MAP_CONCURRENCY)}
