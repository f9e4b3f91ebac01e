"""After the batches of a round: near-duplicates over the whole run, counts, another try for what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dataforge.platform.ports import Item
from dataforge.recipes.synthetic.asking import SHAPES
from dataforge.recipes.synthetic.shapes import Shape
from dataforge.store import run_status
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.engine import deduplication, outcomes, rounds
from dataforge.workflows.engine.outcomes import Drafted, Failed
from dataforge.workflows.engine.rounds import LINES, Round
from dataforge.workflows.state_input import StateInput
from dataforge.workflows.synthetic import candidates
from dataforge.workflows.synthetic.candidates import RecordOutcome
from dataforge.workflows.synthetic.config import spec_of


def assess(run: Run, e: StateInput) -> Item:
    """Safe to repeat: each file is written anew behind what earlier rounds wrote, counters move once per round."""
    run = run_status.advance(run, "validating", "validating")
    first, blocks = rounds.outcomes_in_blocks(run, e.round, candidates.of_fields)
    with rounds.scratch(*LINES) as files:
        round_ = SyntheticRound(run=run, first=first, files=files)
        for block in blocks:
            round_.add(block)
        for name, file in round_.files.items():
            deduplication.append_to_earlier(run, name, first, file)
    _write_outstanding(run)
    run = rounds.count_round(run, e.round, round_)
    return rounds.output(run, e, made=round_.made)


@dataclass(slots=True, kw_only=True)
class SyntheticRound(Round):
    """A round of a synthetic run."""

    _shape: Shape = field(init=False)
    _duplicates: deduplication.DuplicateFilter = field(init=False)

    def __post_init__(self) -> None:
        shape = self._shape = SHAPES[spec_of(self.run).schema]
        self._duplicates = deduplication.DuplicateFilter(
            (r["slot"], shape.compared(r["payload"]))
            for r in deduplication.earlier_lines(self.run, "records.jsonl", self.first)
        )

    def add(self, block: Sequence[RecordOutcome]) -> None:
        """The outcomes of the next slots: of two records that are alike the later one is rejected."""
        records = [o for o in block if isinstance(o, Drafted)]
        good = [r for r in records if not r.content.reasons]
        texts = [self._shape.compared(r.content.payload) for r in good]
        for repeat in self._duplicates.repeats([r.slot for r in good], texts):
            content = good[repeat.place].content
            content.reasons, content.is_duplicate = ["near_duplicate"], True
            content.duplicate_of, content.similarity = repeat.of, repeat.similarity
        failed = [o for o in block if isinstance(o, Failed)]
        self.write_records("records.jsonl", (outcomes.to_item(r) for r in records if not r.content.reasons))
        self.write_records("rejected.jsonl", (outcomes.to_item(r) for r in records if r.content.reasons))
        self.write("failed.jsonl", map(_failed_line, failed))
        self.delivered += sum(not r.content.reasons for r in records)
        self.rejected.update(r.content.reasons[0] for r in records if r.content.reasons)
        self.failed.update(f.reason for f in failed)


def _failed_line(failed: Failed) -> Item:
    line: Item = {"slot": failed.slot, "reason": failed.reason, "detail": failed.detail}
    return {**line, "reply": failed.said} if failed.said else line


def _write_outstanding(run: Run) -> None:
    """The places of the plan that no accepted record fills, for the next round; each is a slot of the first one."""
    filled = bytearray(run.requested)
    for record in run_files.read_lines(run, "records.jsonl"):
        filled[record["root"]] = 1
    run_files.write_json(run, "outstanding.json", [n for n in range(min(run.requested, run.asked)) if not filled[n]])
