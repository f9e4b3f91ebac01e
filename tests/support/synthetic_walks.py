"""A synthetic run at batch price, walked state by state in this process."""

from __future__ import annotations

import json
from typing import Any, cast

from dataforge import platform
from dataforge.platform.ports import Item
from dataforge.store import organisations, runs
from dataforge.workflows import run_states
from dataforge.workflows.engine.provider_batch import collecting, polling, submitting
from dataforge.workflows.synthetic import starting
from tests.support.embedded_platform import Started


class Walk:
    """A run of an organisation; `twice`: every state is run again before the machine goes on."""

    def __init__(self, *, twice: bool = False, **request: Any) -> None:
        org_id, user_id = organisations.create("harbour")
        self.run = starting.start(org_id, user_id, {**request, "mode": "batch"}, domain_confirmed=False)
        self._times = 2 if twice else 1
        workflows = platform.current().workflows
        assert isinstance(workflows, Started)
        self.event: Item = workflows.input

    def generate(self, e: Item) -> Item:
        for item in cast("list[Item]", json.loads(platform.current().files.read(str(e["batches_key"])))):
            for _ in range(self._times):
                run_states.generate_batch(item)
        return e

    def state(self, function: Any, e: Item) -> Item:
        for _ in range(self._times - 1):
            function(e)
        return cast(Item, function(e))

    def wave(self, e: Item) -> Item:
        """From one replay to the next state but one."""
        e = self.state(submitting.submit_jobs, e)
        while e["next"] == "wait":
            e = polling.check_jobs(e)
        if e["next"] == "collect":
            e = self.state(collecting.collect_replies, e)
        return e

    def go(self) -> runs.Run:
        """The state machine, as its file says."""
        e = self.event
        while True:
            planned = self.generate(self.state(run_states.plan_run, e))
            e = self.wave(planned)
            while e["next"] == "generate":
                e = self.wave(self.generate(e))
            e = run_states.assess_run(planned)
            if not e["top_up"]:
                break
        self.state(run_states.close_run, e)
        return runs.get(self.run.org_id, self.run.run_id)

    def recover(self, event: Item | None = None) -> runs.Run:
        """The same machine again, after it died; or the way that it takes with this input of PlanRun."""
        e = run_states.plan_run(event or {**self.event, "recovering": "The state machine ended as ABORTED"})
        e["next"] = e.get("next", "")
        while e["next"] in ("check", "wait"):
            e = polling.check_jobs(e)
            if e["next"] == "collect":
                e = collecting.collect_replies(e)
        if e["batches_key"]:
            run_states.assess_run(self.generate(e))
        run_states.close_run(e)
        return runs.get(self.run.org_id, self.run.run_id)
