"""A synthetic run, state after state in this process, with teachers that answer by a function."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from dataforge import platform
from dataforge.platform.ports import Item
from dataforge.records import Question
from dataforge.store import organisations, runs
from dataforge.teachers import PROVIDERS, templated
from dataforge.teachers.scripted import ScriptedTeacher
from dataforge.workflows import run_files, run_states
from dataforge.workflows.synthetic import starting
from tests.support.embedded_platform import Started

Answering = Callable[[Question], str]
REPEATED = {"instruction": "When does the office open?", "input": "", "output": "It opens at nine."}


class SyntheticHarness:
    """One organisation on a fresh embedded backend; the test walks the states itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.org_id, self.user_id = organisations.create("harbour")
        self._monkeypatch = monkeypatch
        self.teacher = ScriptedTeacher([write])
        self.teach()

    def teach(self, **by_kind: Answering | Exception) -> ScriptedTeacher:
        """Who answers for every model: the templated writer, but for the kinds of question given."""

        def answer(question: Question) -> str:
            special = by_kind.get(question.kind)
            if isinstance(special, Exception):
                raise special
            return special(question) if special else write(question)

        self.teacher = ScriptedTeacher([answer], name="fake:model")
        self._monkeypatch.setitem(PROVIDERS, "fake", lambda _: self.teacher)
        return self.teacher

    def start(self, **request: Any) -> tuple[runs.Run, Item]:
        body = {"schema": "instruction_v1", "domain": "harbours", "count": 12, "model": "balanced", **request}
        run = starting.start(self.org_id, self.user_id, body, domain_confirmed=False)
        started = platform.current().workflows
        assert isinstance(started, Started)
        return run, started.input

    def walk(self, event: Item) -> None:
        """The state machine, as its file says."""
        while True:
            planned = run_states.plan_run(event)
            for item in json.loads(platform.current().files.read(str(planned["batches_key"]))):
                run_states.generate_batch(item)
            event = run_states.assess_run(planned)
            if not event["top_up"]:
                break
        run_states.close_run(event)

    def run(self, **request: Any) -> runs.Run:
        run, event = self.start(**request)
        self.walk(event)
        run = runs.get(self.org_id, run.run_id)
        assert run.asked == run.delivered + run.rejected + run.failed
        return run


def write(question: Question) -> str:
    return json.dumps(templated._WRITERS[question.kind](question))


def lines(run: runs.Run, name: str = "results.jsonl") -> list[dict[str, Any]]:
    return [json.loads(one) for one in platform.current().files.read(run_files.key_of(run, name)).splitlines()]
