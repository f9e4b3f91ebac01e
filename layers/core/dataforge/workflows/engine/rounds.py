"""Rounds of a run: outcomes in blocks, counts, top-ups."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import chain, count, groupby, islice
from typing import IO, cast

import orjson

from dataforge.errors import ConditionFailed, Conflict
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.store import review_index, run_log, run_status, runs
from dataforge.store.runs import Run
from dataforge.workflows import lifecycle, run_files, state_input

OUTCOMES = {"delivered": "records.jsonl", "rejected": "rejected.jsonl", "failed": "failed.jsonl"}
"""Whatever was asked for stands in exactly one of these files."""

LINES = tuple(OUTCOMES.values())


def outcomes_in_blocks(run: Run, round_number: int) -> tuple[int, Iterator[list[Item]]]:
    """The round's first slot, and its outcomes, block by block of slots."""
    told = outcomes_of(run, round_number)
    opening = list(islice(told, 1))
    first = cast(int, opening[0]["slot"]) if opening else run.asked  # slots are numbered through all rounds
    cut = groupby(chain(opening, told), lambda o: cast(int, o["slot"]) // review_index.BLOCK)
    return first, (list(block) for _, block in cut)


@contextmanager
def scratch(*names: str) -> Iterator[dict[str, IO[bytes]]]:
    """A temporary file for each name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(tempfile.TemporaryFile()) for name in names}


def outcomes_of(run: Run, round_number: int) -> Iterator[Item]:
    """One outcome per slot of the round, in slot order; a slot that no batch accounts for failed with its batch."""
    files, prefix = current().files, run_files.key_of(run, f"round-{round_number}/")
    there = {info.key.removeprefix(prefix) for info in files.list(prefix)}
    for number in count():
        if f"batch-{number:04d}.json" not in there:
            return
        calls = orjson.loads(files.read(f"{prefix}batch-{number:04d}.json"))["calls"]
        part, failure = f"part-{number:04d}.json", f"failure-{number:04d}.json"
        found = {o["slot"]: o for o in orjson.loads(files.read(prefix + part))["outcomes"]} if part in there else {}
        reason, detail = "batch_failed", "its batch ended without a result"
        if failure in there:
            detail = str(orjson.loads(files.read(prefix + failure))["error"])
        elif run.cancel_requested:
            reason = "cancelled"
        for slot in sorted((s for call in calls for s in call), key=lambda s: cast(int, s["index"])):
            yield found.get(slot["index"]) or {
                "slot": slot["index"],
                "chunk_id": slot["chunk_id"],
                "failed": reason,
                "detail": detail,
            }


def outcome_files(run: Run) -> dict[str, str]:
    """The keys of its files, by outcome; those that it came to. Raises Conflict while the run goes on."""
    if run.status not in runs.FINISHED:
        raise Conflict(
            f"Generation {run.run_id} is {run.status}; its outcomes are there once it has ended",
            code="GENERATION_NOT_COMPLETE",
        )
    keys = {outcome: run_files.key_of(run, name) for outcome, name in OUTCOMES.items()}
    return {outcome: key for outcome, key in keys.items() if current().files.info(key) is not None}


def record_failure(raw: Item) -> Item:
    """Note why a batch died for good; its slots without an outcome fail with that reason."""
    e = state_input.read(raw)
    run, told = lifecycle.run_of(e), state_input.failure_of(raw) or "unknown error"
    run_files.write_json(run, f"round-{e.round}/failure-{e.batch:04d}.json", {"error": told})
    run_log.write(run.run_id, "generating", f"Batch {e.batch + 1} failed: {told}", level="error")
    return {"batch": e.batch, "made": 0}


@dataclass(slots=True)
class Round:
    """A round of either kind of run while it is assessed: its counts, and its lines in temporary files."""

    run: Run
    first: int
    files: dict[str, IO[bytes]]
    delivered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def made(self) -> int:
        """Records, good and bad."""
        return self.delivered + self.rejected.total()

    def write(self, name: str, lines: Iterable[object]) -> None:
        self.files[name].writelines(orjson.dumps(line) + b"\n" for line in lines)


def count_round(run: Run, round_number: int, delivered: int, *, rejected: Counter[str], failed: Counter[str]) -> Run:
    """Move the run's counters by what came of a round, however often it is told; the run as it is then."""
    if run.assessed_round >= round_number:
        return run
    known = cast("dict[str, dict[str, int]]", run.reasons or {})
    rejected = Counter(known.get("rejected") or {}) + rejected
    failed = Counter(known.get("failed") or {}) + failed
    values: Item = {
        "delivered": run.delivered + delivered,
        "rejected": rejected.total(),
        "failed": failed.total(),
        "reasons": {"rejected": {**rejected}, "failed": {**failed}},
        "assessed_round": round_number,
    }
    try:
        return run_status.change(run, values, where={"assessed_round": round_number - 1})
    except ConditionFailed:
        return runs.get(run.org_id, run.run_id)


def may_top_up(run: Run, round_number: int, made: int) -> bool:
    """Whether slots may be asked for once more, now that this round is counted. made: records of the round, good and
    bad; where none was written another round would not help."""
    wanted = min(run.requested - run.delivered, max_slots(run.requested) - run.asked)
    going = made > 0 and not run.cancel_requested and not _refused(run)
    return wanted > 0 and round_number + 1 < MAX_ROUNDS and going


def _refused(run: Run) -> bool:
    failed = cast("dict[str, int]", (run.reasons or {}).get("failed") or {})
    final = ("teacher_refused", "cancelled", "budget_reached")
    return any(n and (why in final or why.endswith("batch_job_failed")) for why, n in failed.items())


MAX_TOP_UP = 1.25
"""A run never asks for more than this many times the pairs it was asked for."""

MAX_ROUNDS = 6
"""Rounds of asking in one run, the first included."""


def max_slots(requested: int) -> int:
    """How many slots a run may promise over all its rounds; at least one more than asked."""
    return math.ceil(requested * MAX_TOP_UP)
