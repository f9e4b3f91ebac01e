"""After the batches: check every draft, find repeats over the whole run, score, keep, count, decide on a top-up.

A round is judged block by block of a thousand slots, and what comes of it lies on disk until all of it is known: a run
of 100,000 takes little more memory than one of 1,000. Earlier rounds are not judged again.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field
from itertools import chain, count, groupby, islice
from typing import IO, cast

import orjson

from dataforge.errors import ConditionFailed, Conflict
from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.recipes import drafts
from dataforge.store import blocks, pairs, projects, runs
from dataforge.store.blocks import Marked
from dataforge.store.runs import Run
from dataforge.workflows import finding, judging, repeats
from dataforge.workflows import runs as flow
from dataforge.workflows.generation import ROUNDS, most_slots
from dataforge.workflows.judging import Record

OUTCOMES = {"delivered": "records.jsonl", "rejected": "rejected.jsonl", "failed": "failed.jsonl"}
"""Whatever was asked for stands in exactly one of these files."""
LINES = tuple(OUTCOMES.values())
_SEARCH, _MARKS = "search", "marks"
_AT_ONCE = 16
"""Chunks whose count is noted at the same time."""
_QUEUED = 500
"""... of so many that wait for it: each takes two kilobytes meanwhile."""


def assess_run(raw: Item) -> Item:
    """Safe to repeat: pairs are named by their slots, and the counters move once per round."""
    e = flow.event(raw)
    run = runs.advance(flow.run_of(e), "validating", "validating")
    first, told = told_in_blocks(run, e.round)
    with scratch(*LINES, _SEARCH, _MARKS) as files:
        round_ = _Round(run, first, files)
        same = repeats.Repeats(run, first)
        for outcomes in told:
            round_.add(same.mark(judging.judge(run, outcomes)), [o for o in outcomes if "failed" in o])
        round_.write_files()
        run = _keep(run, e.round, round_)
    base: Item = {"org_id": e.org_id, "run_id": e.run_id, "project_id": e.project_id, "kind": e.kind}
    return {**base, "round": e.round + 1, "top_up": may_top_up(run, e.round, round_.made)}


def told_in_blocks(run: Run, round_number: int) -> tuple[int, Iterator[list[Item]]]:
    """The round's first slot, and its outcomes, block by block of slots."""
    told = outcomes_of(run, round_number)
    opening = list(islice(told, 1))
    first = cast(int, opening[0]["slot"]) if opening else run.asked  # slots are numbered through all rounds
    cut = groupby(chain(opening, told), lambda o: cast(int, o["slot"]) // blocks.BLOCK)
    return first, (list(block) for _, block in cut)


@contextmanager
def scratch(*names: str) -> Iterator[dict[str, IO[bytes]]]:
    """A temporary file for each name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(tempfile.TemporaryFile()) for name in names}


def outcomes_of(run: Run, round_number: int) -> Iterator[Item]:
    """One outcome per slot of the round, in slot order; a slot that no batch accounts for failed with its batch."""
    files, prefix = current().files, flow.key_of(run, f"round-{round_number}/")
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
    keys = {outcome: flow.key_of(run, name) for outcome, name in OUTCOMES.items()}
    return {outcome: key for outcome, key in keys.items() if current().files.info(key) is not None}


def record_failure(raw: Item) -> Item:
    """Note why a batch died for good; its slots without an outcome fail with that reason."""
    e = flow.event(raw)
    run, told = flow.run_of(e), flow.failure_of(raw) or "unknown error"
    flow.write_json(run, f"round-{e.round}/failure-{e.batch:04d}.json", {"error": told})
    runs.say(run.run_id, "generating", f"Batch {e.batch + 1} failed: {told}", level="error")
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


@dataclass(slots=True)
class _Round(Round):
    """Of a run over documents."""

    per_chunk: Counter[str] = field(default_factory=Counter)
    searched: int = 0
    """Lines in the search file so far, counted from `first`."""

    def add(self, records: Sequence[Record], failed: Sequence[Item]) -> None:
        """The next block of slots: its pairs are written, and seen only when `show` says so."""
        made = [judging.pair(self.run, r) for r in records]
        pairs.write_new(self.run.project_id, made)
        self.write(_MARKS, [[astuple(mark) for mark in pairs.marks(made)]])
        self.write("records.jsonl", (judging.line(r) for r in records if not r.reasons))
        self.write("rejected.jsonl", ({**judging.line(r), "reasons": r.reasons} for r in records if r.reasons))
        self.write(
            "failed.jsonl",
            (
                {
                    "slot": o["slot"],
                    "chunk_id": o["chunk_id"],
                    "reason": o["failed"],
                    "detail": o["detail"],
                    "lineage": o.get("lineage"),
                }
                for o in failed
            ),
        )
        for r in records:
            self._search_line(r.slot - self.first, finding.text_of(drafts.said(r.draft)))
        self.delivered += sum(not r.reasons for r in records)
        self.rejected.update(r.reasons[0] for r in records if r.reasons)
        self.failed.update(str(o["failed"]) for o in failed)
        self.per_chunk.update(r.chunk_id for r in records)

    def write_files(self) -> None:
        """What earlier rounds wrote, then this one's lines. And the file that search reads."""
        for name in LINES:
            repeats.carry_on(self.run, name, self.first, self.files[name])
        key = flow.key_of(self.run, finding.SEARCH_FILE)
        texts = chain(_search_lines(key, self.first), _rewound(self.files[_SEARCH]))
        current().files.write_stream(key, texts, content_type="text/plain; charset=utf-8")

    def show(self, round_number: int) -> None:
        """The round's pairs into the review queue, the project's counters with them, block by block."""
        project = projects.get(self.run.org_id, self.run.project_id)
        for line in _rewound(self.files[_MARKS]):
            marks = [Marked(*mark) for mark in orjson.loads(line)]
            blocks.add_round(project, self.run.run_id, round_number, marks)

    def note_chunks(self) -> None:
        """How many pairs each of the round's chunks has now, earlier rounds included."""
        total = Counter(self.per_chunk)
        for line in chain.from_iterable(repeats.before(self.run, name, self.first) for name in LINES[:2]):
            if line["chunk_id"] in total:
                total[line["chunk_id"]] += 1

        def note(chunk_id: str) -> None:
            projects.count_pairs_of_chunk(self.run.project_id, chunk_id, self.run.run_id, total[chunk_id])

        waiting = iter(total)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while some := list(islice(waiting, _QUEUED)):
                for _ in pool.map(note, some):
                    pass

    def _search_line(self, place: int, text: str) -> None:
        self.files[_SEARCH].write(finding.line(text, place - self.searched))
        self.searched = place + 1


def _rewound(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file


def _search_lines(key: str, number: int) -> Iterator[bytes]:
    """The first lines of a search file that is there, filled up with empty ones."""
    passed = 0
    try:
        with current().files.open(key) as file:
            for line in islice(file, number):
                passed += 1
                yield line
    except FileNotFoundError:
        pass
    yield from [b"\n"] * (number - passed)


def _keep(run: Run, round_number: int, round_: _Round) -> Run:
    """The round's pairs, then the run's counters."""
    if run.assessed_round >= round_number:  # this round was closed before
        return run
    round_.show(round_number)
    round_.note_chunks()
    return count_round(run, round_number, round_.delivered, rejected=round_.rejected, failed=round_.failed)


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
        return runs.change(run, values, where={"assessed_round": round_number - 1})
    except ConditionFailed:
        return runs.get(run.org_id, run.run_id)


def may_top_up(run: Run, round_number: int, made: int) -> bool:
    """Whether slots may be asked for once more, now that this round is counted. made: records of the round, good and
    bad; where none was written another round would not help."""
    wanted = min(run.requested - run.delivered, most_slots(run.requested) - run.asked)
    going = made > 0 and not run.cancel_requested and not _refused(run)
    return wanted > 0 and round_number + 1 < ROUNDS and going


def _refused(run: Run) -> bool:
    failed = cast("dict[str, int]", (run.reasons or {}).get("failed") or {})
    final = ("teacher_refused", "cancelled", "budget_reached")
    return any(n and (why in final or why.endswith("batch_job_failed")) for why, n in failed.items())
