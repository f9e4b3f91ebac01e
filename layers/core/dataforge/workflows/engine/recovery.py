"""A run whose machine died without closing it: what it has paid for is saved, assessed, billed and handed out.

Nothing is asked of any teacher here. Safe to repeat, and for two readers of the run at once.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import cast

from dataforge.platform import current
from dataforge.platform.ports import Execution, Item
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.workflows import run_files, state_input
from dataforge.workflows.synthetic import assessing, closing, generating

logger = logging.getLogger(__name__)

MAX_IN_REQUEST = 20_000
"""Records that a reader of the run saves and assesses in its own request; of a larger run the assessed rounds count."""


def recover(run: Run, execution: Execution) -> Run:
    """The run, closed as failed with the reason; accepted records are settled and can be downloaded."""
    base: Item = {**asdict(state_input.StateInput(run.org_id, run.run_id, run.project_id, run.kind))}
    last = _last_round(run)
    if run.assessed_round < last and run.requested <= MAX_IN_REQUEST:
        try:
            _save(run, last)
            assessing.assess_run({**base, "round": last})
        except Exception:  # what killed the machine may lie in the files; then what was assessed before counts
            logger.exception("round %s of %s cannot be assessed", last, run.run_id)
    why = f"{execution.error or 'no error'}: {execution.cause or ''}".rstrip(": ")
    closing.close_run({**base, "failure": {"Error": f"The state machine ended as {execution.status}", "Cause": why}})
    return runs.get(run.org_id, run.run_id)


def _last_round(run: Run) -> int:
    """The last one with slots; -1: none was planned."""
    last = -1
    while any(run_files.read_lines(run, f"round-{last + 1}/plan.jsonl")):
        last += 1
    return last


def _save(run: Run, round_number: int) -> None:
    """Part files of the batches that did not live to write theirs, out of the replies on file."""
    items = cast("list[Item]", run_files.read_json(run, f"round-{round_number}/batches.json") or [])
    for item in items:
        if current().files.info(run_files.key_of(run, f"round-{round_number}/part-{item['batch']:04d}.json")) is None:
            generating.salvage(item)
