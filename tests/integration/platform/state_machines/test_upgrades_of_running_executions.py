"""An upgrade over a running execution: whatever state the earlier release left it in, the new release finishes it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from dataforge.platform.embedded.asl_interpreter import Machine
from dataforge.platform.embedded.asl_parser import OutsideSubset, read
from dataforge.platform.embedded.execution_store import ExecutionStore
from dataforge.platform.embedded.workflow_runner import Runner
from dataforge.platform.ports import Execution
from dataforge_infra import catalog
from dataforge_infra.local.platform import machines, substitutions
from tests.support import last_release
from tests.support.waiting import until

OLD = Path(__file__).with_name("old_definitions")
"""The definitions as they were before states were renamed (2026-11); `release` has those of version 0.1.0."""
EARLIER = sorted(file.name.removesuffix(".asl.json") for file in OLD.glob("*.asl.json"))
"""State machines of those days."""
DATA: dict[str, Any] = {
    "run_id": "gen_1", "batches": 1, "batches_key": "batches.json", "top_up": False, "again": False, "seconds": 0,
    "next": "collect",
}  # fmt: skip
"""Enough for every state: none of the choices leads round in a circle."""


def definitions() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in EARLIER:
        yield name, json.loads((OLD / f"{name}.asl.json").read_text("utf-8"))
    for text in last_release.read()["files"].values():
        raw = json.loads(text)
        name = "parse" if "ParseDocuments" in raw["States"] else "generate" if "PlanRun" in raw["States"] else "erase"
        yield f"0.1.0 {name}", raw


DEFINITIONS = dict(definitions())
STATES = [(name, state) for name, raw in DEFINITIONS.items() for state in raw["States"] if state != "NotErased"]


def call(function: str, event: Any, timeout_s: float) -> Any:
    """Every function, played: the event goes on, as far as it is that of a run."""
    return {**event, "seconds": 0} if isinstance(event, dict) else event


def interrupted(path: Path, name: str, state: str, data: dict[str, Any] = DATA) -> None:
    """What a server of the earlier release left behind when it was killed in this state."""
    old = read(DEFINITIONS[name], substitutions())
    machine = name.removeprefix("0.1.0 ")
    store = ExecutionStore(path, {machine: old})
    store.start(machine, "run", data)
    [row] = store.running()
    store.move(store.root(row.id), state, data)
    store.close()


def finished(path: Path, machine: str, today: dict[str, Machine] | None = None) -> Execution:
    runner = Runner(path, today or machines(), invoke=call, read_file=lambda key: b"[{}]", rng=Random(1))
    runner.start_up()

    def now() -> Execution:
        execution = runner.describe(machine, "run")
        assert execution
        return execution

    try:
        until(lambda: now().status != "RUNNING", "the execution goes on")
        return now()
    finally:
        runner.close()


@pytest.mark.parametrize(("name", "state"), STATES, ids=[f"{name}-{state}" for name, state in STATES])
def test_an_execution_interrupted_in_any_state_of_an_earlier_release_is_finished(
    name: str, state: str, tmp_path: Path
) -> None:
    interrupted(tmp_path / "workflows.db", name, state)

    result = finished(tmp_path / "workflows.db", name.removeprefix("0.1.0 "))

    assert (result.status, result.error, result.cause) == ("SUCCEEDED", None, None)


def test_an_undo_window_that_an_earlier_release_began_is_waited_out(tmp_path: Path) -> None:
    path = tmp_path / "workflows.db"
    old = {"erase": read(DEFINITIONS["erase"], substitutions())}
    before = Runner(path, old, invoke=call, read_file=lambda key: b"[]")
    before.start_up()
    before.start("erase", "run", {**DATA, "seconds": 2})
    until(lambda: before._store.running()[0].wake is not None, "the window does not open")
    [row] = before._store.running()
    before.close()

    result = finished(path, "erase")

    assert result.status == "SUCCEEDED"
    assert row.wake is not None
    assert time.time() >= row.wake


def test_without_the_table_of_renamed_states_the_execution_would_fail(tmp_path: Path) -> None:
    interrupted(tmp_path / "workflows.db", "generate", "HowAsked")
    raw = json.loads(Path(catalog.__file__).with_name("generate.asl.json").read_text("utf-8"))

    result = finished(tmp_path / "workflows.db", "generate", {"generate": read(raw, substitutions())})

    assert (result.status, result.error) == ("FAILED", "States.Runtime")


@pytest.mark.parametrize("name", EARLIER)
def test_functions_are_called_as_by_the_definition_that_an_execution_on_aws_keeps(name: str) -> None:
    """Step Functions goes on with the old definition, but calls today's functions: only names of states may differ, and
    today's may have ways that only the recovery of a run takes, which begins with today's definition."""
    today = json.loads(Path(catalog.__file__).with_name(catalog.WORKFLOWS[name]).read_text("utf-8"))

    carried = with_names(DEFINITIONS[name], catalog.RENAMED_STATES[name])

    assert calls(carried) == without_new_ways(calls(today), calls(carried))


def with_names(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {names.get(key, key): with_names(value, names) for key, value in part.items()}
    if isinstance(part, list):
        return [with_names(value, names) for value in part]
    return names.get(part, part) if isinstance(part, str) else part


def calls(raw: dict[str, Any]) -> dict[str, Any]:
    """The states without the words for people, and without the retries of a store that refuses writes, which an old
    definition answers as any other failure, and without time-outs."""

    def shown(part: Any) -> Any:
        if isinstance(part, dict):
            return {
                key: shown(value) for key, value in part.items() if key not in ("Comment", "Cause", "TimeoutSeconds")
            }
        if isinstance(part, list):
            return [shown(v) for v in part if not (isinstance(v, dict) and v.get("ErrorEquals") == ["StoreRefuses"])]
        return part

    states: dict[str, Any] = shown(raw["States"])
    return states


@pytest.mark.parametrize("name", catalog.WORKFLOWS)
def test_every_call_of_a_function_is_tried_again_while_the_store_refuses_writes(name: str) -> None:
    raw = json.loads(Path(catalog.__file__).with_name(catalog.WORKFLOWS[name]).read_text("utf-8"))
    states = {**raw["States"]}
    for body in raw["States"].values():
        states |= body.get("ItemProcessor", {}).get("States", {})

    retries = {state: body["Retry"] for state, body in states.items() if body["Type"] == "Task"}

    assert retries
    for state, retriers in retries.items():
        assert retriers[0]["ErrorEquals"] == ["StoreRefuses"], f"{state}: the first that matches decides"
        assert retriers[0]["MaxAttempts"] >= 1000


def without_new_ways(today: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """Without the choices of today that the old definition does not have: each goes its default way; and without the
    states that only they lead to."""
    new = {name: body["Default"] for name, body in today.items() if body["Type"] == "Choice" and name not in old}
    only_there = {choice["Next"] for name in new for choice in today[name]["Choices"]} - old.keys()
    kept = {name: with_names(body, new) for name, body in today.items() if name not in {*new, *only_there}}
    for name, body in kept.items():
        if body["Type"] == "Choice" and name in old:
            body["Choices"] = [choice for choice in body["Choices"] if choice in old[name]["Choices"]]
    return kept


@pytest.mark.parametrize("renamed", [{"Old": "Nowhere"}, {"B": "A"}], ids=["to nothing", "of a state that is there"])
def test_a_table_of_renamed_states_that_cannot_hold_is_refused(renamed: dict[str, str]) -> None:
    states = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}

    with pytest.raises(OutsideSubset, match="cannot stand for"):
        read({"StartAt": "A", "TimeoutSeconds": 1, "States": states}, None, renamed)
