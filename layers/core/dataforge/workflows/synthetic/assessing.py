"""After the batches of a round: near-duplicates over the whole run, counts, another try for what was lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, cast

from dataforge.platform.ports import Item
from dataforge.recipes.synthetic.asking import SHAPES
from dataforge.recipes.synthetic.slots import RecordSlot
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.workflows import runs as flow
from dataforge.workflows.assessing import outcomes_of
from dataforge.workflows.generation import ROUNDS, most_slots
from dataforge.workflows.synthetic.planning import promised
from dataforge.workflows.synthetic.starting import spec_of

Outcome = Mapping[str, Any]


def assess_run(raw: Item) -> Item:
    """Safe to repeat: everything is counted anew from the part files."""
    e = flow.event(raw)
    run = runs.advance(flow.run_of(e), "validating", "validating")
    slots = promised(run, e.round + 1)
    rounds = [list(outcomes_of(run, n)) for n in range(e.round + 1)]
    outcomes = list(chain.from_iterable(rounds))
    records = _without_repeats(run, [o for o in outcomes if "failed" not in o])
    failed = [o for o in outcomes if "failed" in o]
    accepted = [r for r in records if not r["reasons"]]
    _write_files(run, records, failed)
    _write_outstanding(run, slots, accepted)
    rejected = Counter(str(r["reasons"][0]) for r in records if r["reasons"])
    run = runs.change(run, {
        "delivered": len(accepted), "rejected": rejected.total(), "failed": len(failed), "assessed_round": e.round,
        "reasons": {"rejected": {**rejected}, "failed": {**Counter(str(o["failed"]) for o in failed)}},
    })
    lively = any("failed" not in o for o in rounds[-1])
    top_up = _may_top_up(run, e, slots=len(slots), lively=lively, failed=failed)
    base: Item = {"org_id": e.org_id, "run_id": e.run_id, "project_id": e.project_id, "kind": e.kind}
    return {**base, "round": e.round + 1, "top_up": top_up}


def _may_top_up(run: Run, e: flow.Event, *, slots: int, lively: bool, failed: Sequence[Item]) -> bool:
    wanted = min(run.requested - run.delivered, most_slots(run.requested) - slots)
    hopeless = any(
        o["failed"] in ("teacher_refused", "cancelled") or str(o["failed"]).endswith("batch_job_failed") for o in failed
    )
    return wanted > 0 and lively and e.round + 1 < ROUNDS and not run.cancel_requested and not hopeless


def _without_repeats(run: Run, made: Iterable[Outcome]) -> list[dict[str, Any]]:
    """In slot order; of two that are alike the later one is rejected, over all rounds and batches."""
    from dataforge.quality import duplicates  # numpy: see quality/normal.py

    shape = SHAPES[spec_of(run).schema]
    records = [dict(o) for o in made]
    passed = [n for n, r in enumerate(records) if not r["reasons"]]
    texts = [f"{shape.asked(records[n]['payload'])}\n{shape.answered(records[n]['payload'])}" for n in passed]
    for repeat in duplicates.near_duplicates(texts):
        records[passed[repeat.index]] |= {
            "reasons": ["near_duplicate"], "duplicate_of": records[passed[repeat.of]]["slot"],
            "similarity": round(repeat.similarity, 4),
        }
    return records


def _write_files(run: Run, records: Sequence[Outcome], failed: Sequence[Item]) -> None:
    """records.jsonl, rejected.jsonl, failed.jsonl: whatever was asked for stands in exactly one of them."""
    parts: dict[str, list[Any]] = {
        "records.jsonl": [r for r in records if not r["reasons"]],
        "rejected.jsonl": [r for r in records if r["reasons"]],
        "failed.jsonl": [{"slot": o["slot"], "reason": o["failed"], "detail": o["detail"]} for o in failed],
    }
    for name, lines in parts.items():
        flow.write_lines(run, name, lines)


def _write_outstanding(run: Run, slots: Sequence[RecordSlot], accepted: Sequence[Outcome]) -> None:
    """The places of the plan that no accepted record fills, for the next round."""
    filled = {cast(int, r["root"]) for r in accepted}
    flow.write_json(run, "outstanding.json", sorted({s.root for s in slots} - filled))
