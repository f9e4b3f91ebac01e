"""Rounds of a run: the outcomes of one, its counts, and whether another one follows.

A round is assessed block by block of a thousand slots, and its lines lie in temporary files until all are known: a run
of 100,000 slots takes little more memory than one of 1,000. Earlier rounds are not assessed again.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain, count, groupby, islice
from typing import IO, cast

import orjson

from dataforge.errors import ConditionFailed, Conflict
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import review_facts, run_status, runs
from dataforge.store.runs import Run
from dataforge.text.control_tokens import escaped_everywhere
from dataforge.workflows import run_files
from dataforge.workflows.engine import batches, outcomes
from dataforge.workflows.engine.outcomes import C, ContentOf, Failed, Outcome
from dataforge.workflows.state_input import StateInput

OUTCOMES = {"delivered": "records.jsonl", "rejected": "rejected.jsonl", "failed": "failed.jsonl"}
"""Every slot is in exactly one of these files."""

LINES = tuple(OUTCOMES.values())
MAX_TOP_UP = 1.25
"""A run never asks for more than this many times the pairs it was asked for."""
MAX_ROUNDS = 6
"""Rounds of asking in one run, the first included."""
FINAL = ("teacher_refused", "cancelled", "budget_reached", "batch_job_failed")  # and so `monthly_budget_reached`
"""Reasons after which nothing more is asked, whichever teacher they come from (`judge_teacher_refused`)."""


def outcomes_in_blocks(run: Run, round_number: int, content_of: ContentOf[C]) -> tuple[int, Iterator[list[Outcome[C]]]]:
    """The round's first slot, and its outcomes, block by block of slots."""
    found = outcomes_of(run, round_number, content_of)
    opening = list(islice(found, 1))
    first = opening[0].slot if opening else run.asked  # slots are numbered through all rounds
    cut = groupby(chain(opening, found), lambda o: o.slot // review_facts.BLOCK)
    return first, (list(block) for _, block in cut)


@contextmanager
def scratch(*names: str) -> Iterator[dict[str, IO[bytes]]]:
    """A temporary file for each name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(tempfile.TemporaryFile()) for name in names}


def outcomes_of(run: Run, round_number: int, content_of: ContentOf[C]) -> Iterator[Outcome[C]]:
    """One outcome per slot of the round, in slot order; a slot that no batch accounts for failed with its batch."""
    prefix = run_files.key_of(run, "")
    existing = {info.key.removeprefix(prefix) for info in current().files.list(f"{prefix}round-{round_number}/")}
    for number in count():
        batch, part = batches.batch_file(round_number, number), outcomes.part_file(round_number, number)
        failure = outcomes.failure_file(round_number, number)
        if batch not in existing:
            return
        found = outcomes.read_part(run, part, content_of) if part in existing else {}
        reason, detail = "batch_failed", "its batch ended without a result"
        if failure in existing:
            detail = str(cast(Item, run_files.read_json(run, failure))["error"])
        elif run.cancel_requested:
            reason = "cancelled"
        for index, chunk_id in batches.slots_of(run, batch):
            yield found.get(index) or Failed(slot=index, chunk_id=chunk_id, reason=reason, detail=detail)


def outcome_files(run: Run) -> dict[str, str]:
    """The keys of its files, by outcome; those that it came to. Raises Conflict while the run goes on."""
    require_ended(run)
    keys = {outcome: run_files.key_of(run, name) for outcome, name in OUTCOMES.items()}
    return {outcome: key for outcome, key in keys.items() if current().files.info(key) is not None}


def require_ended(run: Run) -> None:
    """Raises Conflict while the run goes on."""
    if run.status not in runs.FINISHED:
        raise Conflict(
            f"Generation {run.run_id} is {run.status}; its outcomes are there once it has ended",
            code="GENERATION_NOT_COMPLETE",
        )


@dataclass(slots=True, kw_only=True)
class RoundCounts:
    """What came of the slots of a round; rejected and failed by reason."""

    delivered: int = 0
    flagged: int = 0
    """Of all that the run has delivered so far: those that a check doubts."""
    flagged_by_check: Mapping[str, int] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class Round(RoundCounts):
    """A round of a run while it is assessed: its counts, and its lines in temporary files."""

    run: Run
    first: int
    files: dict[str, IO[bytes]]

    @property
    def made(self) -> int:
        """Records, good and bad."""
        return self.delivered + self.rejected.total()

    def write_records(self, name: str, lines: Iterable[object]) -> None:
        """As `run_files.read_records` reads them."""
        self.write(name, map(escaped_everywhere, lines))

    def write(self, name: str, lines: Iterable[object]) -> None:
        self.files[name].writelines(orjson.dumps(line) + b"\n" for line in lines)


def count_round(run: Run, round_number: int, came: RoundCounts) -> Run:
    """Move the run's counters by what came of a round, however often it is called; the run as it is then."""
    if run.assessed_round >= round_number:
        return run
    known = cast("dict[str, dict[str, int]]", run.reasons or {})
    rejected = Counter(known.get("rejected") or {}) + came.rejected
    failed = Counter(known.get("failed") or {}) + came.failed
    values: Item = {
        "delivered": run.delivered + came.delivered,
        "flagged": came.flagged,
        "flagged_by_check": {**came.flagged_by_check},
        "rejected": rejected.total(),
        "failed": failed.total(),
        "reasons": {"rejected": {**rejected}, "failed": {**failed}},
        "assessed_round": round_number,
    }
    try:
        return run_status.change(run, values, where={"assessed_round": round_number - 1})
    except ConditionFailed:
        return runs.get(run.org_id, run.run_id)


def output(run: Run, e: StateInput, *, made: int) -> Item:
    """Of AssessRun, once the round is counted: whether the next round is planned. made: see `may_top_up`."""
    top_up = not e.recovering and may_top_up(run, e.round, made)
    return {**e.base(), "round": e.round + 1, "top_up": top_up}


def may_top_up(run: Run, round_number: int, made: int) -> bool:
    """Whether slots may be asked for once more, now that this round is counted. made: records of the round, good and
    bad; where none was written another round would not help."""
    wanted = min(run.requested - run.delivered, max_slots(run.requested) - run.asked)
    going = made > 0 and not run.cancel_requested and not _refused(run)
    return wanted > 0 and round_number + 1 < MAX_ROUNDS and going


def _refused(run: Run) -> bool:
    failed = cast("dict[str, int]", (run.reasons or {}).get("failed") or {})
    return any(n and reason.endswith(FINAL) for reason, n in failed.items())


def max_slots(requested: int) -> int:
    """How many slots a run may promise over all its rounds; at least one more than asked."""
    return math.ceil(requested * MAX_TOP_UP)
