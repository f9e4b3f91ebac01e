"""A round on file: its plan, its batches, and the array of batches that the Map of the state machine reads.

    round-<n>/plan.jsonl          one slot per line, in slot order
    round-<n>/batch-<b>.json      {"concurrency", "calls": [[slot, ...], ...], "document_names"?: {id: name}}
    round-<n>/batches.json        [{"org_id", "run_id", "project_id", "kind", "round", "mode", "batch", "key"}, ...]

A slot is a `records.Slot`, or a `recipes.synthetic.slots.RecordSlot`, as JSON: its fields by name. Files hold slots and
ids only; texts are read where they are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson

from dataforge import clock, settings
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.records import Slot
from dataforge.store import run_log, run_status, runs
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.engine import config
from dataforge.workflows.state_input import StateInput


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundPlan:
    """What a kind of run plans for one round."""

    slots: Iterable[Slot]
    calls: Callable[[], Iterator[Sequence[Slot]]]
    """The same slots again, grouped by the call that asks for them; only walked once `slots` is on file."""
    slots_before: int
    """Slots of earlier rounds."""
    subject: Callable[[int], str]
    """For the log: what is asked for, given the number of slots ("12 pairs from 3 chunks")."""
    document_names: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BatchFile:
    """A batch as it is planned."""

    concurrency: int
    """Calls that may be in flight."""
    calls: list[list[dict[str, Any]]]
    """Slots as JSON, by call."""
    document_names: dict[str, str] = field(default_factory=dict)


def write_round(run: Run, e: StateInput, plan: RoundPlan) -> Item:
    """Write plan and batches, count the promised slots. The output says how many batches there are and where their
    array lies. A plan is deterministic, so a state that runs again writes the same."""
    base: Item = {**e.base(), "round": e.round, "mode": config.of(run).mode}
    count = run_files.write_lines(run, plan_file(e.round), plan.slots)
    items = list(_write_batches(run, base, e.round, plan))
    run_status.change(
        run,
        {
            "status": "generating",
            "stage": "generating",
            "asked": plan.slots_before + count,
            "started_at": run.started_at or clock.now(),
        },
        where={"status": runs.ACTIVE},
    )
    action = "Topping up" if e.round else "Asking"
    run_log.write(run.run_id, "planning", f"{action} {config.of(run).model_id} for {plan.subject(count)}")
    key = run_files.write_json(run, batches_file(e.round), items)
    return {**base, "batches": len(items), "batches_key": key}


def _write_batches(run: Run, base: Item, round_number: int, plan: RoundPlan) -> Iterator[Item]:
    limits = settings.get()
    enough_for_all = limits.batch_calls * limits.workers
    number_of_calls = sum(1 for _ in islice(plan.calls(), enough_for_all))
    at_once = max(1, min(-(-number_of_calls // limits.batch_calls), limits.workers))
    concurrency = min(limits.concurrency, config.of(run).concurrency or limits.concurrency)
    names = {} if plan.document_names is None else {"document_names": {**plan.document_names}}
    calls = plan.calls()
    for number, group in enumerate(iter(lambda: list(islice(calls, limits.batch_calls)), [])):
        body = {"concurrency": max(1, concurrency // at_once), **names, "calls": group}
        key = run_files.key_of(run, batch_file(round_number, number))
        current().files.write(key, orjson.dumps(body), content_type="application/json")
        yield {**base, "batch": number, "key": key}


def read_batch(key: str) -> BatchFile:
    return BatchFile(**orjson.loads(current().files.read(key)))


def slots_of(run: Run, name: str) -> list[tuple[int, str]]:
    """Number and chunk of each slot of a batch, in slot order. name: of the batch file."""
    calls = read_batch(run_files.key_of(run, name)).calls
    return sorted((slot["index"], slot["chunk_id"]) for call in calls for slot in call)


def planned_slots(run: Run, round_number: int) -> Iterator[dict[str, Any]]:
    """The slots of a round as JSON; nothing when it was not planned."""
    return run_files.read_lines(run, plan_file(round_number))


def items_of(run: Run, round_number: int) -> list[Item] | None:
    """The array of batches; None when the round was not planned to its end."""
    found = run_files.read_json(run, batches_file(round_number))
    return found if isinstance(found, list) else None


def plan_file(round_number: int) -> str:
    return f"round-{round_number}/plan.jsonl"


def batch_file(round_number: int, batch: int) -> str:
    return f"round-{round_number}/batch-{batch:04d}.json"


def batches_file(round_number: int) -> str:
    return f"round-{round_number}/batches.json"
