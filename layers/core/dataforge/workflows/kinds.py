"""The kinds of run: one table that holds everything in which they differ.

A step is named as `module:function` and imported when it is first called. So a Lambda function imports only the steps
that it runs, and the modules of a kind can use what reads this table without an import circle.

| step          | called by                                   | signature                                  |
|---|---|---|
| plan          | state PlanRun                               | (run, state input) -> output of the state  |
| open_batch    | state GenerateBatch, in every mode          | (state input) -> engine.context.OpenBatch  |
| assess        | state AssessRun                             | (run, state input) -> output of the state  |
| close         | state CloseRun                              | (run, error or None) -> run                |
| recover       | state PlanRun of a recovery execution       | (run, state input) -> output of the state  |
| record_failure| state RecordFailure                         | (raw input) -> output of the state         |
| give_up       | `lifecycle.reconcile`, when recovery failed | (run, error) -> run                        |
| release       | `lifecycle.finish`, once the run is closed  | (run) -> None; lets the next run in        |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from dataforge.errors import UnknownRunKind

_WORKFLOWS = "dataforge.workflows"
STEPS = ("plan", "open_batch", "assess", "close", "recover", "record_failure", "give_up", "release")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKind:
    name: str
    machine: str
    """The state machine, as `dataforge_infra/<machine>.asl.json` defines it."""
    noun: str
    """What a run of this kind makes, in the plural, for messages."""
    belongs_to: Literal["project", "organisation"]
    """Whose run it is: a project has one active run at a time; an organisation any number, unless `release` says
    otherwise."""
    api: Literal["data-forge", "synthetic", "training"] = "data-forge"
    """Whose scopes a key needs to see runs of this kind."""
    reviewed: bool = False
    """Its records become pairs under review."""
    calls_teachers: bool = True
    questions_in_turn: bool = False
    """One call may ask several teachers in turn (writer, critic, judge, checker)."""
    plan: str = ""
    open_batch: str = ""
    assess: str = ""
    close: str = ""
    recover: str = ""
    record_failure: str = ""
    give_up: str = ""
    release: str = ""

    def steps(self) -> list[str]:
        """The names of the steps that this kind has."""
        return [name for name in STEPS if getattr(self, name)]

    def step(self, name: str) -> Callable[..., Any]:
        """The function of a step, by its name in this table. Raises UnknownRunKind when this kind has no such step."""
        target = getattr(self, name)
        if not target:
            raise UnknownRunKind(f"A run of kind {self.name!r} has no step {name!r}")
        module, _, function = target.partition(":")
        found: Callable[..., Any] = getattr(import_module(f"{_WORKFLOWS}.{module}"), function)
        return found


GENERATE = RunKind(
    name="generate",
    machine="generate",
    noun="pairs",
    belongs_to="project",
    reviewed=True,
    plan="generation.planning:plan",
    open_batch="generation.calls:open_batch",
    assess="generation.assessing:assess",
    close="generation.closing:close",
    recover="engine.recovery:plan_recovery",
    record_failure="engine.recovery:record_failure",
    give_up="engine.recovery:give_up",
)
SYNTHETIC = RunKind(
    name="synthetic",
    machine="generate",
    noun="records",
    belongs_to="organisation",
    api="synthetic",
    questions_in_turn=True,
    plan="synthetic.planning:plan",
    open_batch="synthetic.generating:open_batch",
    assess="synthetic.assessing:assess",
    close="synthetic.closing:close",
    recover="engine.recovery:plan_recovery",
    record_failure="engine.recovery:record_failure",
    give_up="synthetic.closing:give_up",
)
PARSE = RunKind(
    name="parse",
    machine="parse",
    noun="documents",
    belongs_to="project",
    calls_teachers=False,
    plan="documents.parsing:plan",
    close="documents.parsing:close",
    recover="documents.parsing:plan_recovery",
    record_failure="documents.parsing:record_failure",
    give_up="documents.parsing:close",
)
TRAIN = RunKind(
    name="train",
    machine="train",
    noun="models",
    belongs_to="organisation",
    api="training",
    calls_teachers=False,
    plan="training.planning:plan",
    close="training.closing:close",
    recover="training.planning:plan_recovery",
    give_up="training.closing:give_up",
    release="training.closing:release",
)
VERIFY = RunKind(
    name="verify",
    machine="generate",
    noun="verdicts",
    belongs_to="organisation",
    api="training",
    plan="training.verifying:plan",
    open_batch="training.verifying:open_batch",
    assess="training.verdicts:assess",
    close="training.verdicts:close",
    recover="engine.recovery:plan_recovery",
    record_failure="engine.recovery:record_failure",
    give_up="training.verdicts:give_up",
)
"""A verifier compares a trained model with its base on held-out lines."""
ERASE = RunKind(name="erase", machine="erase", noun="deletions", belongs_to="project", calls_teachers=False)
"""A deletion has an execution, but no run row and no steps: its one state calls `erasing.erase`."""

KINDS: dict[str, RunKind] = {kind.name: kind for kind in (GENERATE, SYNTHETIC, PARSE, TRAIN, VERIFY, ERASE)}


def of(name: str) -> RunKind:
    """Raises UnknownRunKind: a row or an input of a version that this one does not know is never taken for another."""
    kind = KINDS.get(name)
    if kind is None:
        raise UnknownRunKind(f"There is no kind of run {name!r}; known: {', '.join(KINDS)}")
    return kind


def start_parse_of_waiting_documents(org_id: str, project_id: str, *, but: object) -> None:
    """`auto_parse`: what waits for the end of any run of a project. but: ids of documents that are left alone."""
    documents = but if isinstance(but, list) else ()
    import_module(f"{_WORKFLOWS}.documents.parsing").start_waiting(org_id, project_id, but=documents)
