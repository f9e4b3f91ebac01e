"""After the batches of a round: near-duplicates over the whole run, counts, another try for what was lost.

As rounds over documents (`workflows.assessing`) it is judged block by block, what comes of it lies on disk until all of
it is known, and earlier rounds are not judged again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dataforge.platform.ports import Item
from dataforge.recipes.synthetic.asking import SHAPES
from dataforge.recipes.synthetic.shapes import Shape
from dataforge.store import run_status
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files, state_input
from dataforge.workflows.engine import deduplication
from dataforge.workflows.engine.rounds import LINES, Round, count_round, may_top_up, outcomes_in_blocks, scratch
from dataforge.workflows.synthetic.starting import spec_of


def assess_run(raw: Item) -> Item:
    """Safe to repeat: each file is written anew behind what earlier rounds wrote, counters move once per round."""
    e = state_input.read(raw)
    run = run_status.advance(lifecycle.run_of(e), "validating", "validating")
    first, told = outcomes_in_blocks(run, e.round)
    with scratch(*LINES) as files:
        round_ = _Round(run, first, files)
        for outcomes in told:
            round_.add(outcomes)
        for name, file in round_.files.items():
            deduplication.append_to_earlier(run, name, first, file)
    _write_outstanding(run)
    run = count_round(run, e.round, round_.delivered, rejected=round_.rejected, failed=round_.failed)
    base: Item = {"org_id": e.org_id, "run_id": e.run_id, "project_id": e.project_id, "kind": e.kind}
    return {**base, "round": e.round + 1, "top_up": may_top_up(run, e.round, round_.made)}


@dataclass(slots=True)
class _Round(Round):
    """Of a synthetic run."""

    _shape: Shape = field(init=False)
    _sieve: deduplication.DuplicateFilter = field(init=False)

    def __post_init__(self) -> None:
        shape = self._shape = SHAPES[spec_of(self.run).schema]
        self._sieve = deduplication.DuplicateFilter(
            (r["slot"], shape.compared(r["payload"]))
            for r in deduplication.earlier_lines(self.run, "records.jsonl", self.first)
        )

    def add(self, outcomes: list[Any]) -> None:
        """The outcomes of the next slots: of two records that are alike the later one is rejected."""
        records = [o for o in outcomes if "failed" not in o]
        good = [r for r in records if not r["reasons"]]
        texts = [self._shape.compared(r["payload"]) for r in good]
        for repeat in self._sieve.repeats([r["slot"] for r in good], texts):
            good[repeat.place] |= {
                "reasons": ["near_duplicate"],
                "duplicate_of": repeat.of,
                "similarity": repeat.similarity,
            }
        failed = [{"slot": o["slot"], "reason": o["failed"], "detail": o["detail"]} for o in outcomes if "failed" in o]
        self.write("records.jsonl", (r for r in records if not r["reasons"]))
        self.write("rejected.jsonl", (r for r in records if r["reasons"]))
        self.write("failed.jsonl", failed)
        self.delivered += sum(not r["reasons"] for r in records)
        self.rejected.update(str(r["reasons"][0]) for r in records if r["reasons"])
        self.failed.update(str(f["reason"]) for f in failed)


def _write_outstanding(run: Run) -> None:
    """The places of the plan that no accepted record fills, for the next round; each is a slot of the first one."""
    filled = bytearray(run.requested)
    for record in run_files.read_lines(run, "records.jsonl"):
        filled[record["root"]] = 1
    run_files.write_json(run, "outstanding.json", [n for n in range(min(run.requested, run.asked)) if not filled[n]])
