"""After the batches of a round over documents: every draft scored, near-duplicates found, pairs and counts written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import astuple, dataclass, field
from itertools import chain, islice
from typing import IO

import orjson

from dataforge.platform import current
from dataforge.platform.ports import Item
from dataforge.recipes import drafts
from dataforge.store import chunks, pairs, projects, review_facts, review_index, run_status
from dataforge.store.review_facts import Marked
from dataforge.store.runs import Run
from dataforge.workflows import run_files
from dataforge.workflows.engine import deduplication, rounds
from dataforge.workflows.engine.outcomes import Drafted, Failed
from dataforge.workflows.engine.rounds import LINES, Round
from dataforge.workflows.generation import config as generation_config
from dataforge.workflows.generation import pair_drafts, scoring
from dataforge.workflows.generation.config import GenerationConfig
from dataforge.workflows.generation.decontaminating import EvaluationSets
from dataforge.workflows.generation.late_flags import LateFlags
from dataforge.workflows.generation.project_repeats import ProjectRepeats
from dataforge.workflows.generation.scoring import ScoredRecord
from dataforge.workflows.review import search
from dataforge.workflows.state_input import StateInput

_SEARCH, _MARKS = "search", "marks"

_AT_ONCE = 16
"""Chunks whose count is noted at the same time."""

_QUEUED = 500
"""... of so many that wait for it: each takes two kilobytes meanwhile."""


def assess(run: Run, e: StateInput) -> Item:
    """Safe to repeat: pairs are named by their slots, and the counters move once per round."""
    run = run_status.advance(run, "validating", "validating")
    config = generation_config.of(run)
    first, blocks = rounds.outcomes_in_blocks(run, e.round, pair_drafts.of_fields)
    with (
        rounds.scratch(*LINES, _SEARCH, _MARKS) as files,
        closing(ProjectRepeats(run, config, first)) as repeats,
    ):
        round_ = DocumentRound(run=run, first=first, files=files, config=config)
        evaluation_sets = EvaluationSets(run, config)
        for outcomes in blocks:
            drafted = [o for o in outcomes if isinstance(o, Drafted)]
            records = repeats.mark(evaluation_sets.mark(scoring.score_all(run, config, drafted)))
            round_.add(records, [o for o in outcomes if isinstance(o, Failed)])
        round_.write_files(repeats.late)
        run = _publish(run, e.round, round_, repeats.late)
    return rounds.output(run, e, made=round_.made)


@dataclass(slots=True, kw_only=True)
class DocumentRound(Round):
    """A round of a run over documents."""

    config: GenerationConfig
    per_chunk: Counter[str] = field(default_factory=Counter)
    searched: int = 0
    """Lines in the search file so far, counted from `first`."""

    def add(self, records: Sequence[ScoredRecord], failed: Sequence[Failed]) -> None:
        """The next block of slots: its pairs are written, and seen only when `show` says so."""
        records = [scoring.settled(r, self.config.policy) for r in records]
        made = [scoring.pair(self.run, self.config, r) for r in records]
        pairs.write_new(self.run.project_id, made)
        self.write(_MARKS, [[astuple(mark) for mark in pairs.marks(made)]])
        self.write_records("records.jsonl", (scoring.line(r) for r in records if not r.reasons))
        self.write_records("rejected.jsonl", (scoring.rejected_line(r) for r in records if r.reasons))
        self.write("failed.jsonl", map(_failed_line, failed))
        for r in records:
            self._search_line(r.slot - self.first, search.text_of(drafts.said(r.draft)))
        self.delivered += sum(not r.reasons for r in records)
        self.rejected.update(r.reasons[0] for r in records if r.reasons)
        self.failed.update(o.reason for o in failed)
        self.per_chunk.update(r.chunk_id for r in records)

    def write_files(self, late: LateFlags) -> None:
        """What earlier rounds wrote, then this one's lines. And the file that search reads."""
        for name in LINES:
            change = late.onto_line if name == "records.jsonl" and late else None
            deduplication.append_to_earlier(self.run, name, self.first, self.files[name], change)
        key = run_files.key_of(self.run, search.SEARCH_FILE)
        texts = chain(_search_lines(key, self.first), _rewound(self.files[_SEARCH]))
        current().files.write_stream(key, texts, content_type="text/plain; charset=utf-8")

    def show(self, round_number: int, late: LateFlags) -> None:
        """The round's pairs into the review queue, the project's counters with them, block by block."""
        project = projects.get(self.run.org_id, self.run.project_id)
        for line in _rewound(self.files[_MARKS]):
            marks = [late.onto_mark(Marked(*mark)) for mark in orjson.loads(line)]
            review_index.add_round(project, self.run.run_id, round_number, marks)
        late.onto_pairs(project)
        found = review_facts.flagged(self.run.project_id, review_index.run_of(self.run.run_id))
        self.flagged, self.flagged_by_check = found

    def note_chunks(self) -> None:
        """How many pairs each of the round's chunks has now, earlier rounds included."""
        total = Counter(self.per_chunk)
        for line in chain.from_iterable(deduplication.earlier_lines(self.run, name, self.first) for name in LINES[:2]):
            if line["chunk_id"] in total:
                total[line["chunk_id"]] += 1

        parses = chunks.parses_of(self.run.project_id, total)

        def note(chunk_id: str) -> None:
            chunks.count_pairs(self.run.project_id, chunk_id, self.run.run_id, total[chunk_id], parses=parses)

        waiting = iter(total)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            while some := list(islice(waiting, _QUEUED)):
                for _ in pool.map(note, some):
                    pass

    def _search_line(self, place: int, text: str) -> None:
        self.files[_SEARCH].write(search.line(text, place - self.searched))
        self.searched = place + 1


def _failed_line(failed: Failed) -> Item:
    return {
        "slot": failed.slot,
        "chunk_id": failed.chunk_id,
        "reason": failed.reason,
        "detail": failed.detail,
        **({"reply": failed.said} if failed.said else {}),
        "lineage": failed.lineage,
    }


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


def _publish(run: Run, round_number: int, round_: DocumentRound, late: LateFlags) -> Run:
    """The round's pairs, then the run's counters."""
    if run.assessed_round >= round_number:  # this round was closed before
        return run
    round_.show(round_number, late)
    round_.note_chunks()
    return rounds.count_round(run, round_number, round_)
