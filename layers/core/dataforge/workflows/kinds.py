"""The states of a run's machine, by the kind of run: what each function of the catalog calls."""

from __future__ import annotations

from collections.abc import Callable

from dataforge.platform.ports import Item
from dataforge.workflows import state_input
from dataforge.workflows.engine.provider_batch import pending
from dataforge.workflows.generation import assessing, calls, closing, planning
from dataforge.workflows.synthetic import assessing as synthetic_assessing
from dataforge.workflows.synthetic import closing as synthetic_closing
from dataforge.workflows.synthetic import generating
from dataforge.workflows.synthetic import planning as synthetic_planning
from dataforge.workflows.synthetic.starting import KIND as SYNTHETIC

State = Callable[[Item], Item]

PLAN: dict[str, State] = {SYNTHETIC: synthetic_planning.plan_run}
ASSESS: dict[str, State] = {SYNTHETIC: synthetic_assessing.assess_run}
CLOSE: dict[str, State] = {SYNTHETIC: synthetic_closing.close_run}
RECORD_FAILURE: dict[str, State] = {SYNTHETIC: generating.record_failure}
GENERATE = {SYNTHETIC: generating.generate_batch}
IN_MODE = {"batch": pending.generate_batch, "stopped": pending.stopped_batch}
"""Of a batch of either kind of run; every other mode asks in real time."""


def plan_run(raw: Item) -> Item:
    return PLAN.get(_kind(raw), planning.plan_run)(raw)


def generate_batch(raw: Item, *, seconds: float | None = None) -> Item:
    e = state_input.read(raw)
    in_real_time = GENERATE.get(e.kind, calls.generate_batch)
    return IN_MODE.get(e.mode, in_real_time)(raw, seconds=seconds)


def assess_run(raw: Item) -> Item:
    return ASSESS.get(_kind(raw), assessing.assess_run)(raw)


def close_run(raw: Item) -> Item:
    return CLOSE.get(_kind(raw), closing.close_run)(raw)


def record_failure(raw: Item) -> Item:
    return RECORD_FAILURE.get(_kind(raw), closing.record_failure)(raw)


def _kind(raw: Item) -> str:
    return state_input.read(raw).kind
