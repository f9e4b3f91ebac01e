"""Repeats and contradictions among the records of a run, over all its rounds, and with what earlier runs delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain
from typing import Any, TypeAlias

from dataforge import ids
from dataforge.quality import repeats
from dataforge.quality.checks import CHECKS
from dataforge.quality.findings import Finding
from dataforge.quality.repeats import Relation, Statement
from dataforge.recipes import Recipe, drafts
from dataforge.records import Draft
from dataforge.store import chunks as chunk_store
from dataforge.store import runs
from dataforge.store.runs import Run
from dataforge.workflows import kinds, run_files
from dataforge.workflows.engine import deduplication
from dataforge.workflows.engine.deduplication import EARLIER_RUN, DuplicateFilter, Repeat
from dataforge.workflows.generation import config as generation_config
from dataforge.workflows.generation.config import GenerationConfig
from dataforge.workflows.generation.late_flags import LateFlags
from dataforge.workflows.generation.scoring import ScoredRecord
from dataforge.workflows.generation.statements import Said, Statements
from dataforge.workflows.generation.translations import Translations

_Line: TypeAlias = tuple[int, str, Mapping[str, Any], Recipe]
"""Number, pair, line of records.jsonl and recipe of a record that was delivered before."""
_MOST_FLAGS = 3
"""Of one kind for one record."""
_SAYS = {
    "contradicts": "{} answers the same question otherwise",
    "reworded_repeat": "says in other words what {} says",
    "translated_repeat": "says in another language what {} says",
}


class ProjectRepeats:
    """Judges the records of a round, given in slot order in any number of portions.

    Of records that say the same the first stays, unless the checks of its own facts doubt it and not the later one. A
    record that was rejected before takes no part."""

    def __init__(self, run: Run, config: GenerationConfig, first: int) -> None:
        """first: the round's first slot."""
        self._run, self._recipe = run, config.recipe
        self._statements = Statements()
        self._translations = Translations(run.project_id, self._statements)
        self.late = LateFlags(self._statements.rows)
        self._words_of = lru_cache(maxsize=64)(partial(_words_of, run.project_id))
        own = (
            (line["slot"], self._pair_id(line["slot"]), line, self._recipe)
            for line in deduplication.earlier_lines(run, "records.jsonl", first)
        )
        self._filter = DuplicateFilter(self._noted(chain(_delivered_before(run, self._recipe), own)))

    def close(self) -> None:
        self._statements.close()

    def mark(self, records: Sequence[ScoredRecord]) -> list[ScoredRecord]:
        """The records; repeats among them rejected, doubtful ones flagged. Of two that contradict each other both are
        flagged, or only the one that the checks of its own facts doubt. What contradicts a record of before is noted in
        `late` for that one."""
        marked = list(records)
        good = [n for n, r in enumerate(marked) if not r.reasons]
        texts = [self._recipe.compared_text(marked[n].draft) for n in good]
        alike = {good[r.place]: r for r in self._filter.repeats([marked[n].slot for n in good], texts)}
        at = {marked[n].slot: n for n in good}
        for n in good:
            marked[n] = self._judge(marked, n, alike.get(n), at)
        return marked

    def _judge(self, marked: list[ScoredRecord], n: int, alike: Repeat | None, at: dict[int, int]) -> ScoredRecord:
        record = marked[n]
        mine = Said(
            record.slot,
            self._pair_id(record.slot),
            _statement(self._recipe, record.draft, record.chunk_id, record.evidence),
            _doubted(f.check for f in record.flags),
        )
        found = [
            (other, relation)
            for other, relation in self._related(mine, alike)
            if relation == "contradicts" or mine.doubted or not other.doubted
        ]
        for other, relation in found:
            if relation == "near_duplicate":
                return self._rejected(record, other, alike)
        for other, relation in found[:_MOST_FLAGS]:
            if relation != "contradicts":
                record = _flagged(record, relation, mine.statement, other)
                continue
            if mine.doubted or not other.doubted:
                record = _flagged(record, relation, mine.statement, other)
            if other.doubted or not mine.doubted:
                self._flag_other(marked, other, mine, at)
        self._statements.add(mine, by_keys=self._recipe.asks)
        self._translations.note(mine)
        return record

    def _related(self, mine: Said, alike: Repeat | None) -> Iterator[tuple[Said, Relation]]:
        """Kept records that the record repeats or contradicts."""
        closest = self._statements.get(alike.of) if alike and alike.of is not None else None
        if not self._recipe.asks:
            if closest and not repeats.replaces(mine.statement, closest.statement):
                yield closest, "near_duplicate"
            return
        found = {said.number: said for said in self._statements.like(mine.statement)}
        if closest:
            found[closest.number] = closest
        for said in found.values():
            relation = repeats.compare(said.statement, mine.statement, partial(self._known, said, mine))
            if relation:
                yield said, relation
        for said in self._translations.of(mine):
            yield said, "translated_repeat"

    def _known(self, one: Said, other: Said) -> frozenset[str]:
        """The words of their chunk, where it is one."""
        same = one.statement.chunk_id == other.statement.chunk_id
        return self._words_of(one.statement.chunk_id, one.statement.language) if same else frozenset()

    def _rejected(self, record: ScoredRecord, other: Said, alike: Repeat | None) -> ScoredRecord:
        self._statements.reject(record.slot, other.number)
        return replace(
            record,
            reasons=("near_duplicate",),
            duplicate_of=other.number if other.number >= 0 else None,
            similarity=alike.similarity if alike and alike.of == other.number else None,
        )

    def _flag_other(self, marked: list[ScoredRecord], other: Said, mine: Said, at: dict[int, int]) -> None:
        if other.number in at:
            n = at[other.number]
            marked[n] = _flagged(marked[n], "contradicts", other.statement, mine)
        else:
            self.late.add(other, _finding("contradicts", other.statement, mine))

    def _noted(self, known: Iterable[_Line]) -> Iterator[tuple[int, str]]:
        """Number and text of records that are kept already, each noted on the way."""
        for number, pair_id, line, recipe in known:
            draft = drafts.from_json(line)
            statement = _statement(recipe, draft, line["chunk_id"], line["evidence"])
            flags = (str(flag["check"]) for flag in line.get("flags") or ())
            said = Said(number, pair_id, statement, _doubted(flags))
            self._statements.add(said, by_keys=recipe.asks)
            self._translations.note(said)
            yield number, recipe.compared_text(draft)

    def _pair_id(self, slot: int) -> str:
        return ids.pair_id(self._run.project_id, self._run.run_id, slot)


def _doubted(flags: Iterable[str]) -> bool:
    """Whether one of these checks is about the facts of the record: of two that contradict each other, that one is
    doubted then."""
    return any(name in CHECKS and CHECKS[name].weight == "weigh" for name in flags)


def _words_of(project_id: str, chunk_id: str, language: str) -> frozenset[str]:
    texts = [c.content for c in chunk_store.get_many(project_id, [chunk_id])]
    return repeats.content("\n".join(texts), language).words


def _statement(recipe: Recipe, draft: Draft, chunk_id: str, spans: Sequence[Mapping[str, Any]]) -> Statement:
    """spans: of its evidence. Those that hold a word of what another one holds as a whole tell nothing."""
    longest = max((len(str(span["text"])) for span in spans), default=0)
    evidence = [span for span in spans if 3 * len(str(span["text"])) >= longest]
    return repeats.statement(
        draft.question if recipe.asks else recipe.compared_text(draft),
        draft.answer if recipe.asks else "",
        [str(span["text"]) for span in evidence],
        chunk_id=chunk_id,
        start=int(evidence[0]["start"]) if evidence else None,
    )


def _flagged(record: ScoredRecord, relation: Relation, mine: Statement, other: Said) -> ScoredRecord:
    if record.reasons or sum(f.check == relation for f in record.flags) >= _MOST_FLAGS:
        return record
    return replace(record, flags=(*record.flags, _finding(relation, mine, other)))


def _finding(relation: Relation, mine: Statement, other: Said) -> Finding:
    words = repeats.differing(mine, other.statement) if relation == "contradicts" else ()
    return Finding(relation, "review", words, _SAYS[relation].format(other.pair_id))


def _delivered_before(run: Run, repeated_by: Recipe) -> Iterator[_Line]:
    """What earlier runs of the project delivered that this run could repeat, read from one file per run; numbered
    downwards, below the number that means no record."""
    number = EARLIER_RUN
    for earlier in runs.of_project(run.project_id):
        if not kinds.of(earlier.kind).reviewed or earlier.run_id == run.run_id or not earlier.delivered:
            continue
        recipe = generation_config.of(earlier).recipe
        if recipe.can_repeat(repeated_by):
            for line in run_files.read_records(earlier, "records.jsonl"):
                number -= 1
                yield number, ids.pair_id(run.project_id, earlier.run_id, line["slot"]), line, recipe
